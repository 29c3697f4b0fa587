// SPDX-License-Identifier: MIT
// Numbers that make no sense: not canonical, misaligned, out of range, commands that do not exist, instructions that
// only the hypervisor may run. Hypothesis: refused, or a fault for this guest.
#include "rt/rt.hpp"

using namespace rt;

namespace {

constexpr u64 crooked = 0x0000800000000000;

void addresses() {
    for (const u64 which : {SEGBASE_FS, SEGBASE_GS_KERNEL, SEGBASE_GS_USER})
        for (const u64 base : {crooked, u64{0x7fff} << 48, ~u64{0} >> 1})
            refused(hypercall(__HYPERVISOR_set_segment_base, which, base), "a segment base", static_cast<s64>(base));
    refused(hypercall(__HYPERVISOR_set_segment_base, 4, 0), "segment 4");
    refused(hypercall(__HYPERVISOR_set_segment_base, ~u32{0}, 0), "segment ~0");
    trap_info_t traps[2] = {{14, 0, 0xe033, crooked}, {}};
    refused(hypercall(__HYPERVISOR_set_trap_table, address(traps)), "a trap handler");
    reset_callbacks();
    for (u64 index = 0; index < 4; ++index)
        for (const u64 at : {crooked, u64{0xffff830000000000}})
            refused(hypercall(__HYPERVISOR_set_debugreg, index, at), "a breakpoint in the hypervisor",
                    static_cast<s64>(at));
    refused(hypercall(__HYPERVISOR_set_debugreg, 7, u64{1} << 13), "general detect");
    refused(hypercall(__HYPERVISOR_set_debugreg, 7, u64{1} | u64{2} << 16), "an I/O breakpoint");
    refused(hypercall(__HYPERVISOR_set_debugreg, 8, 0), "debug register 8");
    refused(hypercall(__HYPERVISOR_get_debugreg, ~u64{0}), "debug register ~0");
}

void vcpu_op() {
    for (const u64 vcpu : {u64{4}, u64{999}, u64{8192}, u64{0xffffffff}})
        for (u32 cmd = 0; cmd <= 13; ++cmd)
            refused(hypercall(__HYPERVISOR_vcpu_op, cmd, vcpu, address(start)), "vcpu_op for no vCPU", cmd);
    refused(hypercall(__HYPERVISOR_vcpu_op, 99, 0, 0), "vcpu_op 99");
    const auto info = [](u64 mfn, u32 offset) {
        vcpu_register_vcpu_info_t op = {};
        op.mfn = mfn, op.offset = offset;
        return hypercall(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 0, address(&op));
    };
    u8* page = alloc_page();
    refused(info(foreign_mfn(), 0), "vcpu_info in a foreign page");
    refused(info(pte_address(address(page)) / page_size, 0), "vcpu_info in a page table");
    refused(info(~u64{0}, 0), "vcpu_info in no page");
    for (const u32 offset : {u32{4096}, u32{4095}, u32{4096 - 63}, u32{4}, ~u32{0}, ~u32{0} - 63})
        refused(info(mfn_of(page), offset), "vcpu_info across a page", offset);
    vcpu_set_periodic_timer_t timer = {1};
    refused(hypercall(__HYPERVISOR_vcpu_op, VCPUOP_set_periodic_timer, 0, address(&timer)), "a period of 1 ns");
}

void numbers() {
    for (const u64 number : {u64{64}, u64{63}, u64{255}, u64{0x7fffffff}, u64{0xffffffff}, ~u64{0}})
        refused(hypercall(number), "a hypercall that does not exist", static_cast<s64>(number));
    for (const u64 number :
         {__HYPERVISOR_event_channel_op, __HYPERVISOR_grant_table_op, __HYPERVISOR_memory_op, __HYPERVISOR_sched_op,
          __HYPERVISOR_physdev_op, __HYPERVISOR_callback_op, __HYPERVISOR_vm_assist, __HYPERVISOR_xen_version})
        refused(hypercall(number, 0x3f, address(alloc_page()), 1), "command 63", static_cast<s64>(number));
    multicall_entry_t list[3] = {};
    list[0].op = 999;
    list[1].op = __HYPERVISOR_multicall;
    list[1].args[0] = address(list);
    list[1].args[1] = 3;
    list[2].op = __HYPERVISOR_xen_version;
    accepted(hypercall(__HYPERVISOR_multicall, address(list), 3), "multicall");
    expect(static_cast<s64>(list[0].result) < 0, "multicall entry that does not exist");
    expect(static_cast<s64>(list[1].result) < 0, "multicall in multicall");
    expect(list[2].result == (4 << 16 | 17), "xen_version by multicall", static_cast<s64>(list[2].result));
}

// Privileged instructions: emulated harmlessly or #GP / #UD, never carried out.
struct Instruction {
    void (*run)();
    const char* name;
};
const Instruction forbidden[] = {
    {[] { asm volatile("sub $16, %rsp; lgdt (%rsp); add $16, %rsp"); }, "lgdt"},
    {[] { asm volatile("sub $16, %rsp; lidt (%rsp); add $16, %rsp"); }, "lidt"},
    {[] { asm volatile("xor %eax, %eax; ltr %ax"); }, "ltr"},
    {[] { asm volatile("xor %eax, %eax; lldt %ax"); }, "lldt"},
    {[] { asm volatile("swapgs"); }, "swapgs"},
    {[] { asm volatile("sysretq"); }, "sysret"},
    {[] { asm volatile("xor %eax, %eax; .byte 0x0f, 0x01, 0xd8"); }, "vmrun"},
    {[] { asm volatile("mov $0x1000, %eax; mov %rax, %cr3"); }, "mov cr3"},
    {[] { asm volatile("mov $0xffffffff, %eax; mov %rax, %cr8"); }, "mov cr8"},
};

void instructions() {
    for (const Instruction& one : forbidden)
        if (try_call(one.run) || (last_trap() != 13 && last_trap() != 6)) fail(one.name, last_trap());
    // These may be swallowed, but must change nothing: the guest would not survive it.
    try_call([] { asm volatile("mov $0xc0000080, %ecx; xor %eax, %eax; xor %edx, %edx; wrmsr"); }); // EFER
    try_call([] { asm volatile("mov $0xc0000082, %ecx; xor %eax, %eax; xor %edx, %edx; wrmsr"); }); // LSTAR
    try_call([] { asm volatile("mov $0x1b, %ecx; xor %eax, %eax; xor %edx, %edx; wrmsr"); });       // APIC_BASE
    try_call([] { asm volatile("xor %eax, %eax; mov %rax, %cr0"); });
    try_call([] { asm volatile("xor %eax, %eax; mov %rax, %cr4"); });
    if (!privileged()) try_call([] { asm volatile("mov $0x604, %dx; mov $0x2000, %ax; outw %ax, %dx"); }); // power off
    expect(hypercall(__HYPERVISOR_xen_version, XENVER_version) == (4 << 16 | 17), "the hypervisor still answers");
}

} // namespace

void run_test() {
    addresses();
    vcpu_op();
    numbers();
    instructions();
}
