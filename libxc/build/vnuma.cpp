// SPDX-License-Identifier: MIT
#include "build/vnuma.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>

namespace hospes::xc {
namespace {

constexpr const char* stage = "lay out the guest's virtual NUMA nodes";

Error wrong(std::string cause) { return error(stage, EINVAL, std::move(cause), "correct vnuma="); }

Status place_vcpus(const GuestPlan& plan, VnumaLayout& layout) {
    constexpr std::uint32_t nowhere = std::numeric_limits<std::uint32_t>::max();
    layout.vcpu_nodes.assign(plan.vcpus, nowhere);
    for (std::uint32_t node = 0; node < plan.nodes.size(); ++node)
        for (const unsigned vcpu : plan.nodes[node].vcpus) {
            if (vcpu >= plan.vcpus) return wrong("there is no vCPU " + std::to_string(vcpu));
            if (layout.vcpu_nodes[vcpu] != nowhere) return wrong("vCPU " + std::to_string(vcpu) + " is in two nodes");
            layout.vcpu_nodes[vcpu] = node;
        }
    const auto homeless = std::find(layout.vcpu_nodes.begin(), layout.vcpu_nodes.end(), nowhere);
    if (homeless == layout.vcpu_nodes.end()) return {};
    return wrong("vCPU " + std::to_string(homeless - layout.vcpu_nodes.begin()) + " is in no node");
}

Status place_distances(const GuestPlan& plan, VnumaLayout& layout) {
    for (const VirtualNode& node : plan.nodes) {
        if (node.distances.size() != plan.nodes.size())
            return wrong("a node has " + std::to_string(node.distances.size()) + " distances to " +
                         std::to_string(plan.nodes.size()) + " nodes");
        for (const std::uint32_t distance : node.distances) {
            if (distance < 10 || distance > 254) return wrong("a distance is outside of 10 to 254");
            layout.distances.push_back(static_cast<std::uint8_t>(distance));
        }
    }
    return {};
}

} // namespace

Result<VnumaLayout> plan_vnuma(const GuestPlan& plan, std::span<const std::pair<std::uint64_t, std::uint64_t>> ranges) {
    VnumaLayout layout;
    if (plan.nodes.empty()) return layout;
    if (plan.max_pages > plan.pages)
        return error(stage, EOPNOTSUPP, "memory that is to grow later belongs to no node", "set maxmem= to memory=");
    HOSPES_TRY(place_vcpus(plan, layout));
    HOSPES_TRY(place_distances(plan, layout));
    std::uint32_t node = 0;
    std::uint64_t left = plan.nodes[0].pages;
    for (auto [first, pages] : ranges)
        while (pages) {
            while (left == 0) {
                if (++node == plan.nodes.size()) return wrong("the nodes have less memory than the guest");
                left = plan.nodes[node].pages;
            }
            const std::uint64_t part = std::min(left, pages);
            layout.memory.push_back({first << page_shift, part << page_shift, node});
            first += part;
            pages -= part;
            left -= part;
        }
    for (++node; node < plan.nodes.size(); ++node)
        left += plan.nodes[node].pages;
    if (left) return wrong("the nodes have more memory than the guest");
    return layout;
}

Status announce_vnuma(Control& control, const GuestPlan& plan, const VnumaLayout& layout) {
    if (layout.empty()) return {};
    Transport& transport = control.transport();
    const std::size_t nodes = plan.nodes.size();
    Buffer<unsigned> distances(transport, layout.distances.size()), vcpus(transport, layout.vcpu_nodes.size()),
        machine(transport, nodes);
    Buffer<xen_vmemrange_t> ranges(transport, layout.memory.size());
    if (!distances || !vcpus || !machine || !ranges) return error("announce the virtual NUMA nodes", ENOMEM);
    std::copy(layout.distances.begin(), layout.distances.end(), distances.data());
    std::copy(layout.vcpu_nodes.begin(), layout.vcpu_nodes.end(), vcpus.data());
    for (std::size_t node = 0; node < nodes; ++node)
        machine[node] = plan.nodes[node].machine_node;
    for (std::size_t i = 0; i < layout.memory.size(); ++i) {
        const AcpiMemory& part = layout.memory[i];
        ranges[i] = {part.start, part.start + part.size, 0, part.node};
    }
    xen_domctl op{};
    op.cmd = XEN_DOMCTL_setvnumainfo;
    op.domain = plan.domain;
    op.u.vnuma.nr_vnodes = static_cast<std::uint32_t>(nodes);
    op.u.vnuma.nr_vmemranges = static_cast<std::uint32_t>(layout.memory.size());
    op.u.vnuma.nr_vcpus = plan.vcpus;
    set_handle(op.u.vnuma.vdistance, distances.data());
    set_handle(op.u.vnuma.vcpu_to_vnode, vcpus.data());
    set_handle(op.u.vnuma.vnode_to_pnode, machine.data());
    set_handle(op.u.vnuma.vmemrange, ranges.data());
    if (const long result = control.domctl(op); result < 0)
        return error("announce the virtual NUMA nodes", static_cast<int>(-result),
                     result == -EOPNOTSUPP ? "this hypervisor has no virtual NUMA" : "", "drop vnuma=");
    return {};
}

Status populate_nodes(GuestMemory& memory, const GuestPlan& plan, const VnumaLayout& layout) {
    for (const AcpiMemory& part : layout.memory)
        HOSPES_TRY(memory.populate(part.start >> page_shift, part.size >> page_shift,
                                   XENMEMF_exact_node(plan.nodes[part.node].machine_node)));
    return {};
}

} // namespace hospes::xc
