// SPDX-License-Identifier: MIT
// HYPERVISOR_xen_version (xen/version.h). The ABI version is Xen's, the name is ours.
#include <type_traits>

#include "abi/xen.hpp"
#include "arch_hypercall.hpp"
#include "core/domain/domain.hpp"
#include "core/hypercall/guest_ptr.hpp"
#include "core/hypercall/table.hpp"
#include "core/init/boot_info.hpp"
#include "lib/string.hpp"

#ifndef HOSPES_VERSION_STRING
#define HOSPES_VERSION_STRING "0"
#endif

namespace hv {

namespace {

constexpr u32 abi_major = 4, abi_minor = 17;

/// Text in a fixed array of the ABI; the whole array is written, zero-padded.
template <usize N> Status put_text(u64 to, const char* text) {
    char buffer[N] = {};
    string_copy(buffer, N, text);
    return GuestOut<char>(to).write(buffer, N);
}

Status put_compile_info(u64 to) {
    xen_compile_info_t info = {};
    string_copy(info.compiler, sizeof(info.compiler), "C++20, compiler " __VERSION__);
    string_copy(info.compile_by, sizeof(info.compile_by), "hospes");
    string_copy(info.compile_domain, sizeof(info.compile_domain), "unknown");
    string_copy(info.compile_date, sizeof(info.compile_date), "unknown");
    return GuestOut<xen_compile_info_t>(to).write(info);
}

Status put_features(u64 arg) {
    const GuestInOut<xen_feature_info_t> guest(arg);
    xen_feature_info_t info;
    TRY(guest.read(info));
    const Domain& domain = *current().domain;
    info.submap = 0;
    if (info.submap_idx == 0) {
        info.submap = arch_features(domain) | 1U << XENFEAT_memory_op_vnode_supported | 1U << XENFEAT_not_direct_mapped;
        if (domain.is_hardware) info.submap |= 1U << XENFEAT_dom0;
    } else if (info.submap_idx >= XENFEAT_NR_SUBMAPS) {
        return Errno::inval;
    }
    return guest.write(info);
}

} // namespace

Result<s64> hypercall::xen_version(HypercallArgs& args_) {
    const u64 arg = args_.a[1];
    const Domain& domain = *current().domain;
    Status status;
    switch (static_cast<u32>(args_.a[0])) {
    case XENVER_version: return abi_major << 16 | abi_minor;
    case XENVER_extraversion: status = put_text<XEN_EXTRAVERSION_LEN>(arg, ".0-hospes-" HOSPES_VERSION_STRING); break;
    case XENVER_compile_info: status = put_compile_info(arg); break;
    case XENVER_capabilities: status = put_text<XEN_CAPABILITIES_INFO_LEN>(arg, "xen-3.0-x86_64 "); break;
    case XENVER_changeset: status = put_text<XEN_CHANGESET_INFO_LEN>(arg, "hospes " HOSPES_VERSION_STRING); break;
    case XENVER_platform_parameters:
        status = GuestOut<xen_platform_parameters_t>(arg).write({arch_virt_start()});
        break;
    case XENVER_get_features: status = put_features(arg); break;
    case XENVER_pagesize:
        if (arg) return Errno::inval;
        return static_cast<s64>(page_size);
    case XENVER_guest_handle: status = GuestOut<xen_domain_handle_t>(arg).write(domain.handle); break;
    case XENVER_commandline:
        status = put_text<sizeof(xen_commandline_t)>(arg, domain.is_privileged ? boot_info.cmdline : "<denied>");
        break;
    case XENVER_build_id: return domain.is_privileged ? Errno::no_data : Errno::perm;
    default: return Errno::nosys;
    }
    if (!status.ok()) return status.error();
    return 0;
}

Result<s64> hypercall::vm_assist(HypercallArgs& args_) {
    const u64 type = args_.a[1];
    Domain& domain = *current().domain;
    if (type >= 32 || !(arch_vm_assists(domain) >> type & 1)) return Errno::inval;
    const u32 bit = 1U << type;
    switch (static_cast<u32>(args_.a[0])) {
    case VMASST_CMD_enable: __atomic_fetch_or(&domain.vm_assist, bit, __ATOMIC_RELAXED); return 0;
    case VMASST_CMD_disable: __atomic_fetch_and(&domain.vm_assist, ~bit, __ATOMIC_RELAXED); return 0;
    default: return Errno::nosys;
    }
}

} // namespace hv
