// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cstdio>

#include "xl/output/device_table.hpp"

namespace hospes::cli {
namespace {

class ChannelListCommand final : public Command {
  public:
    static constexpr std::string_view verb = "channel-list";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 1; }
    int run(Context& context, std::span<const std::string> arguments) override {
        std::optional<output::Json> json;
        if (context.json)
            json.emplace(stdout).open_array();
        else
            std::fputs(output::channel_heading().c_str(), stdout);
        int code = exit_success;
        for (const std::string& argument : arguments) {
            const auto domain = find_domain(context, argument);
            if (!domain) {
                code = exit_failure;
                break;
            }
            const auto devices = xl::list_devices(context.host, *domain, "console");
            if (!devices) continue; // no such domain: no row, as with the stock xl
            unsigned index = 0;
            for (const xl::AttachedDevice& device : *devices) {
                if (device.devid == 0) continue; // the primary console is no channel
                if (json)
                    output::device_json(*json, *domain, device);
                else
                    std::fputs(output::channel_row(device, index++).c_str(), stdout);
            }
        }
        if (json) json->close_array();
        return code;
    }
};

const Register<ChannelListCommand> channel_list_registration;

} // namespace
} // namespace hospes::cli
