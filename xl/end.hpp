// SPDX-License-Identifier: MIT
// What xl shutdown and xl reboot have in common: asking guests, and waiting for them.
#pragma once

#include "libxl/domain/lifecycle.hpp"
#include "xl/command.hpp"

namespace hospes::cli {

struct EndOptions {
    bool all = false, fallback = false;
    unsigned wait = 0; ///< 1: until it shut down or is gone; more: until it is gone
};
std::vector<Option> end_options(EndOptions& out);
int ask_to_end(Context& context, xl::ShutdownRequest what, const EndOptions& options,
               std::span<const std::string> arguments);

} // namespace hospes::cli
