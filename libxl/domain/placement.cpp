// SPDX-License-Identifier: MIT
#include "libxl/domain/placement.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <tuple>

#include "libxl/device/spec_text.hpp"

namespace hospes::xl {
namespace {

/// What is needed is rounded up, what there is down, as `xl info` does.
std::string mib(std::uint64_t kib, std::uint64_t round = 0) { return std::to_string((kib + round) >> 10) + " MiB"; }

Error not_enough(std::uint64_t needed, const HostMemory& memory, const std::string& more) {
    std::string cause = "the guest needs " + mib(needed, 1023) + ", " + mib(memory.free) + " are free";
    if (memory.claimed) cause += ", of which " + mib(memory.claimed) + " are claimed for guests being built";
    return error("find memory", ENOMEM, cause + more, "give it less memory=, or lower dom0's: xl mem-set 0 ...");
}

template <typename T> void override_with(T& field, const SchedParam& wanted) {
    if (!wanted.is_default()) field = static_cast<T>(wanted.value);
}

} // namespace

std::uint64_t paging_pool_needed(const BuildInfo& build) {
    if (build.type == DomainType::pv) return 0;
    if (!build.shadow_memkb.is_default()) return build.shadow_memkb;
    // A MiB for each vCPU's own tables, and two pages for each MiB of memory.
    return 1024 * static_cast<std::uint64_t>(build.max_vcpus) + 8 * (build.max_memkb.value >> 10);
}

std::uint64_t memory_needed(const BuildInfo& build) {
    return build.target_memkb.value + paging_pool_needed(build) + domain_overhead_kib;
}

Status reserve_memory(Host& host, std::uint64_t needed, bool autoballoon, Clock::time_point deadline,
                      const Cancel* cancel, std::uint64_t& taken_from_dom0) {
    HostMemory memory = HOSPES_TRY(host_memory(host));
    if (memory.available() >= needed) return {};
    if (!autoballoon) return not_enough(needed, memory, "; autoballooning of dom0 is off");
    const std::uint64_t missing = needed - memory.available(), dom0 = HOSPES_TRY(memory_target(host, 0));
    if (dom0 < missing + min_dom0_kib)
        return not_enough(needed, memory, ", and dom0 with " + mib(dom0) + " cannot give up the rest");
    HOSPES_TRY(set_memory_target(host, 0, dom0 - missing));
    taken_from_dom0 = missing;
    while (memory.available() < needed) {
        if (Clock::now() >= deadline)
            return not_enough(needed, memory,
                              "; dom0 was asked for " + mib(missing, 1023) + " and did not give them in time");
        // Nothing announces freed memory: look again, at most ten times a second.
        pollfd waiting{cancel ? cancel->fd() : -1, POLLIN, 0};
        ::poll(&waiting, 1, 100);
        if (cancel) HOSPES_TRY(cancel->check());
        memory = HOSPES_TRY(host_memory(host));
    }
    return {};
}

void give_back_to_dom0(Host& host, std::uint64_t kib) {
    if (!kib) return;
    if (const auto target = memory_target(host, 0)) static_cast<void>(set_memory_target(host, 0, *target + kib));
}

std::vector<unsigned> choose_nodes(const std::vector<NumaNode>& nodes, std::uint64_t kib, unsigned vcpus) {
    if (nodes.size() < 2 || nodes.size() > 16) return {};
    struct Candidate {
        std::vector<unsigned> members;
        std::uint64_t free_kib = 0;
        unsigned cpus = 0, vcpus = 0;
    };
    std::optional<Candidate> best;
    for (std::uint32_t mask = 1; mask < 1U << nodes.size(); ++mask) {
        Candidate c;
        for (unsigned node = 0; node < nodes.size(); ++node) {
            if (!(mask >> node & 1)) continue;
            c.members.push_back(node);
            c.free_kib += nodes[node].free_kib;
            c.cpus += nodes[node].cpus;
            c.vcpus += nodes[node].vcpus;
        }
        if (c.free_kib < kib || c.cpus == 0) continue;
        const auto rank = [&](const Candidate& x) {
            const bool cramped = x.cpus < vcpus;
            return std::tuple(cramped, x.members.size(), static_cast<double>(x.vcpus) / x.cpus, ~x.free_kib);
        };
        if (!best || rank(c) < rank(*best)) best = std::move(c);
    }
    if (!best || best->members.size() == nodes.size()) return {};
    return best->members;
}

Result<Bitmap> place(Host& host, BuildInfo& build) {
    if (!build.numa_placement.value_or(true) || !build.vcpu_hard_affinity.empty() ||
        !build.vcpu_soft_affinity.empty() || !build.nodemap.empty() || !build.vnuma_nodes.empty())
        return Bitmap();
    xc::Control* const control = HOSPES_TRY(host.control());
    const xc::PhysInfo machine = HOSPES_TRY(control->phys_info());
    if (machine.max_node_id == 0) return Bitmap();
    const auto numa = HOSPES_TRY(control->numa());
    const auto cpus = HOSPES_TRY(control->cpu_topology());
    std::vector<NumaNode> nodes(numa.memory.size());
    for (std::size_t n = 0; n < nodes.size(); ++n)
        if (numa.memory[n].memsize != ~std::uint64_t{0}) nodes[n].free_kib = numa.memory[n].memfree >> 10;
    for (const xen_sysctl_cputopo_t& cpu : cpus)
        if (cpu.node < nodes.size()) ++nodes[cpu.node].cpus;
    for (const xc::DomainInfo& other : HOSPES_TRY(control->list()))
        for (unsigned vcpu = 0; vcpu <= other.max_vcpu_id; ++vcpu)
            if (const auto info = control->vcpu_info(other.domain, vcpu); info && info->cpu < cpus.size())
                if (const std::uint32_t node = cpus[info->cpu].node; node < nodes.size()) ++nodes[node].vcpus;
    Bitmap chosen_cpus;
    for (const unsigned node : choose_nodes(nodes, memory_needed(build), static_cast<unsigned>(build.max_vcpus))) {
        build.nodemap.set(node);
        for (unsigned cpu = 0; cpu < cpus.size(); ++cpu)
            if (cpus[cpu].node == node) chosen_cpus.set(cpu);
    }
    return chosen_cpus;
}

Result<std::vector<xc::VirtualNode>> virtual_nodes(Host& host, const BuildInfo& build) {
    std::vector<xc::VirtualNode> nodes;
    if (build.vnuma_nodes.empty()) return nodes;
    xc::Control* const control = HOSPES_TRY(host.control());
    const std::uint32_t last = HOSPES_TRY(control->phys_info()).max_node_id;
    for (const VnodeInfo& wanted : build.vnuma_nodes) {
        if (wanted.pnode > last)
            return error("place the virtual NUMA nodes", EINVAL,
                         "the machine has no node " + std::to_string(wanted.pnode) + ", its last is " +
                             std::to_string(last),
                         "correct pnode= in vnuma=; `xl info -n` shows the nodes");
        nodes.push_back({wanted.memkb >> 2, wanted.pnode, wanted.vcpus.members(), wanted.distances});
    }
    return nodes;
}

Result<std::uint32_t> find_pool(Host& host, const std::string& name) {
    xc::Control* const control = HOSPES_TRY(host.control());
    const auto number = to_number<std::uint32_t>(name);
    for (const xc::Control::Pool& pool : HOSPES_TRY(control->pools()))
        if (number == pool.id || HOSPES_TRY(host.pool_name(pool.id)) == name) return pool.id;
    return error("find CPU pool '" + name + "'", ENOENT, "there is no such pool", "`xl cpupool-list` shows them");
}

Status apply_scheduling(Host& host, xc::DomId domain, const SchedParams& wanted, std::uint32_t pool) {
    const bool nothing = wanted.weight.is_default() && wanted.cap.is_default() && wanted.period.is_default() &&
                         wanted.budget.is_default() && wanted.extratime.is_default();
    if (nothing) return {};
    xc::Control* const control = HOSPES_TRY(host.control());
    xen_domctl op{};
    op.cmd = XEN_DOMCTL_scheduler_op;
    op.domain = domain;
    for (const xc::Control::Pool& one : HOSPES_TRY(control->pools()))
        if (one.id == pool) op.u.scheduler_op.sched_id = one.scheduler;
    const std::string stage = "set the scheduling of the domain";
    op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_getinfo;
    if (const long result = control->domctl(op); result < 0) return error(stage, static_cast<int>(-result));
    auto& params = op.u.scheduler_op.u;
    switch (op.u.scheduler_op.sched_id) {
    case XEN_SCHEDULER_CREDIT:
        override_with(params.credit.weight, wanted.weight);
        override_with(params.credit.cap, wanted.cap);
        break;
    case XEN_SCHEDULER_CREDIT2:
        override_with(params.credit2.weight, wanted.weight);
        override_with(params.credit2.cap, wanted.cap);
        break;
    case XEN_SCHEDULER_RTDS:
        override_with(params.rtds.period, wanted.period);
        override_with(params.rtds.budget, wanted.budget);
        break;
    default:
        return error(stage, EOPNOTSUPP, "the scheduler of its CPU pool has no parameters",
                     "drop cpu_weight=, cap=, period=, budget=");
    }
    op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_putinfo;
    if (const long result = control->domctl(op); result < 0) return error(stage, static_cast<int>(-result));
    return {};
}

} // namespace hospes::xl
