// SPDX-License-Identifier: MIT
// Shared by the control families: turning a hypercall's number into a Status with a name.
#pragma once

#include "xc/control.hpp"

namespace hospes::xc {

inline std::uint64_t address_of(const void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); }

inline Status status(long result, const char* verb, DomId domain) {
    if (result >= 0) return {};
    return error(std::string(verb) + " domain " + std::to_string(domain), static_cast<int>(-result));
}

template <typename Fill>
Status simple_domctl(Control& control, DomId domain, unsigned command, const char* verb, Fill&& fill) {
    xen_domctl op{};
    op.cmd = command;
    op.domain = domain;
    fill(op);
    return status(control.domctl(op), verb, domain);
}
inline Status simple_domctl(Control& control, DomId domain, unsigned command, const char* verb) {
    return simple_domctl(control, domain, command, verb, [](xen_domctl&) {});
}

/// A bitmap argument of domctl/sysctl in hypercall memory.
class BitmapArgument {
  public:
    BitmapArgument(Transport& transport, std::size_t bits, const BitWords* from = nullptr)
        : buffer_(transport, (bits + 7) / 8), bits_(bits) {
        if (buffer_ && from) std::memcpy(buffer_.data(), from->data(), std::min(from->size(), buffer_.size()));
    }
    explicit operator bool() const { return static_cast<bool>(buffer_); }
    void describe(xenctl_bitmap& out) const {
        set_handle(out.bitmap, buffer_.data());
        out.nr_bits = static_cast<std::uint32_t>(bits_);
    }
    [[nodiscard]] BitWords words() const { return {buffer_.data(), buffer_.data() + buffer_.size()}; }

  private:
    Buffer<std::uint8_t> buffer_;
    std::size_t bits_;
};

} // namespace hospes::xc
