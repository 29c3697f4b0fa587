// SPDX-License-Identifier: MIT
// Starting a QEMU that outlives whoever starts it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "xc/result.hpp"

namespace hospes::dm {

/// Starts `arguments` in a session of its own, with its output in `log`. `record` is told its number before the
/// program runs and writes that down where others find it; if it fails, or we die meanwhile, the program never runs.
/// So there is no moment at which it runs and nobody knows of it.
Result<pid_t> launch(const std::vector<std::string>& arguments, const std::string& log,
                     const std::function<Status(pid_t)>& record);

/// Makes room for a new log: what is there becomes FILE.1, that FILE.2, up to 10, as the stock tools do.
void rotate_log(const std::string& file);
/// The end of a log, on one line, for an error message.
std::string last_words(const std::string& file);

} // namespace hospes::dm
