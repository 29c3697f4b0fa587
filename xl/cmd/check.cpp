// SPDX-License-Identifier: MIT
#include "libxl/report/preflight.hpp"
#include "xl/command.hpp"

#include <algorithm>
#include <cstdio>

#include "xl/output/json.hpp"

namespace hospes::cli {
namespace {

using xl::report::Check;

const char* word(Check::Verdict verdict) {
    return verdict == Check::Verdict::good ? "ok" : verdict == Check::Verdict::warning ? "warn" : "FAIL";
}

class CheckCommand final : public Command {
  public:
    static constexpr std::string_view verb = "check";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::string_view help() const override {
        return
#include "check.md.inc"
            ;
    }
    int run(Context& context, std::span<const std::string>) override {
        const std::vector<Check> checks = xl::report::preflight(context.host);
        context.json ? print_json(checks) : print_lines(checks);
        const bool failed = std::any_of(checks.begin(), checks.end(),
                                        [](const Check& check) { return check.verdict == Check::Verdict::bad; });
        return failed ? exit_failure : exit_success;
    }

  private:
    static void print_lines(const std::vector<Check>& checks) {
        for (const Check& check : checks) {
            std::printf("%-5s %-15s %s\n", word(check.verdict), check.name.c_str(), check.finding.c_str());
            if (!check.hint.empty()) std::printf("      %-15s hint: %s\n", "", check.hint.c_str());
        }
    }
    static void print_json(const std::vector<Check>& checks) {
        output::Json json(stdout);
        json.open_array();
        for (const Check& check : checks) {
            json.open_map();
            json.field("check", check.name);
            json.field("verdict", word(check.verdict));
            json.field("finding", check.finding);
            json.field("hint", check.hint);
            json.close_map();
        }
        json.close_array();
    }
};

const Register<CheckCommand> check_registration;

} // namespace
} // namespace hospes::cli
