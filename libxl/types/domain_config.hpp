// SPDX-License-Identifier: MIT
// The configuration of a domain: libxl_domain_config and its parts, as plain values. xl.cfg,
// libvirt XML, saved JSON and (later) the C ABI are all translated to and from this one model.
#pragma once

#include "libxl/types/devices.hpp"

namespace hospes::xl {

struct CreateInfo {
    DomainType type = DomainType::invalid; ///< invalid: chosen automatically (domain/choose_type)
    DefBool hap, oos;
    std::uint32_t ssidref = 0;
    std::string ssid_label;
    std::string name;
    std::uint32_t domid = 0;
    Uuid uuid;
    KeyValueList xsdata, platformdata;
    std::uint32_t poolid = 0;
    std::string pool_name;
    DefBool run_hotplug_scripts, driver_domain;
    Passthrough passthrough = Passthrough::default_;
    DefBool xend_suspend_evtchn_compat;
    HOSPES_FIELDS(type, hap, oos, ssidref, ssid_label, name, domid, uuid, xsdata, platformdata, poolid, pool_name,
                  run_hotplug_scripts, driver_domain, passthrough, xend_suspend_evtchn_compat)
};

struct SchedParams {
    Scheduler sched = Scheduler::unknown;
    SchedParam weight, cap, period, budget, extratime, slice, latency;
    HOSPES_FIELDS(sched, weight, cap, period, budget, extratime, slice, latency)
};

struct VnodeInfo {
    std::uint64_t memkb = 0;
    std::vector<std::uint32_t> distances;
    std::uint32_t pnode = 0;
    Bitmap vcpus;
    HOSPES_FIELDS(memkb, distances, pnode, vcpus)
};

struct IoportRange {
    std::uint32_t first = 0, number = 0;
    HOSPES_FIELDS(first, number)
};
struct IomemRange {
    std::uint64_t start = 0, number = 0;
    WithDefault<std::uint64_t, invalid_gfn> gfn;
    HOSPES_FIELDS(start, number, gfn)
};

struct RdmReserve {
    RdmReserveStrategy strategy = RdmReserveStrategy::ignore;
    RdmReservePolicy policy = RdmReservePolicy::invalid;
    HOSPES_FIELDS(strategy, policy)
};
struct VgaInterfaceInfo {
    VgaInterfaceType kind = VgaInterfaceType::unknown;
    HOSPES_FIELDS(kind)
};

struct HvmInfo {
    std::string firmware;
    BiosType bios = BiosType::unknown;
    DefBool pae, apic, acpi, acpi_s3, acpi_s4, acpi_laptop_slate, nx, viridian;
    Bitmap viridian_enable, viridian_disable;
    std::string timeoffset;
    DefBool hpet, vpt_align;
    MemKb mmio_hole_memkb;
    TimerMode timer_mode = TimerMode::unknown;
    DefBool nested_hvm, altp2m;
    std::string system_firmware, smbios_firmware, acpi_firmware;
    HdType hdtype = HdType::ide;
    DefBool nographic;
    VgaInterfaceInfo vga;
    VncInfo vnc;
    std::string keymap;
    SdlInfo sdl;
    SpiceInfo spice;
    DefBool gfx_passthru;
    GfxPassthruKind gfx_passthru_kind = GfxPassthruKind::default_;
    std::string serial, boot;
    DefBool usb;
    int usbversion = 0;
    std::string usbdevice;
    DefBool vkb_device;
    std::string soundhw;
    DefBool xen_platform_pci;
    StringList usbdevice_list;
    VendorDevice vendor_device = VendorDevice::none;
    GenerationId ms_vm_genid;
    StringList serial_list;
    RdmReserve rdm;
    MemKb rdm_mem_boundary_memkb;
    std::uint64_t mca_caps = 0;
    HOSPES_FIELDS(firmware, bios, pae, apic, acpi, acpi_s3, acpi_s4, acpi_laptop_slate, nx, viridian, viridian_enable,
                  viridian_disable, timeoffset, hpet, vpt_align, mmio_hole_memkb, timer_mode, nested_hvm, altp2m,
                  system_firmware, smbios_firmware, acpi_firmware, hdtype, nographic, vga, vnc, keymap, sdl, spice,
                  gfx_passthru, gfx_passthru_kind, serial, boot, usb, usbversion, usbdevice, vkb_device, soundhw,
                  xen_platform_pci, usbdevice_list, vendor_device, ms_vm_genid, serial_list, rdm,
                  rdm_mem_boundary_memkb, mca_caps)
};

struct PvInfo {
    MemKb slack_memkb;
    std::string features;
    DefBool e820_host;
    HOSPES_FIELDS(slack_memkb, features, e820_host)
};

struct PvhInfo {
    DefBool pvshim;
    std::string pvshim_path, pvshim_cmdline, pvshim_extra;
    HOSPES_FIELDS(pvshim, pvshim_path, pvshim_cmdline, pvshim_extra)
};

struct ArchArm {
    GicVersion gic_version = GicVersion::default_;
    VuartType vuart = VuartType::unknown;
    HOSPES_FIELDS(gic_version, vuart)
};
struct ArchX86 {
    DefBool msr_relaxed;
    HOSPES_FIELDS(msr_relaxed)
};

struct BuildInfo {
    int max_vcpus = 0;
    Bitmap avail_vcpus, cpumap, nodemap;
    std::vector<Bitmap> vcpu_hard_affinity, vcpu_soft_affinity;
    DefBool numa_placement;
    TscMode tsc_mode = TscMode::default_;
    MemKb max_memkb, target_memkb, video_memkb, shadow_memkb, iommu_memkb;
    std::uint32_t rtc_timeoffset = 0, exec_ssidref = 0;
    std::string exec_ssid_label;
    DefBool localtime, disable_migrate;
    CpuPolicy cpuid;
    std::string blkdev_start;
    std::vector<VnodeInfo> vnuma_nodes;
    WithDefault<std::uint32_t, grant_default> max_grant_frames, max_maptrack_frames;
    WithDefault<int, -1> max_grant_version;
    DeviceModelVersion device_model_version = DeviceModelVersion::unknown;
    DefBool device_model_stubdomain;
    MemKb stubdomain_memkb;
    std::string stubdomain_kernel, stubdomain_cmdline, stubdomain_ramdisk;
    std::string device_model;
    std::uint32_t device_model_ssidref = 0;
    std::string device_model_ssid_label, device_model_user;
    StringList extra, extra_pv, extra_hvm;
    SchedParams sched_params;
    std::vector<IoportRange> ioports;
    std::vector<std::uint32_t> irqs;
    std::vector<IomemRange> iomem;
    DefBool claim_mode;
    std::uint32_t event_channels = 0;
    std::string kernel, cmdline, ramdisk, device_tree;
    DefBool acpi;
    std::string bootloader;
    StringList bootloader_args;
    TimerMode timer_mode = TimerMode::unknown;
    DefBool nested_hvm, apic, dm_restrict;
    TeeType tee = TeeType::none;
    DomainType type = DomainType::invalid; ///< selects which of the three follows (JSON:
                                           ///< "type.hvm", "type.pv"...)
    HvmInfo hvm;
    PvInfo pv;
    PvhInfo pvh;
    ArchArm arch_arm;
    ArchX86 arch_x86;
    Altp2mMode altp2m = Altp2mMode::disabled;
    int vmtrace_buf_kb = 0;
    DefBool vpmu;

