// SPDX-License-Identifier: MIT
#include "libxl/consoled/console_ring.hpp"

namespace hospes::xl::consoled {

static std::uint32_t load(const XENCONS_RING_IDX& i) { return __atomic_load_n(&i, __ATOMIC_ACQUIRE); }
static void store(XENCONS_RING_IDX& i, std::uint32_t v) { __atomic_store_n(&i, v, __ATOMIC_RELEASE); }

std::string ConsoleRing::take() {
    std::uint32_t at = load(page_->out_cons);
    const std::uint32_t end = load(page_->out_prod);
    std::string text;
    // A guest that overtakes itself loses what it overwrote, and nobody else anything.
    if (end - at > sizeof page_->out) at = end - static_cast<std::uint32_t>(sizeof page_->out);
    text.reserve(end - at);
    for (; at != end; ++at)
        text += page_->out[MASK_XENCONS_IDX(at, page_->out)];
    store(page_->out_cons, end);
    return text;
}

std::size_t ConsoleRing::give(std::string_view bytes) {
    std::uint32_t at = load(page_->in_prod);
    const std::uint32_t used = at - load(page_->in_cons);
    if (used > sizeof page_->in) return 0; // nonsense: wait until the guest mends it
    std::size_t n = 0;
    for (std::uint32_t space = static_cast<std::uint32_t>(sizeof page_->in) - used; space > 0 && n < bytes.size();
         --space)
        page_->in[MASK_XENCONS_IDX(at++, page_->in)] = bytes[n++];
    store(page_->in_prod, at);
    return n;
}

} // namespace hospes::xl::consoled
