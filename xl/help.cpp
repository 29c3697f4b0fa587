// SPDX-License-Identifier: MIT
#include "xl/help.hpp"

#include <algorithm>

#include "xl/verbs.hpp"

namespace hospes::cli {
namespace {

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

/// The code block of a section: its lines without their four spaces.
void add_block(std::vector<std::string>& to, std::string_view line) {
    if (line.starts_with("    ")) to.emplace_back(line.substr(4));
}

void append_line(std::string& to, std::string_view line) {
    to += line;
    to += '\n';
}

void strip_blank_ends(std::string& text) {
    text.erase(0, text.find_first_not_of('\n'));
    const std::size_t last = text.find_last_not_of('\n');
    text.erase(last == std::string::npos ? 0 : last + 1);
}

} // namespace

std::string_view help_text(std::string_view verb) {
    for (const HelpText& text : help_texts())
        if (text.verb == verb) return text.markdown;
    return {};
}

HelpParts parse_help(std::string_view verb, std::string_view markdown) {
    HelpParts parts;
    std::string section;
    const std::string own = "xl " + std::string(verb);
    for (const std::string_view line : lines_of(markdown)) {
        if (line.starts_with("# ")) continue;
        if (line.starts_with("## ")) {
            section = line.substr(3);
            if (section != "Usage" && section != "Options" && section != "Notes")
                append_line(parts.notes, section + ":\n");
            continue;
        }
        if (section.empty())
            append_line(parts.summary, line);
        else if (section == "Usage")
            add_block(parts.usage, line);
        else if (section == "Options")
            add_block(parts.options, line);
        else
            append_line(parts.notes, line);
    }
    for (std::string& usage : parts.usage)
        if (usage.starts_with(own)) usage = usage.substr(std::min(usage.size(), own.size() + 1));
    strip_blank_ends(parts.summary);
    strip_blank_ends(parts.notes);
    return parts;
}

std::string render_help(std::string_view verb, std::string_view markdown) {
    const HelpParts parts = parse_help(verb, markdown);
    const Verb facts = verb_facts(verb);
    const std::string start = "Usage: xl [-vtT" + std::string(facts.modifies ? "f" : "") + (facts.dry_run ? "N" : "") +
                              "] " + std::string(verb) + " ";
    std::string out;
    for (const std::string& usage : parts.usage)
        append_line(out, (out.empty() ? start : "       xl " + std::string(verb) + " ") + usage);
    if (out.empty()) append_line(out, start);
    append_line(out, "");
    append_line(out, parts.summary + (parts.summary.ends_with('.') ? "" : "."));
    append_line(out, "");
    if (!parts.options.empty()) {
        append_line(out, "Options:\n");
        for (const std::string& option : parts.options)
            append_line(out, option);
        append_line(out, "");
    }
    if (!parts.notes.empty()) append_line(out, parts.notes + "\n");
    return out;
}

std::string render_overview(std::span<const std::string_view> verbs) {
    std::string out = "Usage xl [-vfNtT] <subcommand> [args]\n\nxl full list of subcommands:\n\n";
    const auto add = [&](std::string_view name) {
        const HelpParts parts = parse_help(name, help_text(name));
        std::string row = " " + std::string(name);
        if (name.size() > 19)
            row += " \n" + std::string(21, ' ');
        else
            row += std::string(20 - name.size(), ' ');
        append_line(out, row + parts.summary);
    };
    const auto exists = [&](std::string_view name) {
        return std::find(verbs.begin(), verbs.end(), name) != verbs.end();
    };
    for (const Verb& verb : stock_verbs())
        if (exists(verb.name)) add(verb.name);
    for (const std::string_view name : verbs)
        if (std::none_of(stock_verbs().begin(), stock_verbs().end(), [&](const Verb& v) { return v.name == name; }))
            add(name);
    return out;
}

} // namespace hospes::cli
