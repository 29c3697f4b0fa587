// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

namespace hospes::cli {
namespace {

class DevdCommand final : public Command {
  public:
    static constexpr std::string_view verb = "devd";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::vector<Option> options() override {
        return {{'F', nullptr, false, [](const char*) {}}, {'p', "pidfile", true, [](const char*) {}}};
    }
    int run(Context&, std::span<const std::string>) override { return not_supported_yet(verb); }
};

const Register<DevdCommand> devd_registration;

} // namespace
} // namespace hospes::cli
