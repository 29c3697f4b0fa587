// SPDX-License-Identifier: MIT
// sysctl operations that only x86 has, and the CPU topology.
#include "core/domctl/control.hpp"
#include "cpu/cpu_init.hpp"
#include "cpu/cpuid.hpp"
#include "cpu/policy.hpp"
#include "drivers/acpi/acpi.hpp"

namespace hv {

namespace {

/// How an APIC id divides into package, core and thread.
struct ApicShape {
    u32 thread_bits = 0, package_bits = 0;
};

u32 bits_for(u32 count) { return count > 1 ? 32 - static_cast<u32>(__builtin_clz(count - 1)) : 0; }

ApicShape apic_shape() {
    ApicShape shape;
    // Extended topology (SDM vol.3 9.9.1; AMD from Zen 2 on).
    if (cpu_features.max_leaf >= 0xb && cpuid(0xb, 0).b) {
        shape.thread_bits = cpuid(0xb, 0).a & 0x1f;
        shape.package_bits = cpuid(0xb, 1).a & 0x1f;
        return shape;
    }
    const CpuidLeaf one = cpuid(1);
    if (!(one.d & (1u << 28))) return shape;
    shape.package_bits = bits_for(one.b >> 16 & 0xff);
    if (cpu_features.vendor == CpuVendor::intel && cpu_features.max_leaf >= 4) {
        const u32 cores = (cpuid(4).a >> 26) + 1;
        const u32 threads = (one.b >> 16 & 0xff) / cores;
        shape.thread_bits = bits_for(threads ? threads : 1);
    } else if (cpu_features.max_ext_leaf >= 0x80000008) {
        // APM vol.3: ApicIdSize, and threads per core where topology extensions exist.
        if (const u32 size = cpuid(0x80000008).c >> 12 & 0xf) shape.package_bits = size;
        if (cpu_features.max_ext_leaf >= 0x8000001e && (cpuid(0x80000001).c & (1u << 22)))
            shape.thread_bits = bits_for((cpuid(0x8000001e).b >> 8 & 0xff) + 1);
    }
    return shape;
}

xen_sysctl_cputopo topology_of(const ApicShape& shape, CpuId cpu) {
    const u32 apic = cpu_apic_ids[cpu];
    const u32 in_package = apic & ((u32{1} << shape.package_bits) - 1);
    u32 node = 0;
    for (u32 i = 0; i < acpi.cpu_count; ++i)
        if (acpi.cpus[i].apic_id == apic) node = acpi.cpus[i].node;
    return {in_package >> shape.thread_bits, apic >> shape.package_bits, node};
}

Status cpu_topology(xen_sysctl_cputopoinfo& op) {
    const GuestOut<xen_sysctl_cputopo_t> out(op.cputopo);
    const ApicShape shape = apic_shape();
    const CpuId total = present_cpus().count(), room = op.num_cpus;
    op.num_cpus = total;
    for (CpuId cpu = 0; cpu < total && cpu < room && !out.null(); ++cpu) {
        xen_sysctl_cputopo entry{XEN_INVALID_CORE_ID, XEN_INVALID_SOCKET_ID, XEN_INVALID_NODE_ID};
        if (online_cpus.test(cpu)) entry = topology_of(shape, cpu);
        TRY(out.offset(cpu).write(entry));
    }
    return {};
}

} // namespace

void arch_physinfo(xen_sysctl_physinfo& info) {
    const ApicShape shape = apic_shape();
    const xen_sysctl_cputopo first = topology_of(shape, 0);
    u32 siblings = 0, in_socket = 0;
    for_each_cpu(online_cpus, [&](CpuId cpu) {
        const xen_sysctl_cputopo other = topology_of(shape, cpu);
        in_socket += other.socket == first.socket;
        siblings += other.socket == first.socket && other.core == first.core;
    });
    info.threads_per_core = siblings ? siblings : 1;
    info.cores_per_socket = in_socket / info.threads_per_core ? in_socket / info.threads_per_core : 1;
    policy_hw_caps(info.hw_cap);
}

Result<Copyback> arch_sysctl(xen_sysctl& op) {
    switch (op.cmd) {
    case XEN_SYSCTL_cputopoinfo: TRY(cpu_topology(op.u.cputopoinfo)); return Copyback::yes;
    case XEN_SYSCTL_get_cpu_levelling_caps:
        TRY(sysctl_get_cpu_levelling_caps(op.u.cpu_levelling_caps));
        return Copyback::yes;
    case XEN_SYSCTL_get_cpu_featureset: TRY(sysctl_get_cpu_featureset(op.u.cpu_featureset)); return Copyback::yes;
    case XEN_SYSCTL_get_cpu_policy: TRY(sysctl_get_cpu_policy(op.u.cpu_policy)); return Copyback::yes;
    default: return Errno::nosys;
    }
}

} // namespace hv
