// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cstdio>

#include "libxl/device/attach.hpp"
#include "libxl/device/disk_spec.hpp"
#include "libxl/types/json.hpp"

namespace hospes::cli {
namespace {

class BlockAttachCommand final : public Command {
  public:
    static constexpr std::string_view verb = "block-attach";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 2; }
    int run(Context& context, std::span<const std::string> arguments) override {
        const auto domain = find_domain(context, arguments[0], "");
        if (!domain) return exit_failure;
        std::string specification;
        for (const std::string& part : arguments.subspan(1))
            specification += (specification.empty() ? "" : ",") + part;
        auto disk = xl::parse_disk(specification);
        if (!disk) return report(disk.problem());
        if (context.dry_run) {
            std::printf("disk: %s\n", to_json(*disk).c_str());
            return exit_success;
        }
        if (const auto attached = xl::attach_disk(context.host, *domain, *std::move(disk)); !attached) {
            report(attached.problem());
            return complain("libxl_device_disk_add failed.");
        }
        return exit_success;
    }
};

const Register<BlockAttachCommand> block_attach_registration;

} // namespace
} // namespace hospes::cli
