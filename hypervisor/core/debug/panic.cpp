// SPDX-License-Identifier: MIT
#include "core/debug/panic.hpp"

#include "core/debug/console.hpp"
#include "core/debug/printk.hpp"
#include "core/init/cmdline.hpp"
#include "lib/atomic.hpp"
#include "lib/spinlock.hpp"
#include "platform/power.hpp"
#include "traps/dump.hpp"

namespace hv {

static BoolOption noreboot("noreboot", false);
HV_OPTION(noreboot);

bool reboot_wanted() { return !noreboot.value; }

[[noreturn]] static void end_machine() {
    if (reboot_wanted()) {
        log_error("Rebooting in five seconds...");
        console_flush();
        machine_restart(5000);
    }
    log_error("Manual reset required ('noreboot' specified)");
    console_flush();
    machine_halt();
}

static Atomic<u32> panicking{0}; // 1 + the CPU that panics

/// Takes the machine for itself: only the first CPU gets here, others stop; a panic within the panic just ends.
static void panic_begin() {
    irq_disable();
    u32 expected = 0;
    if (!panicking.compare_exchange(expected, cpu_id() + 1)) {
        if (expected == cpu_id() + 1) machine_halt();
        for (;;)
            asm volatile("hlt");
    }
    console_force_unlock();
}

static void panic_text(const char* fmt, const FormatArg* args, usize count) {
    log_error("****************************************");
    log_error("Panic on CPU {}:", cpu_id());
    printk_args(LogLevel::error, false, fmt, args, count);
    log_error("****************************************");
}

void panic_args(const char* fmt, const FormatArg* args, usize count) {
    panic_begin();
    panic_text(fmt, args, count);
    dump_here();
    stop_other_cpus();
    end_machine();
}

void panic_with_registers(const UserRegs& regs, const char* what) {
    panic_begin();
    const FormatArg list[] = {FormatArg(what)};
    panic_text("{}", list, 1);
    dump_hypervisor_state(regs);
    stop_other_cpus();
    end_machine();
}

void boot_failed(const char* why) {
    log_error("Cannot boot: {}", why);
    console_flush();
    for (;;)
        asm volatile("cli; hlt");
}

void assertion_failed(const char* expression, const char* file, int line) {
    panic("Assertion '{}' failed at {}:{}", expression, file, line);
}

} // namespace hv
