// SPDX-License-Identifier: MIT
#include "net/ring.hpp"

#include <algorithm>
#include <atomic>

namespace hospes::xs {
namespace {

constexpr std::uint32_t features = XENSTORE_SERVER_FEATURE_RECONNECTION | XENSTORE_SERVER_FEATURE_ERROR;

std::uint32_t load(const std::uint32_t& index) { return __atomic_load_n(&index, __ATOMIC_ACQUIRE); }
void store(std::uint32_t& index, std::uint32_t value) { __atomic_store_n(&index, value, __ATOMIC_RELEASE); }
/// Keeps the order of writes to the slot as a crash would see it.
void fence() { std::atomic_signal_fence(std::memory_order_seq_cst); }

} // namespace

Ring::Ring(xenstore_domain_interface& page, Slot& slot, Domid domid) : Ring(page, slot) {
    req_cons_ = load(page.req_cons);
    rsp_prod_ = load(page.rsp_prod);
    slot.used = 0;
    slot.out_base = rsp_prod_;
    slot.now = {0, req_cons_, 0, 0};
    slot.next = slot.now;
    fence();
    slot.used = domid + 1U;
    announce();
}

Ring Ring::resume(xenstore_domain_interface& page, Slot& slot, std::uint64_t committed) {
    Ring r(page, slot);
    if (slot.next.count == slot.now.count + 1 && slot.next.position <= committed) slot.now = slot.next;
    slot.next = slot.now;
    r.req_cons_ = load(page.req_cons);
    r.rsp_prod_ = load(page.rsp_prod);
    // Nothing that the guest may have done to the indices leads outside the buffers.
    if (r.taken() > message_max) slot.now.in_base = r.req_cons_;
    if (slot.now.out_len > slot_out_size) slot.now.out_len = 0;
    if (r.rsp_prod_ - slot.out_base > slot.now.out_len) {
        slot.now.out_len = 0;
        slot.out_base = r.rsp_prod_;
    }
    // `connection` stays: the guest may have asked for a reconnect meanwhile.
    page.server_features = features;
    return r;
}

void Ring::announce() {
    page_->server_features = features;
    store(page_->connection, XENSTORE_CONNECTED);
}

void Ring::set_fault(Fault fault) {
    if (fault_ != Fault::None) return;
    fault_ = fault;
    store(page_->error, static_cast<std::uint32_t>(fault));
}

bool Ring::wants_reconnect() const { return load(page_->connection) == XENSTORE_RECONNECT; }

void Ring::reconnect() {
    fault_ = Fault::None;
    page_->error = XENSTORE_ERROR_NONE;
    store(page_->req_cons, 0);
    store(page_->req_prod, 0);
    store(page_->rsp_cons, 0);
    store(page_->rsp_prod, 0);
    req_cons_ = rsp_prod_ = 0;
    slot_->now.out_len = 0;
    slot_->out_base = 0;
    slot_->now.in_base = 0;
    slot_->next = slot_->now;
    announce();
    moved_ = true;
}

bool Ring::fetch() {
    for (;;) {
        std::uint32_t have = taken();
        std::uint32_t want = sizeof(Header);
        if (have >= sizeof(Header)) {
            const std::uint32_t len = header().len;
            if (len > payload_max) {
                set_fault(Fault::Protocol);
                return false;
            }
            want += len;
            if (have >= want) return true;
        }
        const std::uint32_t available = load(page_->req_prod) - req_cons_;
        if (available > XENSTORE_RING_SIZE) {
            set_fault(Fault::Index);
            return false;
        }
        if (available == 0) return false;
        const std::uint32_t at = MASK_XENSTORE_IDX(req_cons_);
        const std::uint32_t n = std::min({want - have, available, static_cast<std::uint32_t>(XENSTORE_RING_SIZE) - at});
        std::memcpy(slot_->in.data() + have, page_->req + at, n);
        fence();
        req_cons_ += n;
        store(page_->req_cons, req_cons_);
        moved_ = true;
    }
}

std::uint32_t Ring::fit(std::string_view bytes) const {
    std::uint32_t fits = 0;
    while (bytes.size() - fits >= sizeof(Header)) {
        const std::size_t one = sizeof(Header) + read_header(bytes.data() + fits).len;
        if (slot_->now.out_len + fits + one > slot_out_size) break;
        fits += static_cast<std::uint32_t>(one);
    }
    return fits;
}

std::size_t Ring::stage(std::string_view bytes) {
    const std::uint32_t fits = fit(bytes);
    if (fits == 0) return 0;
    std::memcpy(slot_->out.data() + slot_->now.out_len, bytes.data(), fits);
    fence();
    slot_->now.out_len += fits;
    return fits;
}

void Ring::prepare(std::uint64_t position, std::string_view replies) {
    std::memcpy(slot_->out.data() + slot_->now.out_len, replies.data(), replies.size());
    slot_->next.in_base = req_cons_;
    slot_->next.out_len = slot_->now.out_len + static_cast<std::uint32_t>(replies.size());
    slot_->next.position = position;
    fence();
    slot_->next.count = slot_->now.count + 1;
    fence();
}

void Ring::finish() {
    fence();
    slot_->now.position = slot_->next.position;
    slot_->now.in_base = slot_->next.in_base;
    slot_->now.out_len = slot_->next.out_len;
    fence();
    slot_->now.count = slot_->next.count;
}

void Ring::push() {
    while (slot_->now.out_len != 0) {
        const std::uint32_t sent = rsp_prod_ - slot_->out_base;
        if (sent == slot_->now.out_len) {
            slot_->now.out_len = 0;
            fence();
            slot_->out_base = rsp_prod_;
            return;
        }
        const std::uint32_t waiting = rsp_prod_ - load(page_->rsp_cons);
        if (waiting > XENSTORE_RING_SIZE) return set_fault(Fault::Index);
        const std::uint32_t space = XENSTORE_RING_SIZE - waiting;
        if (space == 0) return;
        const std::uint32_t at = MASK_XENSTORE_IDX(rsp_prod_);
        const std::uint32_t n =
            std::min({slot_->now.out_len - sent, space, static_cast<std::uint32_t>(XENSTORE_RING_SIZE) - at});
        std::memcpy(page_->rsp + at, slot_->out.data() + sent, n);
        rsp_prod_ += n;
        store(page_->rsp_prod, rsp_prod_);
        pushed_ += n;
        moved_ = true;
    }
}

} // namespace hospes::xs
