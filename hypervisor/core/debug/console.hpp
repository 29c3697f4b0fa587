// SPDX-License-Identifier: MIT
// Console: the ring behind `xl dmesg`, the serial line, and dom0's part of both.
#pragma once

#include "lib/result.hpp"
#include "lib/types.hpp"

struct xen_sysctl_readconsole;

namespace hv {

/// After the command line is parsed: sets up the devices that console= names. Text before that is in the ring only.
void console_init();
/// After mm_init: enlarges the ring to conring_size. After irq_init + time_init: input by interrupt or timer.
void console_init_ring();
void console_init_input();
/// XEN_SYSCTL_readconsole: clear/incremental/index/count are updated. The caller copies the structure back.
Status console_read_ring(xen_sysctl_readconsole& op);
/// XEN_SYSCTL_debug_keys and the serial line with input switched to the hypervisor.
void console_handle_key(char key);
/// Raw text to serial and ring, under the console lock.
void console_write(const char* text, usize length);
/// For panic: breaks the lock of a dead CPU, sends synchronously from now on.
void console_force_unlock();
/// The text up to now has left the machine.
void console_flush();
/// dom0 exists: input goes to it until Ctrl-a is typed three times.
void console_give_input_to_dom0();
/// Lowest level number that loglvl / guest_loglvl suppresses (keys '<' '>' move it at run time).
u8 console_log_threshold(bool guest);
void console_set_log_threshold(bool guest, u8 level);

} // namespace hv
