// SPDX-License-Identifier: MIT
#include "rt/rt.hpp"

#define TRAPS(X) X(0) X(1) X(3) X(4) X(5) X(6) X(7) X(9) X(10) X(11) X(12) X(13) X(14) X(16) X(17) X(18) X(19)

extern "C" {
#define DECLARE(n) void rt_trap_##n();
TRAPS(DECLARE)
void rt_event_upcall();
void rt_failsafe();
void rt_secondary_entry();
extern char rt_stack0[], rt_stack1[];
[[noreturn]] void rt_start(start_info_t* info);
[[noreturn]] void rt_secondary();

struct TrapFrame {
    rt::u64 r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    rt::u64 vector, error, rip, cs, rflags, rsp, ss;
};
void rt_trap(TrapFrame& frame);

void* memset(void* to, int value, size_t n) {
    for (size_t i = 0; i < n; ++i)
        static_cast<volatile char*>(to)[i] = static_cast<char>(value);
    return to;
}
void* memcpy(void* to, const void* from, size_t n) {
    for (size_t i = 0; i < n; ++i)
        static_cast<volatile char*>(to)[i] = static_cast<const char*>(from)[i];
    return to;
}
}

namespace rt {

start_info_t* start;
shared_info_t* shared;
const char* test_name = TEST_NAME;
bool ignore_debug_traps;

static constexpr u64 stack_bytes = 32768;
static constexpr u16 kernel_cs = 0xe033, kernel_ss = 0xe02b;

/// Per vCPU: where to go on after a trap that was provoked, and which one it was.
struct Probe {
    u64 resume;
    u32 trap;
};
static Probe probes[2];
static Probe& probe() {
    u64 rsp;
    asm("mov %%rsp, %0" : "=r"(rsp));
    return probes[rsp - address(rt_stack1) < stack_bytes ? 1 : 0];
}

u32 last_trap() { return probe().trap; }

bool try_write(void* to, u64 value) {
    Probe& p = probe();
    p.trap = ~0U;
    asm volatile("lea 1f(%%rip), %%rax; mov %%rax, %0; mov %2, (%1); 1:"
                 : "=m"(p.resume)
                 : "r"(to), "r"(value)
                 : "rax", "memory");
    p.resume = 0;
    return *const_cast<volatile u32*>(&p.trap) == ~0U;
}

bool try_read(const void* from, u64& value) {
    Probe& p = probe();
    p.trap = ~0U;
    u64 seen = 0;
    asm volatile("lea 1f(%%rip), %%rax; mov %%rax, %0; mov (%2), %1; 1:"
                 : "=m"(p.resume), "+r"(seen)
                 : "r"(from)
                 : "rax", "memory");
    p.resume = 0;
    value = seen;
    return *const_cast<volatile u32*>(&p.trap) == ~0U;
}

bool try_call(void (*code)()) {
    Probe& p = probe();
    p.trap = ~0U;
    asm volatile("lea 1f(%%rip), %%rax; mov %%rax, %0; mov %%rsp, %%rbx; call *%1; 1: mov %%rbx, %%rsp"
                 : "=m"(p.resume)
                 : "r"(code)
                 : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
    p.resume = 0;
    return *const_cast<volatile u32*>(&p.trap) == ~0U;
}

static void set_traps(trap_info_t* table) {
    unsigned n = 0;
#define FILL(v) table[n++] = {v, v == 3 || v == 4 ? 3 : 0, kernel_cs, reinterpret_cast<u64>(rt_trap_##v)};
    TRAPS(FILL)
    table[n] = {};
}

void reset_callbacks() {
    trap_info_t table[20];
    set_traps(table);
    hypercall(__HYPERVISOR_set_trap_table, address(table));
    hypercall(__HYPERVISOR_stack_switch, 0xe02b, address(rt_stack0) + stack_bytes);
    hypercall(__HYPERVISOR_set_callbacks, reinterpret_cast<u64>(rt_event_upcall), reinterpret_cast<u64>(rt_failsafe),
              0);
}

u64 option(const char* key, u64 otherwise) {
    const char* line = reinterpret_cast<const char*>(start->cmd_line);
    for (; *line; ++line) {
        unsigned i = 0;
        while (key[i] && line[i] == key[i])
            ++i;
        if (key[i] || line[i] != '=') continue;
        u64 value = 0;
        for (line += i + 1; *line >= '0' && *line <= '9'; ++line)
            value = value * 10 + static_cast<u64>(*line - '0');
        return value;
    }
    return otherwise;
}

static void (*secondary_body)();

void start_secondary(void (*run)()) {
    static vcpu_guest_context_t context; // too big for the stack
    secondary_body = run;
    context.flags = VGCF_in_kernel;
    context.user_regs.rip = reinterpret_cast<u64>(rt_secondary_entry);
    context.user_regs.rsp = address(rt_stack1) + stack_bytes;
    context.user_regs.cs = kernel_cs;
    context.user_regs.ss = context.user_regs.ds = context.user_regs.es = kernel_ss;
    context.user_regs.rflags = 0x200;
    context.kernel_ss = kernel_ss;
    context.kernel_sp = context.user_regs.rsp;
    context.ctrlreg[3] = mfn_of(reinterpret_cast<void*>(start->pt_base)) << 12;
    context.event_callback_eip = reinterpret_cast<u64>(rt_event_upcall);
    context.failsafe_callback_eip = reinterpret_cast<u64>(rt_failsafe);
    trap_info_t table[20];
    set_traps(table);
    for (const trap_info_t& entry : table) {
        if (!entry.address) break;
        context.trap_ctxt[entry.vector] = entry;
    }
    for (unsigned i = 0; i < 256; ++i)
        context.trap_ctxt[i].vector = static_cast<u8>(i);
    accepted(hypercall(__HYPERVISOR_vcpu_op, VCPUOP_initialise, 1, address(&context)), "VCPUOP_initialise");
    accepted(hypercall(__HYPERVISOR_vcpu_op, VCPUOP_up, 1), "VCPUOP_up");
}

} // namespace rt

using namespace rt;

void rt_trap(TrapFrame& frame) {
    if (frame.vector == 1 && ignore_debug_traps) return;
    Probe& p = probe();
    if (p.resume) {
        p.trap = static_cast<u32>(frame.vector);
        frame.rip = p.resume;
        p.resume = 0;
        return;
    }
    printf("trap %u error %x rip %x rsp %x cr2 %x\r\n", frame.vector, frame.error, frame.rip, frame.rsp,
           shared->vcpu_info[0].arch.cr2);
    fail("unexpected trap", static_cast<s64>(frame.vector));
}

void rt_secondary() {
    secondary_body();
    hypercall(__HYPERVISOR_vcpu_op, VCPUOP_down, 1);
    for (;;)
        hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield);
}

void rt_start(start_info_t* info) {
    start = info;
    reset_callbacks();
    // The shared page goes where an unused page of ours was.
    u8* window = alloc_page();
    update_va(address(window), info->shared_info | pte_kernel);
    shared = reinterpret_cast<shared_info_t*>(window);
    printf("guest test %s on %s\r\n", test_name, info->magic);
    run_test();
    pass();
}
