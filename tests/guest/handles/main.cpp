// SPDX-License-Identifier: MIT
// Pointers that no guest may use: into the hypervisor, not canonical, wrapping, unmapped, read-only for results.
// Hypothesis: every hypercall that reads or writes through one of them fails, and nothing of the hypervisor changes.
#include "rt/rt.hpp"

#include <xen/physdev.h>

using namespace rt;

namespace {

const u64 wild[] = {0xffff800000000000, 0xffff807ffffffff8, 0xffff820000000000, 0xffff828000000000,
                    0xffff82f000000000, 0xffff830000000000, 0xffff87fffffffff8, 0x0000800000000000,
                    0x8000000000000000, 0x00007ffffffffffc, ~u64{0} - 3,        0x0000000000000010};

struct Call {
    u64 number;
    int position; ///< which argument is the pointer
    u64 args[4];  ///< the others
    const char* name;
};

const Call calls[] = {
    {__HYPERVISOR_set_trap_table, 0, {}, "set_trap_table"},
    {__HYPERVISOR_mmu_update, 0, {0, 1, 0, DOMID_SELF}, "mmu_update"},
    {__HYPERVISOR_mmuext_op, 0, {0, 1, 0, DOMID_SELF}, "mmuext_op"},
    {__HYPERVISOR_set_gdt, 0, {0, 512}, "set_gdt"},
    {__HYPERVISOR_multicall, 0, {0, 1}, "multicall"},
    {__HYPERVISOR_multicall, 0, {0, ~u32{0}}, "multicall without end"},
    {__HYPERVISOR_xen_version, 1, {XENVER_extraversion}, "extraversion"},
    {__HYPERVISOR_xen_version, 1, {XENVER_compile_info}, "compile_info"},
    {__HYPERVISOR_xen_version, 1, {XENVER_capabilities}, "capabilities"},
    {__HYPERVISOR_xen_version, 1, {XENVER_changeset}, "changeset"},
    {__HYPERVISOR_xen_version, 1, {XENVER_platform_parameters}, "platform_parameters"},
    {__HYPERVISOR_xen_version, 1, {XENVER_get_features}, "get_features"},
    {__HYPERVISOR_callback_op, 1, {0}, "callback register"},
    {__HYPERVISOR_callback_op, 1, {1}, "callback unregister"},
    {__HYPERVISOR_sched_op, 1, {SCHEDOP_shutdown}, "shutdown"},
    {__HYPERVISOR_sched_op, 1, {SCHEDOP_poll}, "poll"},
    {__HYPERVISOR_sched_op, 1, {SCHEDOP_remote_shutdown}, "remote_shutdown"},
    {__HYPERVISOR_sched_op, 1, {SCHEDOP_watchdog}, "watchdog"},
    {__HYPERVISOR_vcpu_op, 2, {VCPUOP_initialise, 1}, "vcpu initialise"},
    {__HYPERVISOR_vcpu_op, 2, {VCPUOP_get_runstate_info, 0}, "get_runstate_info"},
    {__HYPERVISOR_vcpu_op, 2, {VCPUOP_register_runstate_memory_area, 0}, "register_runstate"},
    {__HYPERVISOR_vcpu_op, 2, {VCPUOP_set_periodic_timer, 0}, "set_periodic_timer"},
    {__HYPERVISOR_vcpu_op, 2, {VCPUOP_set_singleshot_timer, 0}, "set_singleshot_timer"},
    {__HYPERVISOR_vcpu_op, 2, {VCPUOP_register_vcpu_info, 0}, "register_vcpu_info"},
    {__HYPERVISOR_vcpu_op, 2, {VCPUOP_register_vcpu_time_memory_area, 0}, "register_vcpu_time"},
    {__HYPERVISOR_physdev_op, 1, {PHYSDEVOP_irq_status_query}, "irq_status_query"},
    {__HYPERVISOR_physdev_op, 1, {PHYSDEVOP_set_iopl}, "set_iopl"},
    {__HYPERVISOR_physdev_op, 1, {PHYSDEVOP_eoi}, "eoi"},
};

s64 issue(const Call& call, u64 pointer) {
    u64 a[4] = {call.args[0], call.args[1], call.args[2], call.args[3]};
    a[call.position] = pointer;
    return hypercall(call.number, a[0], a[1], a[2], a[3]);
}

void families(u64 pointer) {
    for (u32 cmd = 0; cmd <= 13; ++cmd)
        if (cmd != 10)
            refused(hypercall(__HYPERVISOR_event_channel_op, cmd, pointer), "event_channel_op through a wild pointer",
                    cmd);
    for (u32 cmd = 0; cmd <= 12; ++cmd)
        refused(hypercall(__HYPERVISOR_grant_table_op, cmd, pointer, 1), "grant_table_op through a wild pointer", cmd);
    for (u32 cmd = 0; cmd <= 28; ++cmd) {
        // maximum_ram_page and the sharing counters take no argument, three commands answer with a count.
        if (cmd == XENMEM_maximum_ram_page || cmd == 18 || cmd == 19 || cmd == XENMEM_machphys_compat_mfn_list)
            continue;
        const s64 result = hypercall(__HYPERVISOR_memory_op, cmd, pointer);
        expect(result < 0 || (result == 0 && (cmd <= 1 || cmd == 6)), "memory_op through a wild pointer", cmd);
    }
}

} // namespace

void run_test() {
    u64 before[64];
    const u64* m2p = reinterpret_cast<const u64*>(0xffff800000000000);
    for (unsigned i = 0; i < 64; ++i)
        expect(try_read(&m2p[0x1000 + i], before[i]), "reading the M2P");
    for (const u64 pointer : wild) {
        for (const Call& call : calls)
            if (issue(call, pointer) >= 0) fail(call.name, 0, static_cast<s64>(pointer));
        families(pointer);
    }
    // Structures that end outside: the last bytes of a page whose successor is missing.
    u8* page = alloc_page();
    u8* hole = alloc_page();
    accepted(update_va(address(hole), 0), "a hole");
    for (const Call& call : calls)
        if (call.number != __HYPERVISOR_sched_op && call.number != __HYPERVISOR_physdev_op &&
            issue(call, address(page) + page_size - 3) >= 0)
            fail(call.name, 0, 1);
    // Results into read-only memory, code included.
    accepted(update_va(address(page), make_pte(mfn_of(page), pte_ro)), "read-only");
    for (const u32 cmd : {XENVER_extraversion, XENVER_compile_info, XENVER_capabilities, XENVER_changeset})
        refused(hypercall(__HYPERVISOR_xen_version, cmd, address(page)), "a result into a read-only page", cmd);
    refused(hypercall(__HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, 0, address(page)),
            "runstate into a read-only page");
    for (unsigned word = 0; word < 512; ++word)
        expect(reinterpret_cast<u64*>(page)[word] == 0, "the read-only page changed");
    for (unsigned i = 0; i < 64; ++i)
        expect(m2p[0x1000 + i] == before[i], "the M2P changed");
    reset_callbacks();
}
