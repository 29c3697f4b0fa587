// SPDX-License-Identifier: MIT
// The hypervisor's log: goes to the console ring (xl dmesg) and, by level, to the serial console.
#pragma once

#include "lib/format.hpp"

namespace hv {

enum class LogLevel : u8 { error, warning, info, debug };

void printk_args(LogLevel level, bool guest, const char* fmt, const FormatArg* args, usize count);

#define HV_LOG_FUNCTION(name, level, guest)                                                                            \
    template <typename... Args> void name(const char* fmt, const Args&... args) {                                      \
        const FormatArg list[sizeof...(Args) + 1] = {FormatArg(args)..., FormatArg(0)};                                \
        printk_args(level, guest, fmt, list, sizeof...(Args));                                                         \
    }
HV_LOG_FUNCTION(log_error, LogLevel::error, false)
HV_LOG_FUNCTION(log_warning, LogLevel::warning, false)
HV_LOG_FUNCTION(log_info, LogLevel::info, false)
HV_LOG_FUNCTION(log_debug, LogLevel::debug, false)
/// Caused by a guest: rate-limited and subject to guest_loglvl.
HV_LOG_FUNCTION(log_guest, LogLevel::warning, true)
#undef HV_LOG_FUNCTION

/// Prints the message, registers and a symbolised backtrace, stops all CPUs, then reboots or halts (`noreboot`).
[[noreturn]] void panic_args(const char* fmt, const FormatArg* args, usize count);
template <typename... Args> [[noreturn]] void panic(const char* fmt, const Args&... args) {
    const FormatArg list[sizeof...(Args) + 1] = {FormatArg(args)..., FormatArg(0)};
    panic_args(fmt, list, sizeof...(Args));
}

} // namespace hv
