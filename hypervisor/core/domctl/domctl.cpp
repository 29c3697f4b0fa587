// SPDX-License-Identifier: MIT
// Hypercall domctl (xen/domctl.h): version, domain, permission, one operation at a time.
#include "core/domctl/control.hpp"
#include "core/hypercall/table.hpp"
#include "core/xsm/check.hpp"

namespace hv {

namespace {

SpinLock domctl_lock{LockRank::domctl};
u16 last_id; // ids are reused as late as possible

XsmOp right_for(u32 cmd) {
    switch (cmd) {
    case XEN_DOMCTL_getdomaininfo: return XsmOp::domctl_info;
    case XEN_DOMCTL_memory_mapping:
    case XEN_DOMCTL_ioport_mapping:
    case XEN_DOMCTL_bind_pt_irq:
    case XEN_DOMCTL_unbind_pt_irq: return XsmOp::domctl_device;
    default: return XsmOp::domctl;
    }
}

Result<Domid> choose_id(u16 asked) {
    if (asked > 0 && asked < domid_first_reserved) {
        if (!domain_id_free(Domid{asked})) return Errno::exist;
        return Domid{asked};
    }
    for (u16 id = last_id + 1; id != last_id; ++id) {
        if (id >= domid_first_reserved) id = 1;
        if (domain_id_free(Domid{id})) return Domid{last_id = id};
    }
    return Errno::no_mem;
}

Result<Copyback> create(xen_domctl& op) {
    TRY(xsm_check(XsmOp::domctl));
    const Domid id = TRY(choose_id(op.domain));
    Domain* domain = TRY(domain_create(id, op.u.createdomain, false));
    op.domain = domain->id.raw();
    return Copyback::yes;
}

/// The domain `id` or the next one: how the toolstack walks the list.
Result<Copyback> next_info(xen_domctl& op) {
    if (op.domain >= domid_first_reserved) return Errno::inval;
    DomainRef domain;
    if (auto exact = DomainRef::find(Domid{op.domain}); exact.ok())
        domain = std::move(exact).value();
    else
        domain = domain_after(Domid{op.domain});
    if (!domain) return Errno::srch;
    TRY(xsm_check(XsmOp::domctl_info, *domain));
    domain_info(*domain, op.u.getdomaininfo);
    op.domain = domain->id.raw();
    return Copyback::yes;
}

Result<Copyback> on_domain(xen_domctl& op) {
    DomainRef domain = TRY(DomainRef::find(Domid{op.domain}));
    TRY(xsm_check(right_for(op.cmd), *domain));
    for (const auto family : {domctl_domain, domctl_vcpu, arch_domctl}) {
        auto result = family(*domain, op);
        if (result.ok() || result.error() != Errno::nosys) return result;
    }
    return Errno::nosys;
}

Result<Copyback> dispatch(xen_domctl& op) {
    switch (op.cmd) {
    case XEN_DOMCTL_createdomain: return create(op);
    case XEN_DOMCTL_getdomaininfo: return next_info(op);
    case XEN_DOMCTL_test_assign_device:
    case XEN_DOMCTL_assign_device:
    case XEN_DOMCTL_deassign_device:
    case XEN_DOMCTL_get_device_group: TRY(xsm_check(XsmOp::domctl)); return Errno::opnotsupp; // no IOMMU
    default: return on_domain(op);
    }
}

} // namespace

Result<s64> hypercall::domctl(HypercallArgs& args) {
    const GuestInOut<xen_domctl> guest(args.a[0]);
    xen_domctl op;
    TRY(guest.read(op));
    if (op.interface_version != XEN_DOMCTL_INTERFACE_VERSION) return Errno::access;
    // The holder may be waiting for this very vCPU to stop: never spin here, come back instead.
    if (!domctl_lock.try_lock()) return Errno::restart;
    auto result = dispatch(op);
    domctl_lock.unlock();
    if (!result.ok()) {
        // -ENOBUFS and policy errors say in the structure what was wrong.
        if (op.cmd == XEN_DOMCTL_get_vcpu_msrs || op.cmd == XEN_DOMCTL_set_vcpu_msrs ||
            op.cmd == XEN_DOMCTL_set_cpu_policy)
            static_cast<void>(guest.write(op));
        return result.error();
    }
    if (result.value() == Copyback::yes) TRY(guest.write(op));
    return s64{0};
}

} // namespace hv
