// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <getopt.h>

#include <algorithm>
#include <cstdio>
#include <map>

namespace hospes::cli {
namespace {

std::map<std::string_view, Maker>& registry() {
    static std::map<std::string_view, Maker> verbs;
    return verbs;
}

} // namespace

void register_command(std::string_view name, Maker make) { registry()[name] = make; }

std::unique_ptr<Command> make_command(std::string_view name) {
    const auto found = registry().find(name);
    return found == registry().end() ? nullptr : found->second();
}

std::vector<std::string_view> command_names() {
    std::vector<std::string_view> names;
    for (const auto& [name, make] : registry())
        names.push_back(name);
    return names;
}

int report(const Error& problem) {
    std::fprintf(stderr, "xl: %s\n", problem.text().c_str());
    if (!problem.hint.empty()) std::fprintf(stderr, "    hint: %s\n", problem.hint.c_str());
    return exit_failure;
}

int run_command(Command& command, Context& context, std::vector<std::string> arguments) {
    std::vector<Option> known = command.options();
    bool help = false;
    known.push_back({'h', "help", false, [&help](const char*) { help = true; }});
    known.push_back({0, "json", false, [&context](const char*) { context.json = true; }});
    std::string letters;
    std::vector<option> names;
    for (std::size_t i = 0; i < known.size(); ++i) {
        if (known[i].letter) letters += known[i].letter + std::string(known[i].takes_value ? ":" : "");
        if (known[i].name)
            names.push_back({known[i].name, known[i].takes_value ? required_argument : no_argument, nullptr,
                             256 + static_cast<int>(i)});
    }
    names.push_back({});

    std::string name(command.name());
    std::vector<char*> argv{name.data()};
    for (std::string& argument : arguments)
        argv.push_back(argument.data());
    argv.push_back(nullptr);
    const int argc = static_cast<int>(argv.size()) - 1;
    optind = 0;
    for (int found; (found = getopt_long(argc, argv.data(), letters.c_str(), names.data(), nullptr)) != -1;) {
        const auto match =
            found >= 256 ? known.begin() + (found - 256)
                         : std::find_if(known.begin(), known.end(), [&](const Option& o) { return o.letter == found; });
        if (match == known.end() || found == '?') {
            std::fprintf(stderr, "\n%.*s", static_cast<int>(command.help().size()), command.help().data());
            return exit_usage;
        }
        match->apply(optarg);
    }
    if (help) {
        std::printf("%.*s", static_cast<int>(command.help().size()), command.help().data());
        return exit_success;
    }
    const std::vector<std::string> rest(argv.begin() + optind, argv.end() - 1);
    if (rest.size() < command.required_arguments()) {
        std::fprintf(stderr, "'xl %s' requires at least %u argument%s.\n\n%.*s", name.c_str(),
                     command.required_arguments(), command.required_arguments() == 1 ? "" : "s",
                     static_cast<int>(command.help().size()), command.help().data());
        return exit_usage;
    }
    return command.run(context, rest);
}

} // namespace hospes::cli
