// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cerrno>

#include "libxl/device/attach.hpp"

namespace hospes::cli {
namespace {

class NetworkDetachCommand final : public Command {
  public:
    static constexpr std::string_view verb = "network-detach";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 2; }
    int run(Context& context, std::span<const std::string> arguments) override {
        const xc::DomId domain = XL_DOMAIN(context, arguments[0]);
        const auto device = xl::find_device(context.host, domain, "vif", arguments[1]);
        if (!device) {
            complain("Unknown device %s.", arguments[1].c_str());
            if (device.problem().code != ENOENT) report(device.problem()); // not the device is to blame
            return exit_failure;
        }
        const Status done = xl::detach_device(context.host, domain, "vif", device->devid, {});
        if (!done) {
            report(done.problem());
            return complain("libxl_device_nic_del failed.");
        }
        return exit_success;
    }
};

const Register<NetworkDetachCommand> network_detach_registration;

} // namespace
} // namespace hospes::cli
