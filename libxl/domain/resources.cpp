// SPDX-License-Identifier: MIT
#include "libxl/domain/resources.hpp"

#include <cerrno>

#include "libxl/core/paths.hpp"
#include "libxl/device/spec_text.hpp"

namespace hospes::xl {
namespace {

Result<std::uint64_t> read_kib(xs::Client& store, const std::string& node) {
    const std::string text = HOSPES_TRY(store.read(node));
    if (const auto number = to_number<std::uint64_t>(text)) return *number;
    return error("read " + node, EINVAL, "it holds '" + text + "', not a number");
}

std::string mib(std::uint64_t kib) { return std::to_string(kib >> 10) + " MiB"; }

} // namespace

Result<std::uint64_t> memory_target(Host& host, xc::DomId domain) {
    xs::Client* const store = HOSPES_TRY(host.store());
    const std::string node = path::domain(domain) + "/memory/target";
    if (domain != 0 || HOSPES_TRY(store->try_read(node))) return read_kib(*store, node);
    // Until somebody sets one, dom0 has what it was booted with.
    xc::Control* const control = HOSPES_TRY(host.control());
    return HOSPES_TRY(control->info(domain)).tot_pages << 2;
}

Status set_memory_target(Host& host, xc::DomId domain, std::uint64_t kib, bool enforce) {
    const std::string stage = "set the memory of domain " + std::to_string(domain);
    xc::Control* const control = HOSPES_TRY(host.control());
    xs::Client* const store = HOSPES_TRY(host.store());
    const xc::DomainInfo info = HOSPES_TRY(control->info(domain));
    const std::string memory = path::domain(domain) + "/memory";
    if (domain == 0 && kib < min_dom0_kib)
        return error(stage, ERANGE, mib(kib) + " is less than the " + mib(min_dom0_kib) + " that dom0 keeps");
    // A domain of which nobody wrote the limit down (dom0 after boot) has the hypervisor's.
    const auto limit = HOSPES_TRY(store->try_read(memory + "/static-max"));
    const std::uint64_t most = limit ? to_number<std::uint64_t>(*limit).value_or(0) : info.max_pages << 2;
    if (kib > most)
        return error(stage, ERANGE, mib(kib) + " is more than its maximum of " + mib(most),
                     "maxmem= sets it at creation");
    const auto videoram = HOSPES_TRY(store->try_read(memory + "/videoram"));
    const std::uint64_t video = videoram ? to_number<std::uint64_t>(*videoram).value_or(0) : 0;
    const std::uint64_t wanted = kib + video + maxmem_slack_kib;
    if (enforce) HOSPES_TRY(control->max_memory(domain, wanted));
    // A translated guest may still have memory that it never touched: the reserve for that follows its target.
    if (info.flags & XEN_DOMINF_hvm_guest) HOSPES_TRY(control->set_pod_target(domain, wanted >> 2));
    xs::Batch nodes;
    // Written down now, for the hypervisor's limit has just been lowered to the target.
    if (!limit) nodes.write(memory + "/static-max", std::to_string(most));
    nodes.write(memory + "/target", std::to_string(kib));
    return store->commit(nodes);
}

Status set_memory_max(Host& host, xc::DomId domain, std::uint64_t kib) {
    xc::Control* const control = HOSPES_TRY(host.control());
    static_cast<void>(HOSPES_TRY(control->info(domain)));
    const std::uint64_t target = HOSPES_TRY(memory_target(host, domain));
    if (kib < target)
        return error("set the maximum memory of domain " + std::to_string(domain), ERANGE,
                     mib(kib) + " is less than its present target of " + mib(target), "lower `xl mem-set` first");
    return control->max_memory(domain, kib + maxmem_slack_kib);
}

Status set_online_vcpus(Host& host, xc::DomId domain, const Bitmap& online) {
    xc::Control* const control = HOSPES_TRY(host.control());
    xs::Client* const store = HOSPES_TRY(host.store());
    const xc::DomainInfo info = HOSPES_TRY(control->info(domain));
    const unsigned count = info.max_vcpu_id + 1;
    if (online.limit() > count || online.empty())
        return error("set the vCPUs of domain " + std::to_string(domain), ERANGE,
                     "it has " + std::to_string(count) + ", and at least one must stay",
                     "maxvcpus= sets the number at creation");
    xs::Batch nodes;
    for (unsigned vcpu = 0; vcpu < count; ++vcpu)
        nodes.write(path::domain(domain) + "/cpu/" + std::to_string(vcpu) + "/availability",
                    online.test(vcpu) ? "online" : "offline");
    return store->commit(nodes);
}

Result<HostMemory> host_memory(Host& host) {
    xc::Control* const control = HOSPES_TRY(host.control());
    const xc::PhysInfo info = HOSPES_TRY(control->phys_info());
    return HostMemory{info.total_pages << 2, info.free_pages << 2, info.outstanding_pages << 2, info.scrub_pages << 2};
}

} // namespace hospes::xl
