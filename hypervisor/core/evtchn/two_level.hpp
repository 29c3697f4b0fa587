// SPDX-License-Identifier: MIT
// The 2-level event ABI (xen/xen.h, struct shared_info): a pending and a mask bit per port in the shared page, and per
// vCPU a selector with one bit for each word of pending bits.
#pragma once

#include "abi/xen.hpp"
#include "lib/atomic.hpp"
#include "lib/types.hpp"

namespace hv {

struct TwoLevel {
    shared_info_t& shared;

    /// What raising or unmasking a port calls for.
    enum class Effect : u8 { none, pending, upcall };

    /// `none`: it was pending already. `pending`: no upcall is due (masked, or its selector bit is still set).
    [[nodiscard]] Effect raise(u32 port, vcpu_info_t& info) const {
        if (test_and_set_bit(port, shared.evtchn_pending)) return Effect::none;
        return !test_bit(port, shared.evtchn_mask) && select(port, info) ? Effect::upcall : Effect::pending;
    }
    [[nodiscard]] Effect unmask(u32 port, vcpu_info_t& info) const {
        return test_and_clear_bit(port, shared.evtchn_mask) && pending(port) && select(port, info) ? Effect::upcall
                                                                                                   : Effect::none;
    }
    void clear(u32 port) const { test_and_clear_bit(port, shared.evtchn_pending); }
    [[nodiscard]] bool pending(u32 port) const { return test_bit(port, shared.evtchn_pending); }
    [[nodiscard]] bool masked(u32 port) const { return test_bit(port, shared.evtchn_mask); }

  private:
    static bool select(u32 port, vcpu_info_t& info) {
        return !test_and_set_bit(port / (8 * sizeof(xen_ulong_t)), &info.evtchn_pending_sel);
    }
};

} // namespace hv
