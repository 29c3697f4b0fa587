// SPDX-License-Identifier: MIT
#include <cstdio>
#include <cstring>

#include "xl/command.hpp"
#include "xl/config/parser.hpp"

namespace {

using namespace hospes::cli;

void usage(FILE* to) {
    std::fprintf(to, "Usage: xl [-vftTN] <subcommand> [args]\n\nxl full list of subcommands:\n\n");
    for (const std::string_view name : command_names()) {
        const auto command = make_command(name);
        std::string_view summary = command->help();
        // The .md starts with "# xl VERB" and a one-line summary.
        summary.remove_prefix(std::min(summary.find("\n\n") + 2, summary.size()));
        summary = summary.substr(0, summary.find('\n'));
        std::fprintf(to, " %-19s %.*s\n", std::string(name).c_str(), static_cast<int>(summary.size()), summary.data());
    }
}

} // namespace

int main(int argc, char** argv) {
    Context context;
    int at = 1;
    for (; at < argc && argv[at][0] == '-'; ++at) {
        for (const char* letter = argv[at] + 1; *letter; ++letter) {
            switch (*letter) {
            case 'v': ++context.verbosity; break;
            case 'f': context.force = true; break;
            case 'N': context.dry_run = true; break;
            case 't': break; // carriage returns in progress: decided by the terminal
            case 'T': context.timestamps = true; break;
            default:
                if (std::strcmp(argv[at], "--help") == 0 || *letter == 'h') {
                    usage(stdout);
                    return exit_success;
                }
                std::fprintf(stderr, "unknown global option\n");
                return exit_usage;
            }
        }
    }
    if (at == argc) {
        usage(stderr);
        return exit_failure;
    }
    const std::string name = argv[at++];
    std::vector<std::string> arguments(argv + at, argv + argc);
    if (name == "help") {
        const auto command = arguments.empty() ? nullptr : make_command(arguments[0]);
        if (!command) {
            usage(stdout);
            return exit_success;
        }
        return run_command(*command, context, {"--help"});
    }
    const auto command = make_command(name);
    if (!command) {
        std::fprintf(stderr, "command \"%s\" not implemented\n", name.c_str());
        const std::string close = hospes::cfg::closest_name(name, command_names());
        if (!close.empty()) std::fprintf(stderr, "    hint: did you mean 'xl %s'?\n", close.c_str());
        return exit_failure;
    }
    return run_command(*command, context, std::move(arguments));
}
