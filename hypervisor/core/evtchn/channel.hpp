// SPDX-License-Identifier: MIT
// One end of an event channel, and a domain's table of them (internal to core/evtchn).
// Locks: bind_lock of the domain for every change of a state; the channel's own lock as well for every change that a
// sender may see. Sending takes only the channel lock of the port that is sent on: closing takes both ends' locks, so
// the far end cannot vanish meanwhile. VIRQs are sent under vcpu.virq_lock, PIRQs under the lock of their binding.
#pragma once

#include "core/evtchn/evtchn.hpp"
#include "core/evtchn/fifo.hpp"
#include "core/mm/heap.hpp"

namespace hv {

enum class PortState : u8 { free, reserved, unbound, interdomain, pirq, virq, ipi };

/// Variant by `state()`: the accessors of one state may be used in that state only.
class Channel {
  public:
    [[nodiscard]] PortState state() const { return state_; }
    /// In use; only then are the event words stable.
    [[nodiscard]] bool bound() const { return state_ != PortState::free && state_ != PortState::reserved; }
    void set_free() { become(PortState::free, nullptr, 0); }
    void set_reserved() { become(PortState::reserved, nullptr, 0); }
    void set_unbound(Domid allowed) { become(PortState::unbound, nullptr, allowed.raw()); }
    void set_interdomain(Domain& remote, Port port) { become(PortState::interdomain, &remote, port.raw()); }
    void set_pirq(u32 pirq) { become(PortState::pirq, nullptr, pirq); }
    void set_virq(u32 virq) { become(PortState::virq, nullptr, virq); }
    void set_ipi() { become(PortState::ipi, nullptr, 0); }

    [[nodiscard]] Domid allowed() const { return Domid{static_cast<u16>(value(PortState::unbound))}; }
    [[nodiscard]] Domain& remote() const { ///< the channel holds a reference to it
        HV_ASSERT(state_ == PortState::interdomain);
        return *remote_;
    }
    [[nodiscard]] Port remote_port() const { return Port{value(PortState::interdomain)}; }
    [[nodiscard]] u32 pirq() const { return value(PortState::pirq); }
    [[nodiscard]] u32 virq() const { return value(PortState::virq); }

    [[nodiscard]] Port port() const { return Port{port_}; }
    void init(u32 port) { port_ = port; }

    SpinLock lock{LockRank::evtchn_port};
    u16 vcpu = 0;    ///< the vCPU that is notified
    u8 consumer = 0; ///< not 0: this end belongs to the hypervisor, see evtchn_alloc_unbound_xen
    FifoPort fifo;

  private:
    void become(PortState state, Domain* remote, u32 value) {
        remote_ = remote;
        value_ = value;
        state_ = state;
    }
    [[nodiscard]] u32 value([[maybe_unused]] PortState expected) const {
        HV_ASSERT(state_ == expected);
        return value_;
    }
    PortState state_ = PortState::free;
    u32 port_ = 0;
    u32 value_ = 0;
    Domain* remote_ = nullptr;
};
static_assert(sizeof(Channel) <= 40);

struct EvtchnDomain {
    static constexpr u32 bucket_ports = 64; ///< 2.5 KiB each
    static constexpr u32 group_buckets = 128;
    static constexpr u32 max_groups = EVTCHN_FIFO_NR_CHANNELS / (bucket_ports * group_buckets);

    SpinLock bind_lock{LockRank::evtchn_bind};
    u32 max_port = 0;           ///< highest port the control domain allows
    Atomic<u32> valid_ports{0}; ///< ports below have a Channel
    u32 first_free = 1;         ///< every port below is in use (port 0 is never given out)
    u32 pirq_ports = 0;
    u32 next_close = 0; ///< progress of reset and teardown
    Channel** groups[max_groups] = {};
    FifoArray* fifo = nullptr; ///< nullptr: the 2-level ABI is in use

    [[nodiscard]] Channel& at(u32 port) {
        return groups[port / (bucket_ports * group_buckets)][port / bucket_ports % group_buckets][port % bucket_ports];
    }
    /// nullptr when there is no such port (yet).
    [[nodiscard]] Channel* find(Port port) {
        return port.raw() < valid_ports.load(Order::acquire) ? &at(port.raw()) : nullptr;
    }
    [[nodiscard]] u32 abi_ports() const {
        return fifo ? u32{EVTCHN_FIFO_NR_CHANNELS} : static_cast<u32>(EVTCHN_2L_NR_CHANNELS);
    }
};

// table.cpp; bind_lock held.
/// A free port, now `reserved`. -ENOSPC, -ENOMEM, or -EINVAL for a dying domain.
Result<Channel*> evtchn_alloc_port(Domain& domain);
Status evtchn_alloc_port_at(Domain& domain, u32 port); ///< makes the table cover `port`
void evtchn_free_port(Domain& domain, Channel& channel);

// send.cpp; whatever keeps `channel` bound is held.
void evtchn_set_pending(Domain& domain, Channel& channel);
void evtchn_clear_pending(Domain& domain, Channel& channel);
bool evtchn_is_pending(Domain& domain, const Channel& channel);
bool evtchn_is_masked(Domain& domain, const Channel& channel);
bool evtchn_is_busy(Domain& domain, const Channel& channel); ///< still linked into a queue

// close.cpp.
Status evtchn_close(Domain& domain, Port port, bool by_guest);
Status evtchn_reset(Domain& domain, bool resume);

// fifo.cpp.
Status evtchn_fifo_init_control(evtchn_init_control_t& op);
Status evtchn_fifo_expand(const evtchn_expand_array_t& op);
void evtchn_fifo_destroy(Domain& domain);

// send.cpp: notification functions of hypervisor-owned ends.
Result<u8> evtchn_consumer_slot(EvtchnConsumer notify);

} // namespace hv
