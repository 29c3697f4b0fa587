// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cstdio>

namespace hospes::cli {
namespace {

/// The one-line summary in a verb's .md: the paragraph after its title.
std::string summary(const Command& command) {
    std::string_view text = command.help();
    const auto start = text.find("\n\n");
    if (start == std::string_view::npos) return {};
    text.remove_prefix(start + 2);
    std::string line(text.substr(0, text.find('\n')));
    for (char& c : line)
        if (c == '\'' || c == '[' || c == ']' || c == ':') c = ' '; // they mean something to zsh
    return line;
}

std::vector<std::string> option_words(Command& command) {
    std::vector<std::string> words;
    for (const Option& option : command.options()) {
        if (option.letter) words.push_back(std::string("-") + option.letter);
        if (option.name) words.push_back(std::string("--") + option.name + (option.takes_value ? "=" : ""));
    }
    words.emplace_back("--help");
    return words;
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words)
        out += (out.empty() ? "" : " ") + word;
    return out;
}

constexpr std::string_view bash_head = R"sh(# bash completion for xl, made by `xl completion bash`.
_xl_domains() {
    xl list 2>/dev/null | awk 'NR > 1 && $1 != "Domain-0" { print $1 }'
}
_xl() {
    local cur=${COMP_WORDS[COMP_CWORD]} at=1 verb= words=
    COMPREPLY=()
    while [ "$at" -lt "$COMP_CWORD" ]; do
        case ${COMP_WORDS[at]} in -*) ;; *) verb=${COMP_WORDS[at]}; break ;; esac
        at=$((at + 1))
    done
    case $verb in
)sh";
constexpr std::string_view bash_tail = R"sh(    esac
    case $cur in
    -*) ;;
    *)
        case $verb in
        create|config-update|convert|restore|cpupool-create) compopt -o default 2>/dev/null; return ;;
        info|dmesg|check|metrics|top|claims|help|debug-keys|cpupool-list|completion) ;;
        *) [ -z "$verb" ] || words=$(_xl_domains) ;;
        esac ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
    case ${COMPREPLY[0]} in *=) compopt -o nospace 2>/dev/null ;; esac
}
complete -F _xl xl
)sh";

std::string bash() {
    std::string verbs, cases;
    for (const std::string_view name : command_names()) {
        const auto command = make_command(name);
        verbs += " " + std::string(name);
        cases += "    " + std::string(name) + ") words='" + joined(option_words(*command)) + "' ;;\n";
    }
    return std::string(bash_head) + cases + "    '') words='help" + verbs + "' ;;\n" + std::string(bash_tail);
}

constexpr std::string_view zsh_head = R"sh(#compdef xl
# zsh completion for xl, made by `xl completion zsh`.
_xl_domains() {
    local -a names
    names=(${(f)"$(xl list 2>/dev/null | awk 'NR > 1 && $1 != "Domain-0" { print $1 }')"})
    compadd -a names
}
_xl() {
    local -a verbs options
    verbs=(
)sh";
constexpr std::string_view zsh_middle = R"sh(    )
    if (( CURRENT == 2 )); then
        _describe -t verbs 'xl verb' verbs
        return
    fi
    case ${words[2]} in
)sh";
constexpr std::string_view zsh_tail = R"sh(    esac
    if [[ ${words[CURRENT]} == -* ]]; then
        compadd -a options
        return
    fi
    case ${words[2]} in
    create|config-update|convert|restore|cpupool-create) _files ;;
    *) _xl_domains ;;
    esac
}
_xl "$@"
)sh";

std::string zsh() {
    std::string verbs, cases;
    for (const std::string_view name : command_names()) {
        const auto command = make_command(name);
        verbs += "        '" + std::string(name) + ":" + summary(*command) + "'\n";
        cases += "    " + std::string(name) + ") options=(" + joined(option_words(*command)) + ") ;;\n";
    }
    return std::string(zsh_head) + verbs + std::string(zsh_middle) + cases + std::string(zsh_tail);
}

class CompletionCommand final : public Command {
  public:
    static constexpr std::string_view verb = "completion";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::string_view help() const override {
        return
#include "completion.md.inc"
            ;
    }
    [[nodiscard]] unsigned required_arguments() const override { return 1; }
    int run(Context&, std::span<const std::string> arguments) override {
        if (arguments[0] != "bash" && arguments[0] != "zsh") {
            std::fprintf(stderr, "xl completion: '%s' is not known: bash or zsh\n", arguments[0].c_str());
            return exit_usage;
        }
        std::fputs((arguments[0] == "bash" ? bash() : zsh()).c_str(), stdout);
        return exit_success;
    }
};

const Register<CompletionCommand> completion_registration;

} // namespace
} // namespace hospes::cli
