// SPDX-License-Identifier: MIT
// Console input: who gets the characters, and the pieces of console.cpp that its driver needs.
#pragma once

#include "lib/types.hpp"

namespace hv {

/// A received character: three times Ctrl-a (conswitch=) switches between dom0 and the hypervisor's debug keys.
void console_input(char c);
/// Reads and writes what the serial port is ready for.
void console_poll_serial();
void console_set_async();
void console_enable_serial_interrupts();
/// Text of a guest that has its own stamp: to the serial line only, not into the ring.
void console_write_serial(const char* text, usize length);

struct SerialPortInUse {
    u16 port; ///< first of 8 I/O ports, 0 = none
    u8 irq;
};
SerialPortInUse console_serial_port();

} // namespace hv
