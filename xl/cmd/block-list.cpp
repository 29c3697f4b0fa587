// SPDX-License-Identifier: MIT
#include "xl/device_list.hpp"

namespace hospes::cli {
namespace {

class BlockListCommand final : public Command {
  public:
    static constexpr std::string_view verb = "block-list";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 1; }
    int run(Context& context, std::span<const std::string> arguments) override {
        return list_devices(context, arguments, output::block_table);
    }
};

const Register<BlockListCommand> block_list_registration;

} // namespace
} // namespace hospes::cli
