// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <map>

#include "libxl/domain/resources.hpp"
#include "libxl/host/cpupools.hpp"
#include "libxl/host/domains.hpp"

namespace hospes::cli {
namespace {

class CpupoolNumaSplitCommand final : public Command {
  public:
    static constexpr std::string_view verb = "cpupool-numa-split";
    [[nodiscard]] std::string_view name() const override { return verb; }
    int run(Context& context, std::span<const std::string>) override {
        const auto pools = XL_TRY(xl::list_pools(context.host));
        if (pools.size() > 1) return complain("splitting not possible, already cpupools in use");
        const std::vector<unsigned> node_of = XL_TRY(xl::node_of_cpus(context.host));
        std::map<unsigned, xl::Bitmap> nodes;
        for (unsigned cpu = 0; cpu < node_of.size(); ++cpu)
            if (node_of[cpu] != ~0U) nodes[node_of[cpu]].set(cpu);
        // The first CPU's node keeps the first pool; what it has not yet comes before anything goes.
        const unsigned home = node_of.empty() ? 0 : node_of[0];
        const xl::Bitmap free = XL_TRY(xl::free_cpus(context.host));
        XL_TRY(xl::add_pool_cpus(context.host, pools[0], common(nodes[home], free)));
        // The CPUs of the others go before anything else changes: a hypervisor with one pool refuses that.
        for (const auto& [node, cpus] : nodes) {
            if (node == home) continue;
            XL_TRY(xl::remove_pool_cpus(context.host, pools[0], common(cpus, pools[0].cpus)));
            XL_TRY(xl::create_pool(context.host, "Pool-node" + std::to_string(node), pools[0].scheduler, cpus));
        }
        XL_TRY(xl::rename_pool(context.host, pools[0].id, "Pool-node" + std::to_string(home)));
        return shrink_domain0(context, nodes[home].count());
    }

  private:
    static xl::Bitmap common(const xl::Bitmap& a, const xl::Bitmap& b) {
        xl::Bitmap out;
        for (const unsigned member : a.members())
            if (b.test(member)) out.set(member);
        return out;
    }
    /// Domain 0 is not to have more vCPUs than its node has CPUs. Its kernel takes them off line when
    /// it sees the store change.
    static int shrink_domain0(Context& context, unsigned cpus) {
        const xl::DomainRow row = XL_TRY(xl::describe_domain_row(context.host, 0));
        if (row.online_vcpus <= cpus) return exit_success;
        xl::Bitmap online;
        for (unsigned vcpu = 0; vcpu < cpus; ++vcpu)
            online.set(vcpu);
        XL_TRY(xl::set_online_vcpus(context.host, 0, online));
        return exit_success;
    }
};

const Register<CpupoolNumaSplitCommand> cpupool_numa_split_registration;

} // namespace
} // namespace hospes::cli
