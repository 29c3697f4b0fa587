// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cstdio>

#include "xl/output/json.hpp"

namespace hospes::cli {
namespace {

class DmesgCommand final : public Command {
  public:
    static constexpr std::string_view verb = "dmesg";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::vector<Option> options() override {
        return {{'c', "clear", false, [this](const char*) { clear_ = true; }}};
    }
    int run(Context& context, std::span<const std::string>) override {
        xc::Control* const control = XL_TRY(context.host.control());
        const std::string log = XL_TRY(control->console_ring(clear_));
        if (context.json) {
            output::Json json(stdout);
            json.value(log);
        } else {
            std::fwrite(log.data(), 1, log.size(), stdout);
        }
        return exit_success;
    }

  private:
    bool clear_ = false;
};

const Register<DmesgCommand> dmesg_registration;

} // namespace
} // namespace hospes::cli
