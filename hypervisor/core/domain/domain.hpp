// SPDX-License-Identifier: MIT
// A domain: the unit of isolation. Fields are grouped by the lock or rule that guards them.
#pragma once

#include "abi/xen.hpp"
#include "arch_domain.hpp"
#include "core/deferred/grace.hpp"
#include "core/domain/vcpu.hpp"
#include "core/mm/page.hpp"
#include "lib/atomic.hpp"
#include "lib/ids.hpp"
#include "lib/list.hpp"
#include "lib/rangeset.hpp"
#include "lib/result.hpp"
#include "lib/spinlock.hpp"

namespace hv {

struct EvtchnDomain;
struct GrantTable;
struct CpuPool;

/// Allocated page-aligned (PageInfo::owner_frame names it); lives until its last reference is dropped.
struct Domain {
    // Fixed at creation.
    Domid id{};
    bool is_hvm = false;        ///< PVH/HVM; false: PV
    bool is_privileged = false; ///< may use the control hypercalls (dom0)
    bool is_hardware = false;   ///< owns the machine's interrupts, ports and shutdown (dom0)
    u32 options = 0;            ///< XEN_DOMCTL_CDF_*
    u32 ssidref = 0;
    xen_domain_handle_t handle{};
    u32 max_vcpus = 0;
    Vcpu** vcpus = nullptr;   ///< max_vcpus entries, each nullptr until created
    Domain* target = nullptr; ///< set_target: the domain this one is device model of (reference held)

    Atomic<u32> refs{1}; ///< see DomainRef; 0: being taken apart
    GraceCall grace;     ///< defers that until nobody can be looking it up

    // Life cycle.
    enum class Dying : u8 { no, dying, dead };
    Atomic<Dying> dying{Dying::no};
    u8 destroy_stage = 0; ///< progress of the preemptible teardown
    SpinLock lock{LockRank::domain};
    Atomic<u32> pause_count{0};
    u32 controller_pauses = 0;      ///< XEN_DOMCTL_pausedomain count (under lock)
    bool creation_finished = false; ///< first unpause happened (its pages are settled)
    SpinLock shutdown_lock{LockRank::shutdown};
    bool shutting_down = false;
    bool shut_down = false;
    u32 shutdown_code = ~0U;
    Port suspend_port{}; ///< XEN_DOMCTL_subscribe, 0 = none
    bool debugger_attached = false;
    Timer watchdog[2]; ///< SCHEDOP_watchdog ids 1, 2 (under lock)
    u32 watchdogs = 0; ///< ids in use, bit = id - 1

    // Memory (page_alloc_lock).
    SpinLock page_alloc_lock{LockRank::page_alloc};
    u32 page_list = 0;      ///< first frame of its pages (PageInfo::next), 0 = none
    u32 dead_page_list = 0; ///< dying: pages given up already that somebody still refers to
    u32 tot_pages = 0;
    u32 max_pages = 0;
    u32 hv_pages = 0; ///< hypervisor pages shared with it
    u32 outstanding_claim = 0;
    Atomic<u32> shared_pages{0};
    Atomic<u32> paged_pages{0};
    u64 node_affinity = ~u64{0};
    bool auto_node_affinity = true;

    // What the domain may touch of the machine.
    RangeSet iomem_allowed; ///< frames
    RangeSet irqs_allowed;  ///< pirqs

    shared_info_t* shared_info = nullptr;
    bool arch_created = false;
    EvtchnDomain* evtchn = nullptr;
    GrantTable* grants = nullptr;

    u32 vm_assist = 0; ///< VMASST_TYPE_* bits
    s64 time_offset_seconds = 0;
    CpuPool* pool = nullptr;
    void* sched = nullptr; ///< the scheduler's private part
    u64 max_evtchn_port = 0;
    u32 max_grant_frames = 0;
    u32 max_maptrack_frames = 0;

