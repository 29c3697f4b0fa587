// SPDX-License-Identifier: MIT
// Programs that are run for a device: no shell, a deadline, and their last words for the error message.
#pragma once

#include <string>
#include <vector>

#include "libxl/core/wait.hpp"

namespace hospes::xl {

struct ProgramRun {
    int status = 0;     ///< exit code, or 128 + the signal that ended it
    std::string output; ///< the end of what it wrote to stdout and stderr
};

/// Runs `arguments` (the first is the program, looked up in PATH) with `environment` ("NAME=VALUE") added to ours
/// and waits. ETIMEDOUT or ECANCELED: it and its process group were killed. ENOENT when there is no such program.
/// A program that leaves a daemon behind is done once its own process is.
Result<ProgramRun> run_program(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
                               Clock::time_point deadline, const Cancel* cancel = nullptr);

} // namespace hospes::xl
