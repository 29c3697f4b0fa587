// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <algorithm>
#include <cstdio>

#include "libxl/device/spec_text.hpp"
#include "libxl/host/cpu_set.hpp"
#include "libxl/host/domains.hpp"
#include "libxl/types/cpu_list.hpp"
#include "xl/arguments.hpp"

namespace hospes::cli {
namespace {

class VcpuPinCommand final : public Command {
  public:
    static constexpr std::string_view verb = "vcpu-pin";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 3; }
    [[nodiscard]] std::vector<Option> options() override {
        return {{'f', "force", false, [this](const char*) { force_ = true; }},
                {0, "ignore-global-affinity-masks", false, [this](const char*) { ignore_masks_ = true; }}};
    }
    int run(Context& context, std::span<const std::string> arguments) override {
        const xc::DomId domain = XL_DOMAIN(context, arguments[0]);
        const auto vcpu = xl::to_number<unsigned>(arguments[1]);
        if (!vcpu && arguments[1] != "all")
            return complain("Error: Invalid argument %s as VCPU.", arguments[1].c_str());
        if (!vcpu && force_) return complain("Error: --force and 'all' as VCPU not allowed.");
        const std::vector<unsigned> layout = XL_TRY(xl::node_of_cpus(context.host));
        const auto cpus = static_cast<unsigned>(layout.size());
        std::optional<xl::Bitmap> hard, soft;
        if (!parse(arguments[2], layout, hard) || (arguments.size() > 3 && !parse(arguments[3], layout, soft)))
            return exit_failure;
        if (hard && !ignore_masks_) {
            const xl::DomainRow row = XL_TRY(xl::describe_domain_row(context.host, domain, {.type = true}));
            if (const Status done = apply_masks(context.settings, row.type, layout, *hard); !done)
                return report(done.problem());
        }
        for (const auto& [set, name] : {std::pair{&hard, "hard"}, {&soft, "soft"}})
            if (*set && (*set)->empty()) return complain("vcpu %s affinity map is empty", name);
        if (context.dry_run) {
            std::printf("cpumap: %s%s\n", hard ? set_text(*hard, cpus).c_str() : "-",
                        soft ? (" " + set_text(*soft, cpus)).c_str() : "");
            return exit_success;
        }
        return vcpu ? pin(context, domain, *vcpu, hard, soft) : pin_all(context, domain, hard, soft);
    }

  private:
    using Set = std::optional<xl::Bitmap>;

    static bool parse(const std::string& text, const std::vector<unsigned>& layout, Set& out) {
        if (text == "-") return true; // leave it as it is
        auto set = xl::parse_cpu_list(text, layout);
        if (!set) {
            complain("Invalid pcpu range: %s.", text.c_str());
            complain("    hint: %s", set.problem().hint.c_str());
            return false;
        }
        out = xl::within(*set, static_cast<unsigned>(layout.size()));
        return true;
    }
    int pin(Context& context, xc::DomId domain, unsigned vcpu, const Set& hard, const Set& soft) const {
        const auto now =
            xl::set_affinity(context.host, domain, vcpu, hard ? &*hard : nullptr, soft ? &*soft : nullptr, force_);
        if (!now) {
            report(now.problem());
            return complain("Could not set affinity for vcpu `%u'.", vcpu);
        }
        if (hard && now->hard != *hard)
            complain("xl: warning: vCPU %u cannot reach all CPUs of its hard affinity", vcpu);
        if (soft && std::ranges::none_of(soft->members(), [&](unsigned cpu) { return now->hard.test(cpu); }))
            complain("xl: warning: All cpus in soft affinity of vcpu %u are unreachable. Only hard affinity will be "
                     "considered for scheduling",
                     vcpu);
        return exit_success;
    }
    int pin_all(Context& context, xc::DomId domain, const Set& hard, const Set& soft) const {
        int code = exit_success;
        for (const xl::VcpuRow& row : XL_TRY(xl::list_vcpus(context.host, domain)))
            if (pin(context, domain, row.id, hard, soft) != exit_success) code = exit_failure;
        return code;
    }

    bool force_ = false, ignore_masks_ = false;
};

const Register<VcpuPinCommand> vcpu_pin_registration;

} // namespace
} // namespace hospes::cli
