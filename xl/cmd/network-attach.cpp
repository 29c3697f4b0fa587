// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cstdio>

#include "libxl/device/attach.hpp"
#include "libxl/device/disk_spec.hpp"
#include "libxl/types/json.hpp"

namespace hospes::cli {
namespace {

class NetworkAttachCommand final : public Command {
  public:
    static constexpr std::string_view verb = "network-attach";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 1; }
    int run(Context& context, std::span<const std::string> arguments) override {
        const xc::DomId domain = XL_DOMAIN(context, arguments[0]);
        std::string specification;
        for (const std::string& part : arguments.subspan(1))
            specification += (specification.empty() ? "" : ",") + part;
        auto nic = xl::parse_nic(specification, context.settings.defaults().nic);
        if (!nic) return report(nic.problem());
        if (nic->backend_domname.empty()) nic->backend_domname = context.settings.vif_backend;
        if (context.dry_run) {
            std::printf("vif: %s\n", to_json(*nic).c_str());
            return exit_success;
        }
        if (const auto attached = xl::attach_nic(context.host, domain, *std::move(nic)); !attached) {
            report(attached.problem());
            return complain("libxl_device_nic_add failed.");
        }
        return exit_success;
    }
};

const Register<NetworkAttachCommand> network_attach_registration;

} // namespace
} // namespace hospes::cli
