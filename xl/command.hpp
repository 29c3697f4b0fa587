// SPDX-License-Identifier: MIT
// A verb of xl: one class in cmd/VERB.cpp, its text in cmd/VERB.md (both --help and the manual
// page), one registration.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libxl/core/host.hpp"

namespace hospes::cli {

// Exit codes of xl: scripts test them.
inline constexpr int exit_success = 0, exit_failure = 1, exit_usage = 2;

struct Context {
    xl::Host host;
    unsigned verbosity = 0;
    bool dry_run = false;
    bool force = false;
    bool timestamps = false;
    bool json = false;
};

/// Options of one call, in getopt's style: short ones may be bundled, long ones may be
/// "--name=value".
struct Option {
    char letter;      ///< 0: long form only
    const char* name; ///< nullptr: short form only
    bool takes_value;
    std::function<void(const char* value)> apply;
};

class Command {
  public:
    virtual ~Command() = default;
    [[nodiscard]] virtual std::string_view name() const = 0;
    [[nodiscard]] virtual std::string_view help() const = 0; ///< the text of its .md
    [[nodiscard]] virtual unsigned required_arguments() const { return 0; }
    [[nodiscard]] virtual std::vector<Option> options() { return {}; }
    /// The exit code. Errors are reported through report().
    virtual int run(Context& context, std::span<const std::string> arguments) = 0;
};

/// Prints "xl: STAGE: CAUSE" and the hint; returns exit_failure.
int report(const Error& problem);

using Maker = std::unique_ptr<Command> (*)();
void register_command(std::string_view name, Maker make);
/// One `const Register<ListCommand> registration;` per verb, at namespace scope of its .cpp.
template <typename T> struct Register {
    Register() {
        register_command(T::verb, [] { return std::unique_ptr<Command>(std::make_unique<T>()); });
    }
};

std::unique_ptr<Command> make_command(std::string_view name);
std::vector<std::string_view> command_names();

/// Parses options (`-h` prints the help), checks the argument count and runs.
int run_command(Command& command, Context& context, std::vector<std::string> arguments);

} // namespace hospes::cli

/// In a .cpp of cmd/: returns an exit code after reporting when a Result holds an error, else
/// yields its value.
#define XL_TRY(expression)                                                                                             \
    ({                                                                                                                 \
        auto&& xl_result = (expression);                                                                               \
        if (!xl_result.ok()) return ::hospes::cli::report(xl_result.problem());                                        \
        *std::move(xl_result);                                                                                         \
    })
