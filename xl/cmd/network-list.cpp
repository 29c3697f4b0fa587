// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cstdio>

#include "xl/output/device_table.hpp"

namespace hospes::cli {
namespace {

class NetworkListCommand final : public Command {
  public:
    static constexpr std::string_view verb = "network-list";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 1; }
    int run(Context& context, std::span<const std::string> arguments) override {
        std::optional<output::Json> json;
        if (context.json)
            json.emplace(stdout).open_array();
        else
            std::fputs(output::network_heading().c_str(), stdout);
        int code = exit_success;
        for (const std::string& argument : arguments) {
            const auto domain = find_domain(context, argument);
            if (!domain) {
                code = exit_failure;
                break;
            }
            const auto devices = xl::list_devices(context.host, *domain, "vif");
            if (!devices) continue; // no such domain: no row, as with the stock xl

            for (const xl::AttachedDevice& device : *devices) {

                if (json)
                    output::device_json(*json, *domain, device);
                else
                    std::fputs(output::network_row(device).c_str(), stdout);
            }
        }
        if (json) json->close_array();
        return code;
    }
};

const Register<NetworkListCommand> network_list_registration;

} // namespace
} // namespace hospes::cli
