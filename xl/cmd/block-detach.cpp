// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cerrno>

#include "libxl/device/attach.hpp"

namespace hospes::cli {
namespace {

class BlockDetachCommand final : public Command {
  public:
    static constexpr std::string_view verb = "block-detach";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 2; }
    [[nodiscard]] std::vector<Option> options() override {
        return {{'f', "force", false, [this](const char*) { force_ = true; }}};
    }
    int run(Context& context, std::span<const std::string> arguments) override {
        const xc::DomId domain = XL_DOMAIN(context, arguments[0]);
        const auto device = xl::find_device(context.host, domain, "vbd", arguments[1]);
        if (!device) {
            complain("Error: Device %s not connected.", arguments[1].c_str());
            if (device.problem().code != ENOENT) report(device.problem()); // not the device is to blame
            return exit_failure;
        }
        const Status done = xl::detach_device(context.host, domain, "vbd", device->devid, {.force = force_});
        if (!done) {
            report(done.problem());
            return complain("libxl_device_disk_remove failed.");
        }
        return exit_success;
    }

  private:
    bool force_ = false;
};

const Register<BlockDetachCommand> block_detach_registration;

} // namespace
} // namespace hospes::cli
