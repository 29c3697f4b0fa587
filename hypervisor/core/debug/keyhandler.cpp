// SPDX-License-Identifier: MIT
#include "core/debug/keyhandler.hpp"

#include "core/debug/console.hpp"
#include "core/debug/panic.hpp"
#include "core/debug/printk.hpp"
#include "core/domain/domain.hpp"
#include "core/evtchn/evtchn.hpp"
#include "core/grant/grant.hpp"
#include "core/mm/heap.hpp"
#include "core/sched/sched.hpp"
#include "core/time/timer.hpp"
#include "drivers/acpi/acpi.hpp"
#include "irq/irq.hpp"
#include "platform/power.hpp"
#include "traps/dump.hpp"

namespace hv {

namespace {

struct Key {
    void (*handler)(char key) = nullptr;
    const char* description = nullptr;
    bool in_star = false;
};
constexpr char first_key = '!', last_key = '~';
Key keys[last_key - first_key + 1];

Key* slot_of(char key) { return key >= first_key && key <= last_key ? &keys[key - first_key] : nullptr; }

void help(char) {
    log_info("'h' pressed -> showing installed handlers");
    for (const Key& key : keys)
        if (key.handler) log_info(" key '{}' => {}", static_cast<char>(first_key + (&key - keys)), key.description);
}

void all(char) {
    for (const Key& key : keys)
        if (key.handler && key.in_star) {
            const char name = static_cast<char>(first_key + (&key - keys));
            log_info("[{}: {}]", name, key.description);
            key.handler(name);
        }
}

void registers(char) {
    log_info("'d' pressed -> dumping registers");
    for_each_cpu(online_cpus, [](CpuId cpu) {
        smp_call(
            CpuMask::of(cpu),
            [](void*) {
                log_info("*** Dumping CPU{} state: ***", cpu_id());
                if (current().is_idle)
                    log_info("idle");
                else
                    dump_registers(guest_regs());
            },
            nullptr, true);
    });
}

void dom0_registers(char) {
    log_info("'0' pressed -> dumping Dom0's registers");
    if (!dom0) return;
    for_each_vcpu(*dom0, [](Vcpu& vcpu) {
        const bool self = &vcpu == &current();
        if (!self) vcpu_pause(vcpu);
        self ? dump_registers(guest_regs()) : dump_vcpu(vcpu);
        if (!self) vcpu_unpause(vcpu);
    });
}

void numa(char) {
    log_info("'u' pressed -> NUMA info: {} nodes", acpi.node_count);
    for (u32 node = 0; node < acpi.node_count; ++node)
        log_info("    node {}: {} MiB free", node, heap_free_pages(0, 64, static_cast<int>(node)) >> 8);
}

void domains(char) {
    log_info("'q' pressed -> dumping domain info (now = {} ns)", now_ns());
    for_each_domain([](Domain& d) {
        log_info("General information for domain {}:", d.id);
        log_info("    refs={} dying={} pause_count={}", d.refs.load(), static_cast<u8>(d.dying.load()),
                 d.pause_count.load());
        log_info("    nr_pages={} max_pages={} hypervisor_pages={} vm_assist={:08x}", d.tot_pages, d.max_pages,
                 d.hv_pages, d.vm_assist);
        for_each_vcpu(d, [](Vcpu& v) {
            log_info("    VCPU{}: CPU{} running={} pause_flags={:x} pause_count={} upcall_pend={} upcall_mask={}", v.id,
                     v.processor, v.is_running.load(), v.pause_flags.load(), v.pause_count.load(),
                     v.info ? v.info->evtchn_upcall_pending : 0, v.info ? v.info->evtchn_upcall_mask : 0);
        });
    });
}

void reboot(char) {
    log_warning("'R' pressed -> rebooting machine");
    machine_restart();
}

void crash(char) { panic("'C' pressed -> crash on request"); }

void log_level(char key) {
    const u8 now = console_log_threshold(false);
    const u8 next = static_cast<u8>(key == '+' ? (now < 4 ? now + 1 : 4) : (now > 1 ? now - 1 : 1));
    console_set_log_threshold(false, next);
    log_error("log level is now {}", next);
}

} // namespace

void keyhandler_register(char key, void (*handler)(char key), const char* description, bool in_star) {
    if (Key* slot = slot_of(key)) *slot = {handler, description, in_star};
}

bool keyhandler_run(char key) {
    const Key* slot = slot_of(key);
    if (!slot || !slot->handler) return false;
    slot->handler(key);
    return true;
}

void keyhandler_init() {
    keyhandler_register('h', help, "show this message", false);
    keyhandler_register('*', all, "print all diagnostics", false);
    keyhandler_register('d', registers, "dump registers");
    keyhandler_register('0', dom0_registers, "dump Dom0 registers");
    keyhandler_register('q', domains, "dump domain (and guest debug) info");
    keyhandler_register('u', numa, "dump NUMA info");
    keyhandler_register('R', reboot, "reboot machine", false);
    keyhandler_register('C', crash, "trigger a crash", false);
    keyhandler_register('+', log_level, "raise the log level", false);
    keyhandler_register('-', log_level, "lower the log level", false);
    evtchn_keys_register();
    grant_keys_register();
    heap_keys_register();
}

} // namespace hv
