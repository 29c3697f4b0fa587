// SPDX-License-Identifier: MIT
// Every hypercall number with random arguments: plain numbers, frames and addresses of ours, of others and of the
// hypervisor, structures made of such values. Hypothesis: the hypervisor answers each call and this domain goes on.
// Options: seed=N, calls=N, trace=N (print each call from the Nth on). Left out is only what legitimately ends or
// stalls the caller (see harmless()).
#include "rt/rt.hpp"

using namespace rt;

namespace {

constexpr unsigned victim_count = 48;
Random rng{};
u8* victims[victim_count]; // anything may happen to these
u64 victim_mfn[victim_count], victim_pte[victim_count];
u8* buffer; // structures
multicall_entry_t* calls;
u64 wild_mfn;
u16 self;

u64 any_value() {
    const u64 i = rng.below(victim_count);
    switch (rng.below(20)) {
    case 0:
    case 1: return rng.below(4);
    case 2:
    case 3: return rng.below(64);
    case 4: return ~u64{0} - rng.below(3);
    case 5: return rng.next();
    case 6: return static_cast<u32>(rng.next());
    case 7: return victim_mfn[i];
    case 8: return make_pte(victim_mfn[i], rng.next() & 0x1ff) | (rng.below(2) << 63);
    case 9: return victim_pte[i] | rng.below(4);
    case 10: return wild_mfn + rng.below(16);
    case 11: return make_pte(wild_mfn, pte_kernel);
    case 12: return 0xffff800000000000 + (rng.next() & 0x7ffffffffff);  // hypervisor space
    case 13: return 0x0000800000000000 + (rng.next() & 0x7fffffffffff); // not canonical
    case 14: return address(victims[i]) + rng.below(page_size);
    case 15: return DOMID_SELF;
    case 16: return self;
    case 17: return u64{1} << rng.below(64);
    default: return address(buffer) + rng.below(256) * 8;
    }
}

/// A call may have mapped something else over one of our own pages.
struct OwnPage {
    u8* at;
    u64 pte;
    const volatile u64* slot;

    void init() {
        at = alloc_page();
        slot = pte_slot(address(at));
        pte = *slot;
    }
    void repair() const {
        u64 seen;
        if ((*slot ^ pte) & pte_frame || !try_read(at, seen) || !try_write(at, seen))
            accepted(update_va(address(at), pte), "mapping a page of ours again");
    }
} buffer_page, calls_page;

void fill_buffer() {
    buffer_page.repair();
    const u64 n = 8 + rng.below(40);
    for (u64 i = 0; i < n; ++i) {
        u64 value = any_value();
        if (rng.below(3) == 0) // two 32-bit fields
            value = (value & 0xffffffff) | any_value() << 32;
        reinterpret_cast<u64*>(buffer)[i] = value;
    }
}

/// False: the call may end or stall this domain, rightly.
bool harmless(u64 number, const u64* a) {
    const u32 cmd = static_cast<u32>(a[0]);
    u64 first;
    switch (number) {
    case __HYPERVISOR_iret: return false;
    case __HYPERVISOR_sched_op: return cmd == SCHEDOP_yield || cmd == SCHEDOP_shutdown_code || cmd > SCHEDOP_watchdog;
    case __HYPERVISOR_sched_op_compat: return false;
    case __HYPERVISOR_vcpu_op: return cmd != VCPUOP_up && cmd != VCPUOP_down && cmd != VCPUOP_send_nmi;
    case __HYPERVISOR_event_channel_op:
        if (cmd == EVTCHNOP_reset || cmd == 14) return false;
        // The console is how we report.
        return cmd != EVTCHNOP_close ||
               (a[1] == address(buffer) && try_read(buffer, first) && static_cast<u32>(first) > 8);
    case __HYPERVISOR_console_io: return cmd != CONSOLEIO_write;
    case __HYPERVISOR_domctl:
    case __HYPERVISOR_sysctl:
    case __HYPERVISOR_platform_op:
    case __HYPERVISOR_physdev_op:
    case __HYPERVISOR_kexec_op:
    case __HYPERVISOR_arch_0: // machine check
        return !privileged();
    default: return true;
    }
}

/// Arrays with a wild count must end before they reach what the test itself needs.
void guard() { accepted(update_va(address(alloc_page()), 0), "a hole behind the buffers"); }

u64 pick_number() { return rng.below(64) == 0 ? rng.next() : rng.below(60); }

void fuzz_multicall(u64* a) {
    calls_page.repair();
    const u64 n = 1 + rng.below(8);
    for (u64 i = 0; i < n; ++i) {
        multicall_entry_t& call = calls[i];
        do {
            call.op = pick_number();
            for (auto& arg : call.args)
                arg = any_value();
        } while (call.op == __HYPERVISOR_multicall || !harmless(call.op, call.args));
    }
    a[0] = rng.below(8) ? address(calls) : 0xffff830000000000;
    a[1] = n;
}

} // namespace

void run_test() {
    const u64 seed = option("seed", 1), total = option("calls", 1000000), trace = option("trace", ~u64{0});
    rng.state = seed * 0x9e3779b97f4a7c15 + 1;
    self = own_domid();
    wild_mfn = foreign_mfn();
    buffer_page.init();
    buffer = buffer_page.at;
    guard();
    calls_page.init();
    calls = reinterpret_cast<multicall_entry_t*>(calls_page.at);
    for (unsigned i = 0; i < victim_count; ++i) {
        victims[i] = alloc_page();
        victim_mfn[i] = mfn_of(victims[i]);
        victim_pte[i] = pte_address(address(victims[i]));
    }
    guard();
    ignore_debug_traps = true;
    printf("fuzz: seed %u, %u calls\r\n", seed, total);
    u64 accepted_calls = 0;
    for (u64 i = 0; i < total; ++i) {
        if (i % 100000 == 0) printf("fuzz: %u\r\n", i);
        if (rng.below(4) == 0) fill_buffer();
        u64 number, a[5];
        do {
            number = pick_number();
            for (u64& value : a)
                value = any_value();
            if (rng.below(2)) // most calls take a command and a structure
                a[0] = rng.below(32), a[1] = address(buffer);
        } while (!harmless(number, a));
        if (number == __HYPERVISOR_multicall) fuzz_multicall(a);
        if (i >= trace) printf("%u: %u(%x, %x, %x, %x, %x)\r\n", i, number, a[0], a[1], a[2], a[3], a[4]);
        accepted_calls += hypercall(number, a[0], a[1], a[2], a[3], a[4]) >= 0;
        if (number == __HYPERVISOR_set_trap_table || number == __HYPERVISOR_set_callbacks ||
            number == __HYPERVISOR_callback_op || number == __HYPERVISOR_multicall)
            reset_callbacks();
    }
    printf("fuzz: %u of %u calls were accepted\r\n", accepted_calls, total);
}
