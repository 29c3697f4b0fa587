// SPDX-License-Identifier: MIT
// vCPUs, their affinity and virtual NUMA: keys that mean something only together.
#include "xl/config/key_makers.hpp"

namespace hospes::cfg {
namespace {

Outcome read_cpus(const Draft& d, const Value& value, xl::CpuTopology& topology, xl::Bitmap& out) {
    std::string text;
    if (Outcome bad = read_text(value, text)) return bad;
    if (topology.empty() && text.find_first_not_of("0123456789,-^ ") != std::string::npos && d.defaults.topology)
        topology = d.defaults.topology();
    auto cpus = xl::parse_cpu_list(text, topology);
    if (!cpus) return wrong(value, cpus.problem());
    out = *std::move(cpus);
    return {};
}

/// One string is for every vCPU; a list has one element per vCPU, and those it does not reach run anywhere.
Outcome read_affinity(Draft& d, const Value* value, xl::CpuTopology& topology, std::vector<xl::Bitmap>& out) {
    if (!value) return {};
    const auto vcpus = static_cast<std::size_t>(std::max(1, d.config.b_info.max_vcpus));
    d.config.b_info.numa_placement = false; // the user has placed it
    if (!value->is_list()) {
        xl::Bitmap cpus;
        if (Outcome bad = read_cpus(d, *value, topology, cpus)) return bad;
        out.assign(vcpus, cpus);
        return {};
    }
    for (const Value& item : value->list()) {
        if (out.size() == vcpus) {
            d.warn(item, "there are more elements than vCPUs: the rest is ignored");
            break;
        }
        if (Outcome bad = read_cpus(d, item, topology, out.emplace_back())) return bad;
    }
    return {};
}

Outcome read_vnode(const Value& value, std::size_t nodes, xl::VnodeInfo& node, bool& has_size) {
    if (!value.is_list())
        return wrong(value, "a virtual node is a list of strings", "[ \"pnode=0\", \"size=512\", ... ]");
    for (const Value& item : value.list()) {
        std::string text;
        if (Outcome bad = read_text(item, text)) return bad;
        const auto equals = text.find('=');
        const std::string key = text.substr(0, equals),
                          word = equals == std::string::npos ? "" : text.substr(equals + 1);
        bool good = equals != std::string::npos;
        if (key == "pnode") {
            good = good && set_number(word, node.pnode);
        } else if (key == "size") {
            std::uint64_t mib = 0;
            has_size = good = good && set_number(word, mib) && mib < (1ULL << 34);
            node.memkb = mib * 1024;
        } else if (key == "vcpus") {
            auto vcpus = xl::parse_ranges(word);
            if (!vcpus) return wrong(item, vcpus.problem());
            node.vcpus = *std::move(vcpus);
        } else if (key == "vdistances") {
            for (std::string_view rest = word; good && !rest.empty();)
                good = set_number(xl::next_item(rest), node.distances.emplace_back());
            if (node.distances.size() != nodes)
                return wrong(item, "as many distances as nodes are wanted, " + std::to_string(nodes));
        } else {
            good = false;
        }
        if (!good) return wrong(item, "'" + text + "' is not understood here", "pnode=, size=, vcpus=, vdistances=");
    }
    return {};
}

} // namespace

Outcome settle_cpus(Draft& d) {
    xl::BuildInfo& b = d.config.b_info;
    b.max_vcpus = d.maxvcpus.value_or(d.vcpus.value_or(0));
    for (int vcpu = 0; vcpu < d.vcpus.value_or(0); ++vcpu)
        b.avail_vcpus.set(static_cast<unsigned>(vcpu));
    xl::CpuTopology topology;
    if (Outcome bad = read_affinity(d, d.cpus, topology, b.vcpu_hard_affinity)) return bad;
    return read_affinity(d, d.cpus_soft, topology, b.vcpu_soft_affinity);
}

Outcome settle_vnuma(Draft& d) {
    if (!d.vnuma) return {};
    if (!d.vnuma->is_list()) return wrong(*d.vnuma, "a list of virtual nodes is wanted");
    xl::BuildInfo& b = d.config.b_info;
    const std::size_t nodes = d.vnuma->list().size();
    std::uint64_t total = 0;
    xl::Bitmap seen;
    for (const Value& item : d.vnuma->list()) {
        xl::VnodeInfo& node = b.vnuma_nodes.emplace_back();
        bool has_size = false;
        if (Outcome bad = read_vnode(item, nodes, node, has_size)) return bad;
        if (!has_size || node.vcpus.empty() || node.distances.empty())
            return wrong(item, "a virtual node needs pnode=, size=, vcpus= and vdistances=");
        for (const unsigned vcpu : node.vcpus.members()) {
            if (seen.test(vcpu)) return wrong(item, "vCPU " + std::to_string(vcpu) + " is in two nodes");
            seen.set(vcpu);
        }
        total += node.memkb;
    }
    const unsigned vcpus = static_cast<unsigned>(b.max_vcpus);
    if (b.max_vcpus == 0) {
        b.max_vcpus = static_cast<int>(seen.count());
    } else if (seen.count() != vcpus) {
        return wrong(*d.vnuma, "the nodes have " + std::to_string(seen.count()) + " vCPUs, the guest has " +
                                   std::to_string(vcpus));
    }
    if (seen.limit() > static_cast<unsigned>(b.max_vcpus))
        return wrong(*d.vnuma, "the nodes name a vCPU that the guest has not");
    if (!b.max_memkb.is_default() && b.max_memkb != total)
        return wrong(*d.vnuma, "the nodes have " + std::to_string(total / 1024) + " MiB, the guest has " +
                                   std::to_string(b.max_memkb / 1024));
    b.max_memkb = total;
    b.numa_placement = false;
    return {};
}

} // namespace hospes::cfg
