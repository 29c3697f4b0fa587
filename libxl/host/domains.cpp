// SPDX-License-Identifier: MIT
#include "libxl/host/domains.hpp"

#include <algorithm>
#include <cerrno>

#include "libxl/core/paths.hpp"
#include "libxl/device/spec_text.hpp"
#include "libxl/host/cpu_set.hpp"

namespace hospes::xl {
namespace {

std::uint64_t kib(std::uint64_t pages) { return pages << (xc::page_shift - 10); }

Result<DomainRow> row_of(Host& host, const xc::DomainInfo& info, std::string name, Columns want, unsigned nodes) {
    DomainRow row;
    row.id = info.domain;
    row.name = std::move(name);
    std::copy(std::begin(info.handle), std::end(info.handle), row.uuid.bytes.begin());
    row.state = state_of(info);
    row.memory_kib = kib(info.tot_pages);
    row.outstanding_kib = kib(info.outstanding_pages);
    row.shared_kib = kib(info.shr_pages);
    row.max_kib = info.max_pages == ~std::uint64_t{0} ? info.max_pages : kib(info.max_pages);
    row.online_vcpus = info.nr_online_vcpus;
    row.max_vcpus = info.max_vcpu_id + 1;
    row.cpu_ns = info.cpu_time;
    row.pool_id = info.cpupool;
    if (want.type) row.type = type_of(host, info);
    if (want.pool) row.pool = HOSPES_TRY(host.pool_name(info.cpupool));
    xc::Control* const control = HOSPES_TRY(host.control());
    if (want.label)
        if (auto label = control->flask_label(info.ssidref)) row.label = *std::move(label);
    if (want.nodes)
        if (const auto words = control->get_node_affinity(info.domain, nodes)) row.nodes = from_words(*words, nodes);
    return row;
}

Result<unsigned> node_count(Host& host, Columns want) {
    if (!want.nodes) return 0U;
    xc::Control* const control = HOSPES_TRY(host.control());
    return HOSPES_TRY(control->phys_info()).max_node_id + 1;
}

} // namespace

Result<std::vector<DomainRow>> list_domains(Host& host, Columns want) {
    xc::Control* const control = HOSPES_TRY(host.control());
    const unsigned nodes = HOSPES_TRY(node_count(host, want));
    const auto domains = HOSPES_TRY(control->list());
    const auto names = host.names_of(domains);
    std::vector<DomainRow> rows;
    for (std::size_t i = 0; i < domains.size(); ++i)
        rows.push_back(HOSPES_TRY(row_of(host, domains[i], names[i], want, nodes)));
    return rows;
}

Result<DomainRow> describe_domain_row(Host& host, xc::DomId domain, Columns want) {
    xc::Control* const control = HOSPES_TRY(host.control());
    const unsigned nodes = HOSPES_TRY(node_count(host, want));
    return row_of(host, HOSPES_TRY(control->info(domain)), host.name_of(domain), want, nodes);
}

Result<std::vector<VcpuRow>> list_vcpus(Host& host, xc::DomId domain) {
    xc::Control* const control = HOSPES_TRY(host.control());
    const xc::DomainInfo info = HOSPES_TRY(control->info(domain));
    const unsigned cpus = HOSPES_TRY(control->phys_info()).max_cpu_id + 1;
    std::vector<VcpuRow> rows;
    for (unsigned vcpu = 0; vcpu <= info.max_vcpu_id; ++vcpu) {
        const auto state = control->vcpu_info(domain, vcpu);
        if (!state && state.problem().code == ESRCH && vcpu > 0) continue; // never brought up
        if (!state) return state.problem();
        const auto [hard, soft] = HOSPES_TRY(control->get_affinity(domain, vcpu, cpus));
        rows.push_back({vcpu, state->online != 0, state->running != 0, state->blocked != 0, state->cpu, state->cpu_time,
                        from_words(hard, cpus), from_words(soft, cpus)});
    }
    return rows;
}

Result<Affinity> set_affinity(Host& host, xc::DomId domain, unsigned vcpu, const Bitmap* hard, const Bitmap* soft,
                              bool force) {
    xc::Control* const control = HOSPES_TRY(host.control());
    const unsigned cpus = HOSPES_TRY(control->phys_info()).max_cpu_id + 1;
    const xc::BitWords hard_words = hard ? to_words(*hard, cpus) : xc::BitWords(),
                       soft_words = soft ? to_words(*soft, cpus) : xc::BitWords();
    HOSPES_TRY(control->set_affinity(domain, vcpu, hard ? &hard_words : nullptr, soft ? &soft_words : nullptr, force));
    const auto [hard_now, soft_now] = HOSPES_TRY(control->get_affinity(domain, vcpu, cpus));
    return Affinity{from_words(hard_now, cpus), from_words(soft_now, cpus)};
}

Result<std::vector<unsigned>> node_of_cpus(Host& host) {
    xc::Control* const control = HOSPES_TRY(host.control());
    std::vector<unsigned> nodes;
    for (const xen_sysctl_cputopo_t& cpu : HOSPES_TRY(control->cpu_topology()))
        nodes.push_back(cpu.core == XEN_INVALID_CORE_ID ? ~0U : cpu.node);
    return nodes;
}

Result<std::optional<std::uint64_t>> start_time(Host& host, xc::DomId domain) {
    xs::Client* const store = HOSPES_TRY(host.store());
    const auto vm = HOSPES_TRY(store->try_read(path::domain(domain) + "/vm"));
    if (!vm) return std::optional<std::uint64_t>();
    const auto text = HOSPES_TRY(store->try_read(*vm + "/start_time"));
    if (!text) return std::optional<std::uint64_t>();
    return to_number<std::uint64_t>(std::string_view(*text).substr(0, text->find('.'))); // "SECONDS.HUNDREDTHS"
}

} // namespace hospes::xl