    ArchDomain arch;
};

void domain_put(Domain& domain);

/// A counted reference. Taking one can fail: the domain may be gone.
class DomainRef : public Held<Domain, domain_put> {
  public:
    using Held::Held;
    static DomainRef share(Domain& domain); ///< of a domain known to be referenced
    static DomainRef adopt(Domain& domain) { return DomainRef(domain); }
    static Result<DomainRef> find(Domid id); ///< -ESRCH; also finds dying domains
    /// DOMID_SELF or an id; no permission check.
    static Result<DomainRef> find_any(Domid id);
    /// find_any + "caller may act on it": itself, or the XSM default policy's target right. -ESRCH / -EPERM.
    static Result<DomainRef> find_target(Domid id);
};

extern Domain* dom0;    ///< the hardware and control domain, nullptr until built
extern Domain* dom_io;  ///< owner of MMIO frames that have a PageInfo
extern Domain* dom_xen; ///< owner of hypervisor pages shown read-only
Domain& idle_domain();
/// Next domain by ascending id after `after` (nullptr: first). Holds a reference.
DomainRef domain_next(const Domain* after);
DomainRef domain_after(Domid id); ///< the same by id
bool domain_id_free(Domid id);
template <typename F> void for_each_domain(F&& visit) {
    for (DomainRef d = domain_next(nullptr); d; d = domain_next(&*d))
        visit(*d);
}
template <typename F> void for_each_vcpu(Domain& domain, F&& visit) {
    for (VcpuId i = 0; i < domain.max_vcpus; ++i)
        if (Vcpu* vcpu = domain.vcpus[i]) visit(*vcpu);
}
inline Vcpu* domain_vcpu(Domain& domain, u64 id) { return id < domain.max_vcpus ? domain.vcpus[id] : nullptr; }

// Life cycle (core/domain/*.cpp).
void domain_init(); ///< table, idle domain, dom_xen, dom_io; needs the heap
/// Checks `config`; the new domain has a shared_info page, event channels, grants and the architecture's part, no
/// vCPUs, no memory, and is paused once: domain_unpause_by_controller() starts it. `privileged`: dom0.
Result<Domain*> domain_create(Domid id, const xen_domctl_createdomain& config, bool privileged);
/// Its pause flags are `down`; vcpu.info is its slot of shared_info or, from 32 on, a dummy.
Result<Vcpu*> vcpu_create(Domain& domain, VcpuId id);
Status domain_kill(Domain& domain); ///< preemptible: -ERESTART until done
void domain_shutdown(Domain& domain, u32 reason);
Status domain_resume(Domain& domain);
void domain_pause(Domain& domain); ///< returns once no vCPU runs
void domain_unpause(Domain& domain);
Status domain_pause_by_controller(Domain& domain);
Status domain_unpause_by_controller(Domain& domain);
/// The guest did something that cannot be continued: log why with its registers and shut it down with reason crash.
/// `domain_crash(current...)` returns; the caller must leave towards the guest exit path.
void domain_crash(Domain& domain, const char* why);

/// Stops the vCPU's timers and gives up its registered areas (it will not run again).
void vcpu_relinquish(Vcpu& vcpu);
bool vcpu_info_is_dummy(const Vcpu& vcpu);
void vcpu_info_reset(Vcpu& vcpu); ///< to the dummy

// The architecture's part.
Status arch_domain_create(Domain& domain, const xen_domctl_createdomain& config);
void arch_domain_destroy(Domain& domain);
/// Preemptible: drops what the vCPUs refer to (page tables, GDT, LDT) and every pin. Called again until it does not
/// return -ERESTART; domain_relinquish_memory() comes after it.
Status arch_domain_relinquish(Domain& domain);
Status arch_vcpu_create(Vcpu& vcpu);
void arch_vcpu_destroy(Vcpu& vcpu);
Status arch_set_context(Vcpu& vcpu, const vcpu_guest_context_t& context); ///< validates everything
void arch_send_nmi(Vcpu& vcpu); ///< VCPUOP_send_nmi, XEN_DOMCTL_SENDTRIGGER_NMI: pending until its exit path
void arch_get_context(Vcpu& vcpu, vcpu_guest_context_t& context);

inline bool vcpu_runnable(const Vcpu& vcpu) {
    return (vcpu.pause_flags.load(Order::relaxed) | vcpu.pause_count.load(Order::relaxed) |
            vcpu.domain->pause_count.load(Order::relaxed)) == 0;
}

} // namespace hv
