// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cerrno>

#include "libxl/device/spec_text.hpp"
#include "libxl/domain/resources.hpp"

namespace hospes::cli {
namespace {

class VcpuSetCommand final : public Command {
  public:
    static constexpr std::string_view verb = "vcpu-set";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 2; }
    [[nodiscard]] std::vector<Option> options() override {
        return {{'i', "ignore-host", false, [this](const char*) { ignore_host_ = true; }}};
    }
    int run(Context& context, std::span<const std::string> arguments) override {
        const xc::DomId domain = XL_DOMAIN(context, arguments[0]);
        const auto count = xl::to_number<unsigned>(arguments[1]);
        if (!count) return complain("Error: Invalid argument.");
        xc::Control* const control = XL_TRY(context.host.control());
        const xc::DomainInfo info = XL_TRY(control->info(domain));
        const unsigned cpus = XL_TRY(control->phys_info()).max_cpu_id + 1;
        if (!ignore_host_ && *count > info.nr_online_vcpus && *count > cpus)
            return complain("You are overcommmitting! You have %d physical CPUs and want %d vCPUs! Aborting, use "
                            "--ignore-host to continue",
                            cpus, *count);
        if (const Status done = set_online(context, domain, *count, info.max_vcpu_id + 1); !done) {
            report(done.problem());
            return complain("libxl_set_vcpuonline failed domid=%u max_vcpus=%u, rc: -3", domain, *count);
        }
        return exit_success;
    }

  private:
    static Status set_online(Context& context, xc::DomId domain, unsigned count, unsigned has) {
        if (count == 0 || count > has)
            return error("set the vCPUs of domain " + std::to_string(domain), EINVAL,
                         std::to_string(count) + " vCPUs were asked for",
                         "it has " + std::to_string(has) + " (maxvcpus), and one is the least");
        xl::Bitmap online;
        for (unsigned vcpu = 0; vcpu < count; ++vcpu)
            online.set(vcpu);
        return xl::set_online_vcpus(context.host, domain, online);
    }

    bool ignore_host_ = false;
};

const Register<VcpuSetCommand> vcpu_set_registration;

} // namespace
} // namespace hospes::cli
