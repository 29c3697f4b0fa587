// SPDX-License-Identifier: MIT
#include "core/debug/console.hpp"

#include "abi/xen.hpp"
#include "core/debug/input.hpp"
#include "core/debug/printk.hpp"
#include "core/debug/ring.hpp"
#include "core/hypercall/guest_ptr.hpp"
#include "core/init/cmdline.hpp"
#include "core/mm/heap.hpp"
#include "drivers/serial/ns16550.hpp"
#include "lib/atomic.hpp"
#include "lib/spinlock.hpp"
#include "lib/string.hpp"

namespace hv {

namespace {

char early_ring[16384];
TextRing ring(early_ring, sizeof(early_ring));
SpinLock console_lock{LockRank::console};
Ns16550 serial;
bool serial_async = false; ///< the queue is drained by the poll timer; before, and in a panic, every write waits

SerialConfig com1_config, com2_config{.baud = 115200, .line_control = 3, .port = 0x2f8, .irq = 3, .given = false};
StringOption console("console", "com1");
SizeOption conring_size("conring_size", 0);
BoolOption sync_console("sync_console", false);
CustomOption com1("com1", [](Option&, const char* v, bool n) { return !n && serial_parse(v, com1_config); });
CustomOption com2("com2", [](Option&, const char* v, bool n) { return !n && serial_parse(v, com2_config); });
HV_OPTION(console);
HV_OPTION(conring_size);
HV_OPTION(sync_console);
HV_OPTION(com1);
HV_OPTION(com2);

/// The first comN in console=; -1 when it names none.
int console_port() {
    const char* word = console.value;
    while (*word) {
        if (string_starts(word, "com1") || string_starts(word, "com2")) return word[3] - '1';
        while (*word && *word++ != ',') {
        }
    }
    return -1;
}

void serial_put(const char* text, usize length) {
    if (!serial.present()) return;
    const char* start = text;
    for (usize i = 0; i < length; ++i) {
        if (text[i] != '\n') continue;
        serial.write(start, static_cast<usize>(text + i - start));
        serial.write("\r\n", 2);
        start = text + i + 1;
    }
    serial.write(start, static_cast<usize>(text + length - start));
    if (!serial_async) serial.flush();
}

} // namespace

void console_write(const char* text, usize length) {
    const IrqGuard guard(console_lock);
    ring.put(text, length);
    serial_put(text, length);
}

void console_write_serial(const char* text, usize length) {
    const IrqGuard guard(console_lock);
    serial_put(text, length);
}

void console_init() {
    const int port = console_port();
    if (port < 0) {
        log_warning("console={}: no serial port in it, only the ring", console.value);
        return;
    }
    const IrqGuard guard(console_lock);
    if (!serial.init(port == 0 ? com1_config : com2_config)) return;
    char piece[256]; // what was logged before the port was known
    u32 at = ring.first(), n;
    for (; (n = ring.copy(at, piece, sizeof(piece))) != 0; at += n)
        serial_put(piece, n);
}

void console_init_ring() {
    const u64 size = align_up(conring_size.value, page_size);
    if (size <= sizeof(early_ring)) return;
    const unsigned order = min_of(order_for(size), 12U);
    char* buffer = static_cast<char*>(alloc_pages(order));
    if (!buffer) {
        log_warning("conring_size: not enough memory for {} KiB", (page_size << order) >> 10);
        return;
    }
    const IrqGuard guard(console_lock);
    ring.enlarge(buffer, static_cast<u32>(page_size << order));
}

void console_set_async() { serial_async = !sync_console.value; }

static void drain_serial() {
    char received[32];
    u32 count = 0;
    {
        const IrqGuard guard(console_lock);
        serial.pump();
        while (count < sizeof(received) && serial.read(received[count]))
            ++count;
    }
    for (u32 i = 0; i < count; ++i)
        console_input(received[i]);
}

void console_poll_serial() {
    // The timer and the interrupt may come on two CPUs: one drains at a time, or batches overtake each other.
    static Atomic<u32> wanted{0};
    if (wanted.fetch_add(1) != 0) return;
    for (u32 seen = 1; seen;) {
        drain_serial();
        seen = wanted.fetch_sub(seen) - seen;
    }
}

SerialPortInUse console_serial_port() {
    const SerialConfig& config = console_port() == 1 ? com2_config : com1_config;
    return {serial.present() ? config.port : u16{0}, config.irq};
}

void console_enable_serial_interrupts() {
    const IrqGuard guard(console_lock);
    serial.enable_interrupts();
}

void console_force_unlock() {
    serial_async = false;
    if (console_lock.is_locked()) ::new (static_cast<void*>(&console_lock)) SpinLock(LockRank::console);
}

void console_flush() {
    const IrqGuard guard(console_lock);
    serial.flush();
}

Status console_read_ring(xen_sysctl_readconsole& op) {
    const GuestOut<char> buffer(op.buffer);
    const bool incremental = op.incremental != 0;
    char piece[256];
    u32 at, done = 0;
    {
        const IrqGuard guard(console_lock);
        at = incremental ? ring.clamp(op.index) : ring.first();
    }
    while (done < op.count) {
        u32 n;
        {
            const IrqGuard guard(console_lock);
            at = ring.clamp(at);
            n = ring.copy(at, piece, min_of<u32>(sizeof(piece), op.count - done));
        }
        if (!n) break;
        TRY(buffer.offset(done).write(piece, n));
        done += n;
        at += n;
    }
    if (op.clear) {
        const IrqGuard guard(console_lock);
        ring.clear();
    }
    op.count = done;
    op.index = at;
    return {};
}

} // namespace hv
