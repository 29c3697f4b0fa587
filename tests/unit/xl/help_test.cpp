// SPDX-License-Identifier: MIT
#include "xl/help.hpp"

#include <catch2/catch.hpp>
#include <sstream>

#include "golden.hpp"
#include "xl/verbs.hpp"

using namespace hospes::cli;

namespace {

/// Without the stops at ends of lines and with single blanks: where the stock text has them varies.
std::string essence(std::string line) {
    std::string out;
    for (const char c : line)
        if (c != ' ' || (!out.empty() && out.back() != ' ')) out += c;
    while (!out.empty() && (out.back() == ' ' || out.back() == '.'))
        out.pop_back();
    return out;
}

} // namespace

TEST_CASE("every verb's help has all lines of the stock xl's") {
    std::istringstream stock(golden("help-verbs.txt"));
    std::string verb, ours;
    unsigned checked = 0;
    for (std::string line; std::getline(stock, line);) {
        if (line.starts_with("##### ")) {
            verb = line.substr(6);
            if (verb == "console") verb.clear(); // its text is written elsewhere
            ours = verb.empty() ? "" : render_help(verb, help_text(verb));
            continue;
        }
        // The stock texts of these two mix usage and options.
        if (verb.empty() || (line.starts_with("Usage:") && (verb == "info" || verb == "vncviewer"))) continue;
        if (verb == "sched-credit" && line.starts_with("Usage:")) continue; // ours names -m as well
        std::istringstream lines(ours);
        bool found = essence(line).empty();
        for (std::string own; !found && std::getline(lines, own);)
            found = essence(own) == essence(line);
        INFO(verb << ": " << line);
        CHECK(found);
        ++checked;
    }
    CHECK(checked > 300);
}

TEST_CASE("the overview lists the stock verbs in the stock order, then ours") {
    const std::vector<std::string_view> verbs{"zz-own", "list", "create", "pci-assignable-remove"};
    const std::string text = render_overview(verbs);
    CHECK(text.starts_with("Usage xl [-vfNtT] <subcommand> [args]\n\nxl full list of subcommands:\n\n"
                           " create              Create a domain from config file <filename>\n"
                           " list                List information about all/some domains\n"
                           " pci-assignable-remove \n"
                           "                     Remove a device from being assignable\n"));
    CHECK(text.ends_with(" zz-own              \n"));
}

TEST_CASE("every stock verb has a text with a summary and a usage") {
    for (const Verb& verb : stock_verbs()) {
        if (verb.name == "console") continue;
        INFO(verb.name);
        const HelpParts parts = parse_help(verb.name, help_text(verb.name));
        CHECK_FALSE(parts.summary.empty());
        CHECK(parts.usage.size() == 1);
    }
}

TEST_CASE("a text is taken apart by its headings") {
    const HelpParts parts =
        parse_help("x", "# xl x\n\nDoes x\n\n## Usage\n\n    xl x <Domain>\n    xl x -a\n\n## Options\n\n"
                        "    -a  all\n        of them\n\n## Notes\n\nMore.\n\n## Examples\n\n    xl x 1\n");
    CHECK(parts.summary == "Does x");
    CHECK(parts.usage == std::vector<std::string>{"<Domain>", "-a"});
    CHECK(parts.options == std::vector<std::string>{"-a  all", "    of them"});
    CHECK(parts.notes == "More.\n\nExamples:\n\n\n    xl x 1");
    CHECK(parse_help("x", "").summary.empty());
    CHECK(render_help("x", "# xl x\n\nDoes x.\n") == "Usage: xl [-vtT] x \n\nDoes x.\n\n");
}
