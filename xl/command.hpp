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
#include "xl/settings.hpp"

namespace hospes::cli {

// Exit codes of xl: scripts test them.
inline constexpr int exit_success = 0, exit_failure = 1, exit_usage = 2;

struct Context {
    xl::Host host;
    Settings settings;
    unsigned verbosity = 0;
    bool dry_run = false;
    bool force = false;
    bool progress_cr = false; ///< -t: carriage returns also without a terminal
    bool json = false;
};

/// Options of one call, in getopt's style: short ones may be bundled, long ones may be
/// "--name=value". They may stand anywhere among the arguments; "--" ends them.
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
    /// The text of its .md; looked up by name.
    [[nodiscard]] virtual std::string_view help() const;
    [[nodiscard]] virtual unsigned required_arguments() const { return 0; }
    [[nodiscard]] virtual std::vector<Option> options() { return {}; }
    /// The exit code. Errors are reported through report() or complain().
    virtual int run(Context& context, std::span<const std::string> arguments) = 0;
    /// Prints the help as the stock xl does; returns `code`.
    [[nodiscard]] int usage(int code) const;
};

/// Prints "xl: STAGE: CAUSE" and the hint; returns exit_failure.
int report(const Error& problem);
/// Prints one line to stderr, as it is: for texts that scripts know from the stock xl.
[[gnu::format(printf, 1, 2)]] int complain(const char* format, ...);
/// Times and process id before each line of report() (-T).
void report_with_time(bool on);

/// The domain that `what` (a name or an id) means; complains in the stock xl's words when there is
/// none of that name, with libxl's ERROR_INVAL as `code` where the stock one shows it. An id is not looked up:
/// whatever is done with it says whether it exists.
std::optional<xc::DomId> find_domain(Context& context, const std::string& what, const char* code = " (rc=-6)");

/// A verb in the list of all. It is constant but for its link: every xl starts with all verbs and runs one.
struct Registration {
    std::string_view name;
    std::unique_ptr<Command> (*make)();
    const Registration* next = nullptr;
};
inline constinit const Registration* registered = nullptr;
/// One `const Register<ListCommand> list_registration;` per verb, at namespace scope of its .cpp.
template <typename T> struct Register {
    Register() {
        entry.next = registered;
        registered = &entry;
    }
    static inline constinit Registration entry{T::verb, [] { return std::unique_ptr<Command>(std::make_unique<T>()); }};
};

/// By its name, or by the beginning of one name only; nullptr when there is none.
std::unique_ptr<Command> make_command(std::string_view name);
std::vector<std::string_view> command_names();

/// Parses options (`-h` prints the help), checks the argument count and runs.
int run_command(Command& command, Context& context, std::vector<std::string> arguments);

/// The answer of a verb that the stock xl has and this one has not yet.
int not_supported_yet(std::string_view verb);

} // namespace hospes::cli

/// In a .cpp of cmd/: returns an exit code after reporting when a Result holds an error, else
/// yields its value.
#define XL_TRY(expression)                                                                                             \
    ({                                                                                                                 \
        auto&& xl_result = (expression);                                                                               \
        if (!xl_result.ok()) return ::hospes::cli::report(xl_result.problem());                                        \
        *std::move(xl_result);                                                                                         \
    })

/// The domain id that an argument means, or return exit_failure.
#define XL_DOMAIN(context, what)                                                                                       \
    ({                                                                                                                 \
        const auto xl_domain = ::hospes::cli::find_domain(context, what);                                              \
        if (!xl_domain) return ::hospes::cli::exit_failure;                                                            \
        *xl_domain;                                                                                                    \
    })
