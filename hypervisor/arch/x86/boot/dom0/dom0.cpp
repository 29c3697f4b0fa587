// SPDX-License-Identifier: MIT
// From the boot modules to a running control domain.
#include "core/init/dom0.hpp"

#include "boot/dom0/builder.hpp"
#include "boot/dom0/decompress.hpp"
#include "boot/dom0/sizing.hpp"
#include "core/debug/console.hpp"
#include "core/debug/panic.hpp"
#include "core/debug/printk.hpp"
#include "core/init/cmdline.hpp"
#include "core/mm/heap.hpp"
#include "core/sched/sched.hpp"
#include "core/time/timer.hpp"
#include "lib/string.hpp"
#include "mm/init.hpp"
#include "mm/layout.hpp"
#include "time/pvclock.hpp"

namespace hv {

namespace {

Dom0Memory memory_asked;
Dom0Vcpus vcpus_asked;
constinit CustomOption dom0_mem("dom0_mem", [](Option&, const char* v, bool n) {
    return !n && dom0_memory_parse(v, memory_asked);
});
constinit CustomOption dom0_max_vcpus("dom0_max_vcpus", [](Option&, const char* v, bool n) {
    return !n && dom0_vcpus_parse(v, vcpus_asked);
});
constinit StringOption dom0_nodes("dom0_nodes", "");
constinit BoolOption dom0_vcpus_pin("dom0_vcpus_pin", false);
HV_OPTION(dom0_mem);
HV_OPTION(dom0_max_vcpus);
HV_OPTION(dom0_nodes);
HV_OPTION(dom0_vcpus_pin);

/// The kernel as ELF: the module itself or its unpacked payload.
struct KernelImage {
    const u8* data;
    u64 size;
    PageInfo* unpacked = nullptr;
    unsigned order = 0;
};

KernelImage unpack(const BootModule& module) {
    KernelImage image{static_cast<const u8*>(direct_map(module.start)), module.size};
    const u8* payload;
    u64 size;
    if (!bzimage_payload(image.data, image.size, payload, size)) return image;
    const Compression kind = compression_of(payload, size);
    if (kind == Compression::none) return {payload, size};
    const u64 bytes = unpacked_size(payload, size);
    if (!bytes) boot_failed("the compressed kernel names no plausible size");
    image.order = order_for(bytes);
    image.unpacked = heap_alloc(image.order, {.no_scrub = true});
    if (!image.unpacked) boot_failed("not enough memory to unpack the kernel");
    u8* out = map_as<u8>(mfn_of(*image.unpacked));
    const u64 start = now_ns();
    if (const char* bad = decompress(kind, payload, size, out, bytes)) boot_failed(bad);
    log_info("dom0: kernel unpacked ({}, {} to {} KiB) in {} ms", compression_name(kind), size >> 10, bytes >> 10,
             (now_ns() - start) / 1'000'000);
    image.data = out;
    image.size = bytes;
    return image;
}

Domain& create(u32 vcpus) {
    xen_domctl_createdomain config{};
    config.max_vcpus = vcpus;
    config.max_evtchn_port = ~0U;
    config.max_grant_frames = -1;
    config.max_maptrack_frames = -1;
    config.grant_opts = XEN_DOMCTL_GRANT_version(2);
    config.arch.emulation_flags = XEN_X86_EMU_PIT;
    const auto domain = domain_create(Domid{0}, config, true);
    if (!domain.ok()) {
        log_error("dom0: creation fails with error {}", domain.error());
        boot_failed("dom0 could not be created");
    }
    for (VcpuId i = 0; i < vcpus; ++i)
        if (!vcpu_create(*domain.value(), i).ok()) boot_failed("dom0's vCPUs could not be created");
    return *domain.value();
}

u32 vcpu_count() {
    const u32 cpus = cpu_count_online();
    return min_of(max_of(min_of(cpus, vcpus_asked.max), vcpus_asked.min), 128U);
}

void pin_vcpus(Domain& domain) {
    for_each_vcpu(domain, [](Vcpu& vcpu) {
        const CpuMask one = CpuMask::of(vcpu.id % cpu_count_online());
        static_cast<void>(sched_set_affinity(vcpu, &one, nullptr));
    });
}

} // namespace

void dom0_build() {
    const BootModule& module = boot_info.modules[0];
    const BootModule* initrd = boot_info.module_count > 1 ? &boot_info.modules[1] : nullptr;
    for (u32 i = 2; i < boot_info.module_count; ++i)
        log_warning("module {} is not used", i);
    const KernelImage image = unpack(module);
    PvKernel kernel;
    if (const char* bad = pv_kernel_parse(image.data, image.size, kernel)) boot_failed(bad);
    log_info("dom0: {} kernel", kernel.guest_os[0] ? kernel.guest_os : "PV");

    Domain& domain = create(vcpu_count());
    const u64 available = heap_free_pages();
    const u64 pages = dom0_memory_pages(memory_asked, available);
    domain.max_pages = memory_asked.max.given
                           ? static_cast<u32>(max_of(pages, min_of<u64>(memory_asked.max.of(available), ~0U)))
                           : ~0U;
    Dom0Builder builder(domain, kernel, pages);
    builder.build(image.data, initrd, module.cmdline);
    if (image.unpacked) heap_free(*image.unpacked, image.order);
    dom0_grant_machine(domain);
    update_domain_wallclock(domain);
    builder.start(*domain.vcpus[0]);
    if (dom0_vcpus_pin) pin_vcpus(domain);
    for (u32 i = 0; i < boot_info.module_count; ++i)
        mm_free_boot_range(boot_info.modules[i].start, boot_info.modules[i].start + boot_info.modules[i].size);
    log_info("dom0: {} vCPUs; {} MiB free for guests", domain.max_vcpus, heap_free_pages() >> 8);
    console_give_input_to_dom0();
    HV_BUG_ON(!domain_unpause_by_controller(domain).ok());
}

} // namespace hv
