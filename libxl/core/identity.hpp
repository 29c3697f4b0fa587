// SPDX-License-Identifier: MIT
// A process named so that a later one with the same number is not taken for it.
#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

namespace hospes::xl {

/// "PID START", the start in the kernel's ticks since boot (proc(5), field 22 of stat). Empty: no such process.
std::string process_identity(pid_t pid);
/// Our own.
std::string process_identity();
/// The process that `identity` names still exists and is no zombie.
bool process_lives(std::string_view identity);
/// The number in an identity; 0 when it is malformed.
pid_t process_number(std::string_view identity);

} // namespace hospes::xl
