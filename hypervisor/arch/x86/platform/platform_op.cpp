// SPDX-License-Identifier: MIT
// platform_op (xen/platform.h): what dom0's kernel asks of the machine.
#include "core/debug/symbols.hpp"
#include "core/hypercall/guest_ptr.hpp"
#include "core/hypercall/table.hpp"
#include "core/init/boot_info.hpp"
#include "core/sched/sched.hpp"
#include "core/time/timer.hpp"
#include "core/xsm/check.hpp"
#include "cpu/cpu_init.hpp"
#include "cpu/cpuid.hpp"
#include "cpu/msr.hpp"
#include "drivers/acpi/acpi.hpp"
#include "irq/irq.hpp"
#include "platform/power.hpp"
#include "time/pvclock.hpp"

namespace hv {

namespace {

using Op = xen_platform_op_t;

/// A variable-range MTRR as frames (SDM vol.3 12.11.2.3).
Status read_memtype(xenpf_read_memtype_t& op) {
    if (!cpu_features.mtrr || op.reg >= (rdmsr(Msr::mtrr_cap) & 0xff)) return Errno::inval;
    const u64 base = rdmsr(Msr::mtrr_phys_base0 + op.reg * 2), mask = rdmsr(Msr::mtrr_phys_base0 + op.reg * 2 + 1);
    op.mfn = op.nr_mfns = op.type = 0;
    if (mask & 1 << 11) {
        const u64 frames = (mask >> page_shift) & ((u64{1} << (cpu_features.phys_bits - page_shift)) - 1);
        op.mfn = base >> page_shift;
        op.nr_mfns = frames & -frames;
        op.type = base & 0xff;
    }
    return {};
}

/// EFI's configuration tables; its runtime services are not offered.
Status efi_info(xenpf_firmware_info_t& op) {
    if (!boot_info.efi_tables) return Errno::nosys;
    switch (op.index) {
    case XEN_FW_EFI_VERSION:
    case XEN_FW_EFI_RT_VERSION: op.u.efi_info.version = boot_info.efi_revision; return {};
    case XEN_FW_EFI_CONFIG_TABLE:
        op.u.efi_info.cfg.addr = boot_info.efi_tables;
        op.u.efi_info.cfg.nent = boot_info.efi_table_count;
        return {};
    default: return Errno::inval;
    }
}

/// What a boot loader's BIOS calls would have found; nobody made them.
Status firmware_info(xenpf_firmware_info_t& op) {
    switch (op.type) {
    case XEN_FW_DISK_INFO:
    case XEN_FW_DISK_MBR_SIGNATURE:
    case XEN_FW_VBEDDC_INFO:
    case XEN_FW_KBD_SHIFT_FLAGS: return Errno::srch;
    case XEN_FW_EFI_INFO: return efi_info(op);
    default: return Errno::inval;
    }
}

Status enter_sleep(const xenpf_enter_acpi_sleep_t& op) {
    if (op.flags & ~u32{XENPF_ACPI_SLEEP_EXTENDED}) return Errno::inval;
    if (op.sleep_state != 5 || op.flags) return Errno::opnotsupp;
    return machine_power_off(op.val_a, op.val_b);
}

Status get_idle_time(xenpf_getidletime_t& op) {
    const GuestInOut<u8> bitmap(op.cpumap_bitmap);
    const GuestOut<u64> times(op.idletime);
    const u32 cpus = op.cpumap_nr_cpus > max_cpus ? max_cpus : op.cpumap_nr_cpus;
    u8 bits[max_cpus / 8] = {};
    TRY(bitmap.read(bits, (cpus + 7) / 8));
    op.now = now_ns();
    for (CpuId cpu = 0; cpu < cpus; ++cpu) {
        const auto bit = static_cast<u8>(1U << cpu % 8);
        if (!(bits[cpu / 8] & bit)) continue;
        const bool online = online_cpus.test(cpu);
        if (!online) bits[cpu / 8] = static_cast<u8>(bits[cpu / 8] & ~bit);
        TRY(times.offset(cpu).write(online ? cpu_idle_time_ns(cpu) : 0));
    }
    return bitmap.out().write(bits, (cpus + 7) / 8);
}

Status get_cpu_info(xenpf_pcpuinfo_t& op) {
    op.max_present = cpu_count_present - 1;
    op.flags = XEN_PCPU_FLAGS_INVALID;
    op.apic_id = op.acpi_id = 0;
    if (op.xen_cpuid < cpu_count_present) {
        op.flags = online_cpus.test(op.xen_cpuid) ? XEN_PCPU_FLAGS_ONLINE : 0;
        op.apic_id = acpi.cpus[op.xen_cpuid].apic_id;
        op.acpi_id = acpi.cpus[op.xen_cpuid].acpi_id;
    }
    return {};
}

Status get_cpu_version(xenpf_pcpu_version_t& op) {
    op.max_present = cpu_count_present - 1;
    const bool known = op.xen_cpuid < cpu_count_present && online_cpus.test(op.xen_cpuid);
    for (unsigned i = 0; i < sizeof(op.vendor_id); ++i)
        op.vendor_id[i] = known ? cpu_features.vendor_name[i] : '\0';
    op.family = known ? cpu_features.family : 0;
    op.model = known ? cpu_features.model : 0;
    op.stepping = known ? cpu_features.stepping : 0;
    return {};
}

Status cpu_on_off(u32 cpu, bool online) {
    if (cpu >= cpu_count_present) return Errno::inval;
    return online && online_cpus.test(cpu) ? Status{} : Status{Errno::opnotsupp};
}

/// The only resource offered is the clock: MSR_IA32_TSC reads as system time in ns.
Result<s64> resource_op(const xenpf_resource_op_t& op) {
    if (op.nr_entries > 3) return Errno::too_big;
    if (op.cpu >= max_cpus || !online_cpus.test(op.cpu)) return Errno::no_dev;
    const GuestInOut<xenpf_resource_entry_t> entries(op.entries);
    for (u32 i = 0; i < op.nr_entries; ++i) {
        xenpf_resource_entry_t entry;
        TRY(entries.offset(i).read(entry));
        if (entry.rsvd) return Errno::inval;
        const bool clock = entry.u.cmd == XEN_RESOURCE_OP_MSR_READ && entry.idx == Msr::tsc;
        entry.u.ret =
            clock ? 0 : -static_cast<s32>(entry.u.cmd <= XEN_RESOURCE_OP_MSR_WRITE ? Errno::access : Errno::opnotsupp);
        entry.val = clock ? now_ns() : entry.val;
        TRY(entries.offset(i).write(entry));
        if (!clock) return s64{i};
    }
    return s64{op.nr_entries};
}

Status get_symbol(xenpf_symdata_t& op) {
    const SymbolEntry symbol = symbol_by_number(op.symnum);
    if (!symbol.name) return op.symnum == symbol_count() ? Status{} : Status{Errno::inval};
    u32 length = 0;
    while (symbol.name[length])
        ++length;
    const u32 room = op.namelen < length + 1 ? op.namelen : length + 1;
    TRY(GuestOut<char>(op.name).write(symbol.name, room));
    op.namelen = length;
    op.address = symbol.address;
    op.type = 't';
    ++op.symnum;
    return {};
}

/// Handled here: anything that changes `op` for the guest to see.
Status run(Op& op) {
    switch (op.cmd) {
    case XENPF_settime32: return do_settime(op.u.settime32.secs, op.u.settime32.nsecs, op.u.settime32.system_time);
    case XENPF_settime64:
        if (op.u.settime64.mbz) return Errno::inval;
        return do_settime(op.u.settime64.secs, op.u.settime64.nsecs, op.u.settime64.system_time);
    case XENPF_add_memtype:
    case XENPF_del_memtype: return Errno::opnotsupp;
    case XENPF_read_memtype: return read_memtype(op.u.read_memtype);
    case XENPF_firmware_info: return firmware_info(op.u.firmware_info);
    case XENPF_enter_acpi_sleep: return enter_sleep(op.u.enter_acpi_sleep);
    case XENPF_getidletime: return get_idle_time(op.u.getidletime);
    case XENPF_get_cpuinfo: return get_cpu_info(op.u.pcpu_info);
    case XENPF_get_cpu_version: return get_cpu_version(op.u.pcpu_version);
    case XENPF_cpu_online:
    case XENPF_cpu_offline: return cpu_on_off(op.u.cpu_ol.cpuid, op.cmd == XENPF_cpu_online);
    case XENPF_get_symbol: return get_symbol(op.u.symdata);
    default: // microcode, P- and C-states, EFI calls, hot-plug, core parking
        return Errno::nosys;
    }
}

} // namespace

Result<s64> hypercall::platform_op(HypercallArgs& args) {
    TRY(xsm_check(XsmOp::platform));
    const GuestInOut<Op> guest(args.a[0]);
    Op op;
    TRY(guest.read(op));
    if (op.interface_version != XENPF_INTERFACE_VERSION) return Errno::access;
    if (op.cmd == XENPF_resource_op) return resource_op(op.u.resource_op);
    TRY(run(op));
    TRY(guest.write(op));
    return s64{0};
}

} // namespace hv