    /// Everything before the keyed union, then everything after it; `type` itself is carried by the
    /// union's key.
    template <typename Self, typename Visit, typename VisitUnion>
    static void each_part(Self& self, Visit&& visit, VisitUnion&& visit_union) {
        Head::each(self, visit);
        visit_union(self);
        visit("arch_arm", self.arch_arm);
        visit("arch_x86", self.arch_x86);
        visit("altp2m", self.altp2m);
        visit("vmtrace_buf_kb", self.vmtrace_buf_kb);
        visit("vpmu", self.vpmu);
    }

  private:
    struct Head {
        template <typename Self, typename Visit> static void each(Self& self, Visit&& visit) {
            HOSPES_FOR_EACH(
                HOSPES_VISIT_FIELD, max_vcpus, avail_vcpus, cpumap, nodemap, vcpu_hard_affinity, vcpu_soft_affinity,
                numa_placement, tsc_mode, max_memkb, target_memkb, video_memkb, shadow_memkb, iommu_memkb,
                rtc_timeoffset, exec_ssidref, exec_ssid_label, localtime, disable_migrate, cpuid, blkdev_start,
                vnuma_nodes, max_grant_frames, max_maptrack_frames, max_grant_version, device_model_version,
                device_model_stubdomain, stubdomain_memkb, stubdomain_kernel, stubdomain_cmdline, stubdomain_ramdisk,
                device_model, device_model_ssidref, device_model_ssid_label, device_model_user, extra, extra_pv,
                extra_hvm, sched_params, ioports, irqs, iomem, claim_mode, event_channels, kernel, cmdline, ramdisk,
                device_tree, acpi, bootloader, bootloader_args, timer_mode, nested_hvm, apic, dm_restrict, tee)
        }
    };
};

struct DomainConfig {
    CreateInfo c_info;
    BuildInfo b_info;
    std::vector<DeviceDisk> disks;
    std::vector<DeviceNic> nics;
    std::vector<DevicePci> pcidevs;
    std::vector<DeviceRdm> rdms;
    std::vector<DeviceDt> dtdevs;
    std::vector<DeviceVfb> vfbs;
    std::vector<DeviceVkb> vkbs;
    std::vector<DeviceVtpm> vtpms;
    std::vector<DeviceP9> p9s;
    std::vector<DevicePvCallsIf> pvcallsifs;
    std::vector<DeviceVdispl> vdispls;
    std::vector<DeviceVsnd> vsnds;
    std::vector<DeviceChannel> channels;
    std::vector<DeviceUsbCtrl> usbctrls;
    std::vector<DeviceUsbDev> usbdevs;
    ActionOnShutdown on_poweroff = ActionOnShutdown::destroy, on_reboot = ActionOnShutdown::restart,
                     on_watchdog = ActionOnShutdown::destroy, on_crash = ActionOnShutdown::destroy,
                     on_soft_reset = ActionOnShutdown::soft_reset;
    HOSPES_FIELDS(c_info, b_info, disks, nics, pcidevs, rdms, dtdevs, vfbs, vkbs, vtpms, p9s, pvcallsifs, vdispls,
                  vsnds, channels, usbctrls, usbdevs, on_poweroff, on_reboot, on_watchdog, on_crash, on_soft_reset)
};

} // namespace hospes::xl
