// SPDX-License-Identifier: MIT
#include "xl/device_list.hpp"

namespace hospes::cli {
namespace {

class NetworkListCommand final : public Command {
  public:
    static constexpr std::string_view verb = "network-list";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 1; }
    int run(Context& context, std::span<const std::string> arguments) override {
        return list_devices(context, arguments, output::network_table);
    }
};

const Register<NetworkListCommand> network_list_registration;

} // namespace
} // namespace hospes::cli
