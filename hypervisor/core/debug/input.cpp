// SPDX-License-Identifier: MIT
#include "core/debug/input.hpp"

#include "core/debug/console.hpp"
#include "core/debug/keyhandler.hpp"
#include "core/debug/printk.hpp"
#include "core/deferred/softirq.hpp"
#include "core/evtchn/evtchn.hpp"
#include "core/hypercall/guest_ptr.hpp"
#include "core/hypercall/table.hpp"
#include "core/init/cmdline.hpp"
#include "core/xsm/check.hpp"
#include "irq/irq.hpp"
#include "lib/string.hpp"

namespace hv {

namespace {

/// conswitch=<char>[x]: Ctrl-<char> switches; 'x': input starts at the hypervisor.
char switch_char = 'a' & 0x1f;
bool start_at_hypervisor = false;
CustomOption conswitch("conswitch", [](Option&, const char* value, bool negated) {
    const char c = static_cast<char>(*value | 0x20);
    if (negated || c < 'a' || c > 'z' || (value[1] && !string_equal(value + 1, "x"))) return false;
    switch_char = static_cast<char>(c & 0x1f);
    start_at_hypervisor = value[1] == 'x';
    return true;
});
HV_OPTION(conswitch);

SpinLock input_lock{LockRank::leaf};
bool to_dom0 = false;
unsigned switches_seen = 0;
char received[1024]; // for dom0: CONSOLEIO_read
u32 received_head = 0, received_tail = 0;
char pending_keys[64];
u32 keys_head = 0, keys_tail = 0;

void run_keys() {
    for (;;) {
        char key;
        {
            const IrqGuard guard(input_lock);
            if (keys_tail == keys_head) return;
            key = pending_keys[keys_tail++ % sizeof(pending_keys)];
        }
        console_handle_key(key);
    }
}

void announce() {
    log_warning("*** Serial input to {} (type 'CTRL-{}' three times to switch input)", to_dom0 ? "DOM0" : "Hospes",
                static_cast<char>(switch_char + 'a' - 1));
}

constexpr u64 poll_interval_ns = 20'000'000;
Timer poll_timer;
void poll(void*) {
    console_poll_serial();
    poll_timer.set(now_ns() + poll_interval_ns);
}
void serial_interrupt(u32, void*) { console_poll_serial(); }

} // namespace

void console_input(char c) {
    enum class Then { nothing, announce, key, event } then = Then::nothing;
    {
        const IrqGuard guard(input_lock);
        if (c == switch_char && switch_char) {
            if (++switches_seen == 3) {
                switches_seen = 0;
                to_dom0 = !to_dom0 && dom0 != nullptr;
                then = Then::announce;
            }
        } else {
            // Fewer than three of them were meant for the receiver.
            for (; switches_seen && to_dom0; --switches_seen)
                received[received_head++ % sizeof(received)] = switch_char;
            switches_seen = 0;
            if (to_dom0) {
                received[received_head++ % sizeof(received)] = c;
                if (received_head - received_tail > sizeof(received)) received_tail = received_head - sizeof(received);
                then = Then::event;
            } else {
                if (keys_head - keys_tail < sizeof(pending_keys)) pending_keys[keys_head++ % sizeof(pending_keys)] = c;
                then = Then::key;
            }
        }
    }
    if (then == Then::announce)
        announce();
    else if (then == Then::key)
        softirq_raise(Softirq::debug_keys);
    else if (then == Then::event)
        evtchn_send_global_virq(VIRQ_CONSOLE);
}

void console_give_input_to_dom0() {
    to_dom0 = !start_at_hypervisor;
    announce();
}

void console_handle_key(char key) {
    if (!keyhandler_run(key)) log_warning("'{}' is no debug key ('h' lists them)", key);
}

void console_init_input() {
    const SerialPortInUse port = console_serial_port();
    if (!port.port) return;
    softirq_register(Softirq::debug_keys, run_keys);
    console_set_async();
    // The timer drains output and, should the interrupt never come, input as well.
    poll_timer.init(poll, nullptr, 0);
    poll_timer.set(now_ns() + poll_interval_ns);
    if (!port.irq) return;
    if (irq_request(port.irq, serial_interrupt, nullptr).ok())
        console_enable_serial_interrupts();
    else
        log_warning("serial: IRQ {} is not available, polling", port.irq);
}

namespace {

/// A guest's text: collected to lines, "(d3) " in front, under the guests' rate limit.
struct GuestLine {
    Domid domain{};
    char text[256] = {};
    u32 length = 0;
};
SpinLock guest_line_lock{LockRank::guest_console};
GuestLine guest_line;

void flush_guest_line() {
    if (!guest_line.length) return;
    char out[sizeof(guest_line.text) + 16];
    guest_line.text[guest_line.length] = '\0';
    format(out, sizeof(out), "(d{}) {}", guest_line.domain, guest_line.text);
    log_guest("{}", out);
    guest_line.length = 0;
}

void guest_text(Domid domain, const char* text, usize length) {
    // One buffer for all: a line of another domain in between ends this one's.
    if (guest_line.domain != domain) flush_guest_line();
    guest_line.domain = domain;
    for (usize i = 0; i < length; ++i) {
        const char c = text[i];
        if (c == '\n' || guest_line.length == sizeof(guest_line.text) - 1) flush_guest_line();
        if ((c >= ' ' && c != 0x7f) || c == '\t') guest_line.text[guest_line.length++] = c;
    }
}

Result<s64> write_console(u64 buffer, u64 count) {
    const Domain& domain = *current().domain;
    char piece[128];
    for (u64 done = 0; done < count;) {
        const usize n = min_of<u64>(sizeof(piece), count - done);
        TRY(GuestIn<char>(buffer + done).read(piece, n));
        if (domain.is_hardware) {
            console_write_serial(piece, n);
        } else {
            const IrqGuard guard(guest_line_lock);
            guest_text(domain.id, piece, n);
        }
        done += n;
    }
    return s64{0};
}

Result<s64> read_console(u64 buffer, u64 count) {
    u64 done = 0;
    while (done < count) {
        char piece[64];
        usize n = 0;
        {
            const IrqGuard guard(input_lock);
            while (n < sizeof(piece) && done + n < count && received_tail != received_head)
                piece[n++] = received[received_tail++ % sizeof(received)];
        }
        if (!n) break;
        TRY(GuestOut<char>(buffer + done).write(piece, n));
        done += n;
    }
    return static_cast<s64>(done);
}

} // namespace

/// HYPERVISOR_console_io(cmd, count, buffer). Reading is dom0's; anyone may write, as lines under the rate limit.
Result<s64> hypercall::console_io(HypercallArgs& args) {
    const u64 count = static_cast<u32>(args.a[1]);
    switch (static_cast<u32>(args.a[0])) {
    case CONSOLEIO_write: {
        // A huge count must not keep the CPU: one page at a time, the rest by restarting the call.
        const u64 now = min_of<u64>(count, page_size);
        TRY(write_console(args.a[2], now));
        if (now == count) return s64{0};
        args.a[1] = count - now;
        args.a[2] += now;
        return Errno::restart;
    }
    case CONSOLEIO_read: TRY(xsm_check(XsmOp::console_io)); return read_console(args.a[2], count);
    default: return Errno::nosys;
    }
}

} // namespace hv
