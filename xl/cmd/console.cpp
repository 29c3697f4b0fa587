// SPDX-License-Identifier: MIT
#include "libxl/console/attach.hpp"
#include "libxl/device/spec_text.hpp"
#include "xl/command.hpp"

#include <cstdio>

namespace hospes::cli {
namespace {

class ConsoleCommand final : public Command {
  public:
    static constexpr std::string_view verb = "console";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::string_view help() const override {
        return
#include "console.md.inc"
            ;
    }
    [[nodiscard]] unsigned required_arguments() const override { return 1; }
    [[nodiscard]] std::vector<Option> options() override {
        return {{'t', "type", true, [this](const char* value) { type_ = value; }},
                {'n', "num", true, [this](const char* value) { number_ = value; }},
                {'e', "escape", true, [this](const char* value) { escape_ = value; }},
                {0, "since-boot", false, [this](const char*) { options_.since_boot = true; }},
                {0, "socket", true, [this](const char* value) { options_.socket = value; }}};
    }
    int run(Context& context, std::span<const std::string> arguments) override {
        if (!read_options()) return exit_usage;
        const auto domain = context.host.find(arguments[0]);
        if (!domain) {
            if (!options_.since_boot) return report(domain.problem());
            const Status shown = xl::console::print_history(arguments[0], options_);
            return shown ? exit_success : report(shown.problem());
        }
        const auto ending = xl::console::attach(context.host, *domain, options_);
        if (!ending) {
            report(ending.problem());
            std::fprintf(stderr, "Unable to attach console\n");
            return exit_failure;
        }
        return exit_success;
    }

  private:
    bool read_options() {
        if (!type_.empty()) {
            const auto type = xl::from_string<xl::ConsoleType>(type_);
            if (!type || *type == xl::ConsoleType::unknown) {
                std::fprintf(stderr, "console type supported are: pv, serial, vuart\n");
                return false;
            }
            options_.type = *type;
        }
        if (!number_.empty()) {
            const auto number = xl::to_number<unsigned>(number_);
            if (!number) return wrong("'" + number_ + "' is not a console number");
            options_.number = *number;
        }
        if (!escape_.empty()) {
            const auto escape = xl::console::parse_escape(escape_);
            if (!escape) return wrong("'" + escape_ + "' is not an escape character: ^X, or one character");
            options_.escape = *escape;
        }
        return true;
    }
    static bool wrong(const std::string& what) {
        std::fprintf(stderr, "xl console: %s\n", what.c_str());
        return false;
    }

    std::string type_, number_, escape_;
    xl::console::Options options_;
};

const Register<ConsoleCommand> console_registration;

} // namespace
} // namespace hospes::cli
