// SPDX-License-Identifier: MIT
// The stock xl's verbs in the order of its help, and what the global options mean to them.
#pragma once

#include <span>
#include <string_view>

namespace hospes::cli {

struct Verb {
    std::string_view name;
    bool modifies; ///< changes the host: -f is offered in its help
    bool dry_run;  ///< understands -N
};

/// In the order of `xl help`.
std::span<const Verb> stock_verbs();
/// Its row, or one that modifies nothing and knows no dry run for a verb that the stock xl has not.
Verb verb_facts(std::string_view name);

} // namespace hospes::cli
