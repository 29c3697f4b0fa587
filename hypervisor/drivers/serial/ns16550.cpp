// SPDX-License-Identifier: MIT
#include "drivers/serial/ns16550.hpp"

#include "cpu/cr.hpp"
#include "lib/string.hpp"

namespace hv {

namespace {
constexpr unsigned reg_data = 0, reg_ier = 1, reg_fcr = 2, reg_lcr = 3, reg_mcr = 4, reg_lsr = 5, reg_scratch = 7;
constexpr u8 lsr_data_ready = 0x01, lsr_thr_empty = 0x20, lcr_dlab = 0x80;
} // namespace

bool serial_parse(const char* text, SerialConfig& out) {
    SerialConfig c = out;
    u64 n;
    if (string_starts(text, "auto")) {
        c.baud = 0;
        text += 4;
    } else if (*text != ',' && *text) {
        if (!parse_u64(text, n, 10) || n < 50 || n > 115200 || 115200 % n != 0) return false;
        c.baud = static_cast<u32>(n);
    }
    if (*text == ',' && text[1] >= '5' && text[1] <= '8') { // e.g. 8n1
        const char* parity = "noems";
        const void* at = text[2] ? memchr(parity, text[2], 5) : nullptr;
        if (!at || (text[3] != '1' && text[3] != '2')) return false;
        static constexpr u8 parity_bits[] = {0x00, 0x08, 0x18, 0x28, 0x38};
        c.line_control = static_cast<u8>((text[1] - '5') | (text[3] == '2' ? 4 : 0) |
                                         parity_bits[static_cast<const char*>(at) - parity]);
        text += 4;
    }
    if (*text == ',') {
        ++text;
        if (*text != ',' && *text) {
            if (!parse_u64(text, n) || n < 8 || n > 0xfff8) return false;
            c.port = static_cast<u16>(n);
        }
    }
    if (*text == ',') {
        ++text;
        if (!parse_u64(text, n) || n > 255) return false;
        c.irq = static_cast<u8>(n);
    }
    if (*text) return false;
    c.given = true;
    out = c;
    return true;
}

u8 Ns16550::get(unsigned reg) const { return inb(static_cast<u16>(port_ + reg)); }
void Ns16550::set(unsigned reg, u8 value) const { outb(static_cast<u16>(port_ + reg), value); }
bool Ns16550::transmitter_ready() const { return (get(reg_lsr) & lsr_thr_empty) != 0; }

bool Ns16550::init(const SerialConfig& config) {
    port_ = config.port;
    set(reg_scratch, 0x5a);
    if (get(reg_scratch) != 0x5a || get(reg_lsr) == 0xff) {
        port_ = 0;
        return false;
    }
    set(reg_ier, 0);
    if (config.baud) {
        const u32 divisor = 115200 / config.baud;
        set(reg_lcr, lcr_dlab | config.line_control);
        set(reg_data, static_cast<u8>(divisor));
        set(reg_ier, static_cast<u8>(divisor >> 8));
    }
    set(reg_lcr, config.line_control);
    set(reg_fcr, 0x07); // FIFOs on and cleared, receive trigger at one byte
    set(reg_mcr, 0x0b); // DTR, RTS, OUT2 (gates the interrupt line)
    return true;
}

void Ns16550::enable_interrupts() { set(reg_ier, 0x01); }

void Ns16550::pump() {
    while (tail_ != head_ && transmitter_ready())
        for (u32 i = 0; i < fifo_depth && tail_ != head_; ++i)
            set(reg_data, static_cast<u8>(queue_[tail_++ % queue_size]));
}

void Ns16550::flush() {
    // A port that stops answering must not hang the machine: about 100,000 polls are more than 16 characters' time.
    for (u32 idle = 0; tail_ != head_ && idle < 100000; ++idle) {
        const u32 before = tail_;
        pump();
        if (tail_ != before) idle = 0;
    }
    tail_ = head_;
}

void Ns16550::write(const char* text, usize length) {
    for (usize i = 0; i < length; ++i) {
        if (head_ - tail_ >= queue_size) flush();
        queue_[head_++ % queue_size] = text[i];
    }
    pump();
}

bool Ns16550::read(char& out) {
    if (!port_) return false;
    const u8 status = get(reg_lsr);
    if (status == 0xff || !(status & lsr_data_ready)) return false;
    out = static_cast<char>(get(reg_data));
    return true;
}

} // namespace hv
