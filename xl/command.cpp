// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <getopt.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <ctime>

#include "libxl/device/spec_text.hpp"
#include "xl/help.hpp"
#include "xl/verbs.hpp"

namespace hospes::cli {
namespace {

bool times_wanted = false;

std::string stamp() {
    if (!times_wanted) return {};
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    char text[64];
    ::localtime_r(&now, &parts);
    std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %Z", &parts);
    return std::string(text) + " [" + std::to_string(::getpid()) + "] ";
}

/// An argument that is not an option: anything without a dash, a dash alone, a negative number.
bool is_plain(std::string_view argument) {
    return argument.size() < 2 || argument[0] != '-' || (argument[1] >= '0' && argument[1] <= '9');
}

/// What getopt refused, as it was typed.
std::string refused(std::string_view text) {
    if (text.starts_with("--")) return std::string(text.substr(0, text.find('=')));
    return optopt > 0 && optopt < 256 ? std::string(1, static_cast<char>(optopt)) : std::string(text);
}

/// The getopt tables of a command's options.
struct OptionTables {
    explicit OptionTables(const std::vector<Option>& known) {
        for (std::size_t i = 0; i < known.size(); ++i) {
            if (known[i].letter) letters += known[i].letter + std::string(known[i].takes_value ? ":" : "");
            if (known[i].name)
                names.push_back({known[i].name, known[i].takes_value ? required_argument : no_argument, nullptr,
                                 256 + static_cast<int>(i)});
        }
        names.push_back({});
    }
    std::string letters = "+"; // the first argument only
    std::vector<option> names;
};

const Option* match(const std::vector<Option>& known, int found) {
    if (found >= 256) return &known[static_cast<std::size_t>(found) - 256];
    for (const Option& option : known)
        if (option.letter == found) return &option;
    return nullptr;
}

/// Applies the option at the front of `argv` (after the program's name), which may be a bundle of
/// letters; returns how many arguments it took, 0 when it was refused.
int apply_option(const std::vector<Option>& known, const OptionTables& tables, std::vector<char*>& argv) {
    const std::string typed = argv[1];
    optind = 0; // makes getopt start anew
    opterr = 0;
    do { // optind moves on with the last letter of a bundle
        const int found = getopt_long(static_cast<int>(argv.size()) - 1, argv.data(), tables.letters.c_str(),
                                      tables.names.data(), nullptr);
        const Option* const option = found == -1 || found == '?' ? nullptr : match(known, found);
        if (!option) {
            complain("option `%s' not supported.", refused(typed).c_str());
            return 0;
        }
        option->apply(optarg);
    } while (optind == 1);
    return optind - 1;
}

/// Applies the options and returns the rest; nullopt after complaining.
std::optional<std::vector<std::string>> parse_options(const std::vector<Option>& known, const std::string& name,
                                                      std::vector<std::string>& arguments) {
    const OptionTables tables(known);
    std::string program = name;
    std::vector<std::string> rest;
    for (std::size_t at = 0; at < arguments.size();) {
        if (arguments[at] == "--") {
            rest.insert(rest.end(), arguments.begin() + static_cast<std::ptrdiff_t>(at) + 1, arguments.end());
            break;
        }
        if (is_plain(arguments[at])) {
            rest.push_back(arguments[at++]);
            continue;
        }
        std::vector<char*> argv{program.data()};
        for (std::size_t i = at; i < arguments.size(); ++i)
            argv.push_back(arguments[i].data());
        argv.push_back(nullptr);
        const int taken = apply_option(known, tables, argv);
        if (taken == 0) return std::nullopt;
        at += static_cast<std::size_t>(taken);
    }
    return rest;
}

} // namespace

std::unique_ptr<Command> make_command(std::string_view name) {
    const Registration* only = nullptr;
    bool several = false;
    for (const Registration* verb = registered; verb; verb = verb->next) {
        if (verb->name == name) return verb->make();
        if (name.empty() || !verb->name.starts_with(name)) continue;
        several |= only != nullptr;
        only = verb;
    }
    return only && !several ? only->make() : nullptr;
}

std::vector<std::string_view> command_names() {
    std::vector<std::string_view> names;
    for (const Registration* verb = registered; verb; verb = verb->next)
        names.push_back(verb->name);
    std::sort(names.begin(), names.end());
    return names;
}

std::string_view Command::help() const { return help_text(name()); }

int Command::usage(int code) const {
    std::fputs(render_help(name(), help()).c_str(), stdout);
    return code;
}

void report_with_time(bool on) { times_wanted = on; }

int report(const Error& problem) {
    std::fflush(stdout); // the order of the two streams in a log
    std::fprintf(stderr, "%sxl: %s\n", stamp().c_str(), problem.text().c_str());
    if (!problem.hint.empty()) std::fprintf(stderr, "    hint: %s\n", problem.hint.c_str());
    return exit_failure;
}

int complain(const char* format, ...) {
    std::fflush(stdout);
    va_list arguments;
    va_start(arguments, format);
    std::vfprintf(stderr, format, arguments);
    va_end(arguments);
    std::fputc('\n', stderr);
    return exit_failure;
}

int not_supported_yet(std::string_view verb) {
    return report(error("xl " + std::string(verb), 0, "not supported in this version",
                        "SUPPORT.md lists what is; Debian's xl has it on Debian's Xen"));
}

std::optional<xc::DomId> find_domain(Context& context, const std::string& what, const char* code) {
    if (const auto id = xl::to_number<xc::DomId>(what)) return id;
    const auto found = context.host.find(what);
    if (found) return *found;
    complain("%s is an invalid domain identifier%s", what.c_str(), code); // programs that parse xl know this line
    if (found.problem().code != ENOENT) report(found.problem());          // not the name is to blame
    return std::nullopt;
}

int run_command(Command& command, Context& context, std::vector<std::string> arguments) {
    std::vector<Option> known = command.options();
    bool help = false;
    known.push_back({'h', "help", false, [&help](const char*) { help = true; }});
    known.push_back({0, "json", false, [&context](const char*) { context.json = true; }});
    const std::string name(command.name());
    const auto rest = parse_options(known, name, arguments);
    if (help) return command.usage(exit_success);
    if (!rest) return exit_usage;
    if (rest->size() < command.required_arguments()) {
        const unsigned wanted = command.required_arguments();
        complain("'xl %s' requires at least %u argument%s.\n", name.c_str(), wanted, wanted == 1 ? "" : "s");
        return command.usage(exit_usage);
    }
    return command.run(context, *rest);
}

} // namespace hospes::cli
