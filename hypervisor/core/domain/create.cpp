// SPDX-License-Identifier: MIT
// Building domains and vCPUs, and taking their structures apart again.
#include "core/debug/printk.hpp"
#include "core/domain/table.hpp"
#include "core/domain/timers.hpp"
#include "core/evtchn/evtchn.hpp"
#include "core/grant/grant.hpp"
#include "core/init/cmdline.hpp"
#include "core/mm/heap.hpp"
#include "core/sched/sched.hpp"

namespace hv {

namespace {

constinit NumberOption gnttab_max_frames("gnttab_max_frames", 64);
constinit NumberOption gnttab_max_maptrack_frames("gnttab_max_maptrack_frames", 1024);
HV_OPTION(gnttab_max_frames);
HV_OPTION(gnttab_max_maptrack_frames);

constexpr unsigned domain_order = sizeof(Domain) <= page_size ? 0 : 1;
static_assert(sizeof(Domain) <= 2 * page_size);

Domain* the_idle_domain;
vcpu_info_t dummy_vcpu_info; // of vCPUs beyond the 32 in shared_info that have not registered theirs

Domain* allocate(Domid id) {
    void* memory = alloc_pages(domain_order);
    Domain* domain = memory ? ::new (memory) Domain : nullptr;
    if (domain) domain->id = id;
    return domain;
}

void deallocate(Domain& domain) {
    domain.~Domain();
    free_pages(&domain, domain_order);
}

Status check(const xen_domctl_createdomain& config, bool privileged) {
    constexpr u32 known = XEN_DOMCTL_CDF_MAX | (XEN_DOMCTL_CDF_MAX - 1);
    if ((config.flags & ~known) || (config.iommu_opts & ~u32{XEN_DOMCTL_IOMMU_MAX})) return Errno::inval;
    // No HVM, no IOMMU, no vPMU yet.
    if (config.flags & (XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap | XEN_DOMCTL_CDF_iommu | XEN_DOMCTL_CDF_vpmu |
                        XEN_DOMCTL_CDF_nested_virt | XEN_DOMCTL_CDF_s3_integrity))
        return Errno::inval;
    if (config.iommu_opts || config.max_vcpus == 0 || config.max_vcpus > max_cpus) return Errno::inval;
    if (config.vmtrace_size) return Errno::opnotsupp;
    if (config.arch.emulation_flags & ~(privileged ? u32{XEN_X86_EMU_PIT} : 0u)) return Errno::inval;
    if (config.arch.misc_flags & ~u32{XEN_X86_MSR_RELAXED}) return Errno::inval;
    const u32 grant_version = XEN_DOMCTL_GRANT_version(config.grant_opts);
    if (grant_version < 1 || grant_version > 2 || (config.grant_opts & ~u32{XEN_DOMCTL_GRANT_version_mask}))
        return Errno::inval;
    if (config.cpupool_id != 0) return Errno::no_ent;
    return {};
}

u32 limit_or(s32 asked, u64 initial) { return asked < 0 ? static_cast<u32>(initial) : static_cast<u32>(asked); }

/// The parts that can fail, in the order in which domain_free() expects them to be missing.
Status fill(Domain& domain, const xen_domctl_createdomain& config) {
    domain.vcpus = static_cast<Vcpu**>(kmalloc(config.max_vcpus * sizeof(void*)));
    if (!domain.vcpus) return Errno::no_mem;
    domain.max_vcpus = config.max_vcpus;
    TRY(sched_domain_create(domain));
    domain.shared_info = static_cast<shared_info_t*>(alloc_pages());
    if (!domain.shared_info) return Errno::no_mem;
    for (vcpu_info_t& info : domain.shared_info->vcpu_info)
        info.evtchn_upcall_mask = 1; // a vCPU starts with events off (xen/xen.h)
    TRY(arch_domain_create(domain, config));
    domain.arch_created = true;
    share_hypervisor_page(domain.shared_info, domain, ShareMode::read_write);
    TRY(evtchn_domain_create(domain, config.max_evtchn_port));
    domain.max_grant_frames = limit_or(config.max_grant_frames, gnttab_max_frames.value);
    domain.max_maptrack_frames = limit_or(config.max_maptrack_frames, gnttab_max_maptrack_frames.value);
    return grant_table_create(domain, domain.max_grant_frames, domain.max_maptrack_frames,
                              XEN_DOMCTL_GRANT_version(config.grant_opts));
}

Domain* make_pseudo(Domid id) {
    Domain* domain = allocate(id);
    HV_BUG_ON(!domain);
    domain->max_pages = ~0U;
    return domain;
}

} // namespace

Domain& idle_domain() { return *the_idle_domain; }
bool vcpu_info_is_dummy(const Vcpu& vcpu) { return vcpu.info == &dummy_vcpu_info; }
void vcpu_info_reset(Vcpu& vcpu) { vcpu.info = &dummy_vcpu_info; }

void domain_init() {
    dom_xen = make_pseudo(domid_xen);
    dom_io = make_pseudo(domid_io);
    the_idle_domain = make_pseudo(domid_idle);
    the_idle_domain->vcpus = static_cast<Vcpu**>(kmalloc(max_cpus * sizeof(void*)));
    HV_BUG_ON(!the_idle_domain->vcpus);
    the_idle_domain->max_vcpus = max_cpus;
}

Result<Domain*> domain_create(Domid id, const xen_domctl_createdomain& config, bool privileged) {
    TRY(check(config, privileged));
    if (id.raw() >= domid_first_reserved) return Errno::inval;
    TRY(domain_table_reserve(id));
    Domain* domain = allocate(id);
    if (!domain) return Errno::no_mem;
    domain->is_privileged = domain->is_hardware = privileged;
    domain->options = config.flags;
    domain->ssidref = config.ssidref;
    __builtin_memcpy(domain->handle, config.handle, sizeof(domain->handle));
    domain->controller_pauses = 1;
    domain->pause_count.store(1);
    Status status = fill(*domain, config);
    if (status.ok() && !domain_table_insert(*domain)) status = Errno::exist;
    if (!status.ok()) {
        domain_free(*domain);
        return status.error();
    }
    if (privileged) dom0 = domain;
    return domain;
}

Result<Vcpu*> vcpu_create(Domain& domain, VcpuId id) {
    if (id >= domain.max_vcpus) return Errno::inval;
    if (domain.vcpus[id]) return domain.vcpus[id];
    auto* vcpu = make<Vcpu>();
    if (!vcpu) return Errno::no_mem;
    vcpu->domain = &domain;
    vcpu->id = id;
    vcpu->is_idle = &domain == the_idle_domain;
    vcpu->runstate.state = RUNSTATE_offline;
    vcpu->runstate.state_entry_time = now_ns();
    vcpu->info = &dummy_vcpu_info;
    if (!vcpu->is_idle) {
        vcpu->pause_flags.store(PauseFlag::down);
        vcpu->initialised = false;
        if (id < XEN_LEGACY_MAX_VCPUS) vcpu->info = &domain.shared_info->vcpu_info[id];
        vcpu_timers_init(*vcpu);
    }
    Status status = sched_vcpu_create(*vcpu);
    if (status.ok() && !vcpu->is_idle) status = evtchn_vcpu_create(*vcpu);
    if (status.ok()) {
        status = arch_vcpu_create(*vcpu);
        if (!status.ok() && !vcpu->is_idle) evtchn_vcpu_destroy(*vcpu);
    }
    if (!status.ok()) {
        sched_vcpu_destroy(*vcpu);
        destroy(vcpu);
        return status.error();
    }
    __atomic_store_n(&domain.vcpus[id], vcpu, __ATOMIC_RELEASE);
    return vcpu;
}

void domain_free(Domain& domain) {
    for_each_vcpu(domain, [](Vcpu& vcpu) {
        vcpu_relinquish(vcpu);
        arch_vcpu_destroy(vcpu);
        evtchn_vcpu_destroy(vcpu);
        sched_vcpu_destroy(vcpu);
        destroy(&vcpu);
    });
    if (domain.grants) grant_table_destroy(domain);
    if (domain.evtchn) evtchn_domain_destroy(domain);
    if (domain.arch_created) arch_domain_destroy(domain);
    free_pages(domain.shared_info); // or, while others map it, leaves it to the last of them
    if (domain.tot_pages || domain.hv_pages)
        log_error("domain {}: gone with {} pages and {} shared pages left", domain.id, domain.tot_pages,
                  domain.hv_pages);
    sched_domain_destroy(domain);
    kfree(domain.vcpus);
    if (domain.target) domain_put(*domain.target);
    deallocate(domain);
}

} // namespace hv
