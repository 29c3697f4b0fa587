// SPDX-License-Identifier: MIT
// What the host runs: domains and their vCPUs, as the lists of xl show them.
#pragma once

#include "libxl/core/host.hpp"
#include "libxl/types/basic.hpp"

namespace hospes::xl {

struct DomainRow {
    xc::DomId id = 0;
    std::string name;
    Uuid uuid;
    DomainState state;
    DomainType type = DomainType::invalid;
    std::uint64_t memory_kib = 0, outstanding_kib = 0, shared_kib = 0, max_kib = 0;
    unsigned online_vcpus = 0, max_vcpus = 0;
    std::uint64_t cpu_ns = 0;
    std::uint32_t pool_id = 0;
    std::string label; ///< only with `Columns::label`; empty when the hypervisor has none
    std::string pool;  ///< only with `Columns::pool`
    Bitmap nodes;      ///< only with `Columns::nodes`
};

/// What costs more than the list itself and is filled only when asked for.
struct Columns {
    bool label = false, pool = false, nodes = false, type = false;
};

/// All domains in the order of their ids.
Result<std::vector<DomainRow>> list_domains(Host& host, Columns want = {});
/// One of them; ESRCH when there is none.
Result<DomainRow> describe_domain_row(Host& host, xc::DomId domain, Columns want = {});

struct VcpuRow {
    unsigned id = 0;
    bool online = false, running = false, blocked = false;
    unsigned cpu = 0;
    std::uint64_t cpu_ns = 0;
    Bitmap hard, soft;
};
Result<std::vector<VcpuRow>> list_vcpus(Host& host, xc::DomId domain);

/// Sets what is given of the affinities. The hypervisor may leave CPUs out (of the pool, offline):
/// the CPUs that are in effect afterwards are returned.
struct Affinity {
    Bitmap hard, soft;
};
Result<Affinity> set_affinity(Host& host, xc::DomId domain, unsigned vcpu, const Bitmap* hard, const Bitmap* soft,
                              bool force = false);

/// How the machine's CPUs lie: index is the CPU, value its NUMA node; ~0 for a CPU that is not
/// online.
Result<std::vector<unsigned>> node_of_cpus(Host& host);

/// Seconds since the epoch at which the guest was started, from the store; nullopt when it says
/// none (domain 0).
Result<std::optional<std::uint64_t>> start_time(Host& host, xc::DomId domain);

} // namespace hospes::xl
