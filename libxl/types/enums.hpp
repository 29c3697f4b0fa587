// SPDX-License-Identifier: MIT
// Enumerations of libxl's API: numbers and strings as in libxl.h / _libxl_types.h (4.17), since
// JSON and the C ABI carry them.
#pragma once

#include "libxl/types/reflect.hpp"

namespace hospes::xl {

// The lists below are tables: the formatter would not settle on their line breaks.
// clang-format off

#define HOSPES_LIST(X) X(invalid, -1, "invalid") X(hvm, 1, "hvm") X(pv, 2, "pv") X(pvh, 3, "pvh")
HOSPES_ENUM(DomainType, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X) X(ignore, 0, "ignore") X(host, 1, "host")
HOSPES_ENUM(RdmReserveStrategy, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X) X(invalid, -1, "invalid") X(strict, 0, "strict") X(relaxed, 1, "relaxed")
HOSPES_ENUM(RdmReservePolicy, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X) X(unknown, 0, "unknown") X(pty, 1, "pty") X(socket, 2, "socket")
HOSPES_ENUM(ChannelConnection, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X)                                                                                                 \
    X(unknown, 0, "unknown")                                                                                           \
    X(qemu_xen_traditional, 1, "qemu_xen_traditional") X(qemu_xen, 2, "qemu_xen")
HOSPES_ENUM(DeviceModelVersion, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X) X(unknown, 0, "unknown") X(serial, 1, "serial") X(pv, 2, "pv") X(vuart, 3, "vuart")
HOSPES_ENUM(ConsoleType, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X)                                                                                                 \
    X(unknown, 0, "unknown")                                                                                           \
    X(qcow, 1, "qcow")                                                                                                 \
    X(qcow2, 2, "qcow2") X(vhd, 3, "vhd") X(raw, 4, "raw") X(empty, 5, "empty") X(qed, 6, "qed")
HOSPES_ENUM(DiskFormat, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X)                                                                                                 \
    X(unknown, 0, "unknown")                                                                                           \
    X(phy, 1, "phy") X(tap, 2, "tap") X(qdisk, 3, "qdisk") X(standalone, 4, "standalone")
HOSPES_ENUM(DiskBackend, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X) X(unknown, 0, "unknown") X(xen, 1, "xen") X(virtio, 2, "virtio")
HOSPES_ENUM(DiskSpecification, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X) X(unknown, 0, "unknown") X(mmio, 1, "mmio")
HOSPES_ENUM(DiskTransport, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X) X(unknown, 0, "unknown") X(vif_ioemu, 1, "vif_ioemu") X(vif, 2, "vif")
HOSPES_ENUM(NicType, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X)                                                                                                 \
    X(destroy, 1, "destroy")                                                                                           \
    X(restart, 2, "restart")                                                                                           \
    X(restart_rename, 3, "restart_rename")                                                                             \
    X(preserve, 4, "preserve")                                                                                         \
    X(coredump_destroy, 5, "coredump_destroy") X(coredump_restart, 6, "coredump_restart") X(soft_reset, 7, "soft_reset")
HOSPES_ENUM(ActionOnShutdown, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X)                                                                                                 \
    X(unknown, 0, "unknown")                                                                                           \
    X(power, 1, "power")                                                                                               \
    X(sleep, 2, "sleep") X(nmi, 3, "nmi") X(init, 4, "init") X(reset, 5, "reset") X(s3resume, 6, "s3resume")
HOSPES_ENUM(Trigger, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X)                                                                                                 \
    X(default_, 0, "default")                                                                                          \
    X(always_emulate, 1, "always_emulate")                                                                             \
    X(native, 2, "native") X(native_paravirt, 3, "native_paravirt")
HOSPES_ENUM(TscMode, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X) X(default_, 0, "default") X(igd, 1, "igd")
HOSPES_ENUM(GfxPassthruKind, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X)                                                                                                 \
    X(unknown, -1, "unknown")                                                                                          \
    X(delay_for_missed_ticks, 0, "delay_for_missed_ticks")                                                             \
    X(no_delay_for_missed_ticks, 1, "no_delay_for_missed_ticks")                                                       \
    X(no_missed_ticks_pending, 2, "no_missed_ticks_pending")                                                           \
    X(one_missed_tick_pending, 3, "one_missed_tick_pending")
HOSPES_ENUM(TimerMode, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X) X(unknown, 0, "unknown") X(rombios, 1, "rombios") X(seabios, 2, "seabios") X(ovmf, 3, "ovmf")
HOSPES_ENUM(BiosType, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X)                                                                                                 \
    X(unknown, 0, "unknown")                                                                                           \
    X(sedf, 4, "sedf")                                                                                                 \
    X(credit, 5, "credit") X(credit2, 6, "credit2") X(arinc653, 7, "arinc653") X(rtds, 8, "rtds") X(null_, 9, "null")
HOSPES_ENUM(Scheduler, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X)                                                                                                 \
    X(unknown, -1, "unknown")                                                                                          \
    X(poweroff, 0, "poweroff")                                                                                         \
    X(reboot, 1, "reboot")                                                                                             \
    X(suspend, 2, "suspend") X(crash, 3, "crash") X(watchdog, 4, "watchdog") X(soft_reset, 5, "soft_reset")
HOSPES_ENUM(ShutdownReason, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X)                                                                                                 \
    X(unknown, 0, "unknown")                                                                                           \
    X(cirrus, 1, "cirrus") X(std, 2, "std") X(none, 3, "none") X(qxl, 4, "qxl")
HOSPES_ENUM(VgaInterfaceType, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X) X(none, 0, "none") X(xenserver, 1, "xenserver")
HOSPES_ENUM(VendorDevice, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X)                                                                                                 \
    X(base, 0, "base")                                                                                                 \
    X(freq, 1, "freq")                                                                                                 \
    X(time_ref_count, 2, "time_ref_count")                                                                             \
    X(reference_tsc, 3, "reference_tsc")                                                                               \
    X(hcall_remote_tlb_flush, 4, "hcall_remote_tlb_flush")                                                             \
    X(apic_assist, 5, "apic_assist") X(crash_ctl, 6, "crash_ctl") X(synic, 7, "synic") X(stimer, 8, "stimer")          \
        X(hcall_ipi, 9, "hcall_ipi") X(ex_processor_masks, 10, "ex_processor_masks") X(no_vp_limit, 11, "no_vp_limit") \
            X(cpu_hotplug, 12, "cpu_hotplug")
HOSPES_ENUM(ViridianEnlightenment, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X) X(ide, 1, "ide") X(ahci, 2, "ahci")
HOSPES_ENUM(HdType, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X) X(unknown, 0, "unknown") X(sbsa_uart, 1, "sbsa_uart")
HOSPES_ENUM(VuartType, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X) X(unknown, 0, "unknown") X(qemu, 1, "qemu") X(linux_, 2, "linux")
HOSPES_ENUM(VkbBackend, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X)                                                                                                 \
    X(default_, 0, "default")                                                                                          \
    X(disabled, 1, "disabled")                                                                                         \
    X(enabled, 2, "enabled") X(sync_pt, 3, "sync_pt") X(share_pt, 4, "share_pt")
HOSPES_ENUM(Passthrough, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X) X(default_, 0, "default") X(v2, 0x20, "v2") X(v3, 0x30, "v3")
HOSPES_ENUM(GicVersion, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X) X(none, 0, "none") X(optee, 1, "optee")
HOSPES_ENUM(TeeType, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X)                                                                                                 \
    X(disabled, 0, "disabled")                                                                                         \
    X(mixed, 1, "mixed") X(external, 2, "external") X(limited, 3, "limited")
HOSPES_ENUM(Altp2mMode, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X) X(auto_, 0, "auto") X(pv, 1, "pv") X(devicemodel, 2, "devicemodel") X(qusb, 3, "qusb")
HOSPES_ENUM(UsbCtrlType, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X) X(hostdev, 1, "hostdev")
HOSPES_ENUM(UsbDevType, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X) X(none, 0, "none") X(p, 1, "p") X(c, 2, "c")
HOSPES_ENUM(VsndStreamType, HOSPES_LIST)
#undef HOSPES_LIST

#define HOSPES_LIST(X)                                                                                                 \
    X(none, 0, "none") X(s8, 1, "s8") X(u8, 2, "u8")                                                                   \
    X(s16_le, 3, "s16_le") X(s16_be, 4, "s16_be") X(u16_le, 5, "u16_le") X(u16_be, 6, "u16_be")                        \
    X(s24_le, 7, "s24_le") X(s24_be, 8, "s24_be") X(u24_le, 9, "u24_le") X(u24_be, 10, "u24_be")                       \
    X(s32_le, 11, "s32_le") X(s32_be, 12, "s32_be") X(u32_le, 13, "u32_le") X(u32_be, 14, "u32_be")                    \
    X(f32_le, 15, "f32_le") X(f32_be, 16, "f32_be") X(f64_le, 17, "f64_le") X(f64_be, 18, "f64_be")        \
    X(iec958_subframe_le, 19, "iec958_subframe_le") X(iec958_subframe_be, 20, "iec958_subframe_be")                    \
    X(mu_law, 21, "mu_law") X(a_law, 22, "a_law") X(ima_adpcm, 23, "ima_adpcm") X(mpeg, 24, "mpeg") X(gsm, 25, "gsm")
HOSPES_ENUM(VsndPcmFormat, HOSPES_LIST)
#undef HOSPES_LIST

// clang-format on

} // namespace hospes::xl
