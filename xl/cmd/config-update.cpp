// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cstdio>

#include "libxl/domain/record.hpp"
#include "libxl/types/json.hpp"
#include "xl/guest_file.hpp"

namespace hospes::cli {
namespace {

class ConfigUpdateCommand final : public Command {
  public:
    static constexpr std::string_view verb = "config-update";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::vector<Option> options() override {
        return {{'f', "defconfig", true, [this](const char* value) { file_ = value; }},
                {'q', "quiet", false, [](const char*) {}},
                {'d', nullptr, false, [this](const char*) { debug_ = true; }}};
    }
    int run(Context& context, std::span<const std::string> arguments) override {
        if (arguments.empty()) {
            complain("xl config-update requires a domain argument");
            return usage(exit_failure);
        }
        complain("WARNING: xl now has better capability to manage domain configuration, avoid using this command when "
                 "possible");
        const xc::DomId domain = XL_DOMAIN(context, arguments[0]);
        GuestFile wanted(context);
        if (const int code = wanted.take_arguments(arguments.subspan(1), file_); code != exit_success)
            return code == exit_usage ? usage(code) : code;
        if (wanted.name().empty()) return complain("Config file not specified");
        // The stock xl answers what libxl answered, -3, for a file that cannot be read.
        if (const int code = wanted.read(false); code != exit_success) return code == 3 ? 253 : code;
        if (context.dry_run || debug_) std::fputs((xl::to_json(wanted.config()) + "\n").c_str(), stdout);
        if (context.dry_run) return exit_success;
        complain("setting dom%u configuration", domain);
        if (const Status done = xl::update_config(context.host, domain, wanted.config()); !done) {
            report(done.problem());
            return complain("failed to update configuration");
        }
        return exit_success;
    }

  private:
    std::string file_;
    bool debug_ = false;
};

const Register<ConfigUpdateCommand> config_update_registration;

} // namespace
} // namespace hospes::cli
