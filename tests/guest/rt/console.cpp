// SPDX-License-Identifier: MIT
#include <stdarg.h>

#include "rt/rt.hpp"

namespace rt {

static xencons_interface* ring() { return static_cast<xencons_interface*>(virt_of(start->console.domU.mfn)); }

static void ring_write(const char* text, u32 length) {
    xencons_interface* console = ring();
    while (length) {
        const u32 prod = console->out_prod;
        const u32 space = sizeof(console->out) - (prod - *const_cast<volatile XENCONS_RING_IDX*>(&console->out_cons));
        u32 n = 0;
        for (; n < length && n < space; ++n)
            console->out[(prod + n) & (sizeof(console->out) - 1)] = text[n];
        asm volatile("" ::: "memory");
        console->out_prod = prod + n;
        evtchn_send_t send = {start->console.domU.evtchn};
        event_op(EVTCHNOP_send, send);
        text += n;
        length -= n;
        if (length) hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield);
    }
}

void print(const char* text) {
    u32 length = 0;
    while (text[length])
        ++length;
    if (start->flags & SIF_INITDOMAIN)
        hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, length, address(text));
    else
        ring_write(text, length);
}

void print_number(u64 value, unsigned base) {
    char digits[24];
    char* at = digits + sizeof(digits) - 1;
    *at = 0;
    do
        *--at = "0123456789abcdef"[value % base];
    while (value /= base);
    print(at);
}

void printf(const char* format, ...) {
    va_list args;
    va_start(args, format);
    for (; *format; ++format) {
        if (*format != '%') {
            const char one[2] = {*format, 0};
            print(one);
            continue;
        }
        switch (*++format) {
        case 's': print(va_arg(args, const char*)); break;
        case 'd':
            if (const s64 value = va_arg(args, s64); value < 0) {
                print("-");
                print_number(-static_cast<u64>(value));
            } else {
                print_number(static_cast<u64>(value));
            }
            break;
        case 'x': print_number(va_arg(args, u64), 16); break;
        default: print_number(va_arg(args, u64));
        }
    }
    va_end(args);
}

void shutdown(u32 reason) {
    // Let the console daemon read the last line first: the ring goes with the domain.
    if (!(start->flags & SIF_INITDOMAIN))
        for (int i = 0; i < 100000 && ring()->out_cons != ring()->out_prod; ++i)
            hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield);
    sched_shutdown_t op = {start->flags & SIF_INITDOMAIN ? u32{SHUTDOWN_reboot} : reason}; // the machine ends
    for (;;)
        sched_op(SCHEDOP_shutdown, op);
}

void fail(const char* why, s64 got, s64 which) {
    printf("\r\nFAIL %s: %s (got %d, case %x)\r\n", test_name, why, got, which);
    shutdown(SHUTDOWN_poweroff);
}

void pass() {
    printf("\r\nPASS %s\r\n", test_name);
    shutdown(SHUTDOWN_poweroff);
}

} // namespace rt
