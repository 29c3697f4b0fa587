// SPDX-License-Identifier: MIT
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "xl/command.hpp"
#include "xl/config/parser.hpp"
#include "xl/help.hpp"
#include "xl/verbs.hpp"

namespace {

using namespace hospes::cli;

int overview(int code) {
    std::fputs(render_overview(command_names()).c_str(), stdout);
    return code;
}

/// The options before the verb. False: complained.
bool parse_global(std::span<char* const> arguments, std::size_t& at, Context& context, bool& help) {
    for (; at < arguments.size() && arguments[at][0] == '-'; ++at) {
        help = help || std::strcmp(arguments[at], "--help") == 0;
        if (help) return true;
        for (const char* letter = arguments[at] + 1; *letter; ++letter) {
            switch (*letter) {
            case 'v': ++context.verbosity; break;
            case 'f': context.force = true; break;
            case 'N': context.dry_run = true; break;
            case 't': context.progress_cr = true; break;
            case 'T': report_with_time(true); break;
            case 'h': help = true; return true;
            default: complain("%s: invalid option -- '%c'\nunknown global option", arguments[0], *letter); return false;
            }
        }
    }
    return true;
}

bool read_settings(Context& context) {
    auto loaded = load_settings();
    if (const auto* bad = std::get_if<hospes::cfg::Diagnostic>(&loaded)) {
        complain("xl: %s", bad->render().c_str());
        return false;
    }
    context.settings = std::get<Settings>(std::move(loaded));
    for (const std::string& warning : context.settings.warnings)
        complain("%s", warning.c_str());
    return true;
}

int help_verb(Context& context, const std::vector<std::string>& arguments) {
    if (arguments.empty() || arguments[0] == "--long") return overview(exit_success);
    const auto command = make_command(arguments[0]);
    if (command) return run_command(*command, context, {"--help"});
    std::printf("command \"%s\" not implemented\n", arguments[0].c_str());
    return exit_success;
}

int unknown_verb(const std::string& name) {
    complain("command not implemented");
    const std::string close = hospes::cfg::closest_name(name, command_names());
    if (!close.empty()) complain("    hint: did you mean 'xl %s'?", close.c_str());
    return exit_failure;
}

} // namespace

int main(int argc, char** argv) {
    Context context;
    std::size_t at = 1;
    const std::span<char* const> given(argv, static_cast<std::size_t>(argc));
    bool help = false;
    if (!parse_global(given, at, context, help)) return exit_failure;
    if (help) return overview(exit_success);
    if (at == given.size()) return overview(exit_failure);
    const std::string name = given[at++];
    std::vector<std::string> arguments(given.begin() + static_cast<std::ptrdiff_t>(at), given.end());
    if (name == "help") return help_verb(context, arguments);
    const auto command = make_command(name);
    if (!command) return unknown_verb(name);
    if (context.dry_run && !verb_facts(command->name()).dry_run)
        return complain("command does not implement -N (dryrun) option");
    if (!read_settings(context)) return exit_failure;
    const int code = run_command(*command, context, std::move(arguments));
    // A full disk or a closed pipe must not look like success.
    if (std::fflush(stdout) != 0 && code == exit_success) return complain("stdout: %s", std::strerror(errno));
    return code;
}
