// SPDX-License-Identifier: MIT
// Control operations: one method per hypercall operation, typed, each naming what it did when it
// fails.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "xc/transport.hpp"

namespace hospes::xc {

using DomainInfo = xen_domctl_getdomaininfo_t;
using PhysInfo = xen_sysctl_physinfo;

/// One bit per CPU or node, as the hypervisor's bitmaps are.
using BitWords = std::vector<std::uint8_t>;

struct VersionInfo {
    unsigned major = 0, minor = 0;
    std::string extra, compiler, compiled_by, compile_domain, compile_date, capabilities, changeset, command_line,
        build_id;
    std::uint64_t virtual_start = 0, page_size = 0;
};

class Control {
  public:
    explicit Control(Transport& transport) : transport_(transport) {}
    [[nodiscard]] Transport& transport() const { return transport_; }

    // --- domains (ctrl/domain.cpp) ---
    Result<DomId> create(DomId wanted,
                         const xen_domctl_createdomain& config); ///< wanted 0: next free
    Status destroy(DomId domain);                                ///< restarted until the hypervisor is done
    Status pause(DomId domain);
    Status unpause(DomId domain);
    Status resume(DomId domain);
    Status shutdown(DomId domain, unsigned reason);
    Result<DomainInfo> info(DomId domain); ///< exactly this domain; ESRCH when it does not exist
    Result<std::vector<DomainInfo>> list(DomId first = 0);
    Status set_handle(DomId domain, const std::uint8_t (&handle)[16]);
    Status max_vcpus(DomId domain, unsigned count);
    Status set_address_size(DomId domain, unsigned bits);
    Status set_tsc(DomId domain, unsigned mode, std::uint64_t elapsed_ns, unsigned khz, unsigned incarnation);
    Status set_time_offset(DomId domain, std::int64_t seconds); ///< of the guest's wall clock from UTC
    Status fill_hypercall_page(DomId domain, xen_pfn_t frame);
    Status send_trigger(DomId domain, unsigned trigger, unsigned vcpu);

    // --- vCPUs and scheduling (ctrl/vcpu.cpp) ---
    Status set_context(DomId domain, unsigned vcpu, const vcpu_guest_context_t& context);
    Result<vcpu_guest_context_t> get_context(DomId domain, unsigned vcpu);
    Result<xen_domctl_getvcpuinfo> vcpu_info(DomId domain, unsigned vcpu);
    /// `force` takes back a temporary pinning that the guest's kernel did itself.
    Status set_affinity(DomId domain, unsigned vcpu, const BitWords* hard, const BitWords* soft, bool force = false);
    Result<std::pair<BitWords, BitWords>> get_affinity(DomId domain, unsigned vcpu, unsigned cpus);
    Status set_node_affinity(DomId domain, const BitWords& nodes);
    Result<BitWords> get_node_affinity(DomId domain, unsigned nodes);
    Result<xen_domctl_sched_credit2> credit2_get(DomId domain);
    Status credit2_set(DomId domain, const xen_domctl_sched_credit2& params);

    // --- memory (ctrl/memory.cpp) ---
    Status max_memory(DomId domain, std::uint64_t kib);
    Status claim(DomId domain, std::uint64_t pages);
    /// 2^order-page extents at the given frames; PV: frames are replaced by the machine frames.
    /// Returns how many succeeded.
    Result<std::size_t> populate(DomId domain, std::span<xen_pfn_t> frames, unsigned order, unsigned flags = 0);
    Status set_memory_map(DomId domain, std::span<const struct E820> map);
    Status set_paging_pool(DomId domain, std::uint64_t bytes);
    /// Populate-on-demand: how many pages the domain shall really have.
    Status set_pod_target(DomId domain, std::uint64_t pages);
    Result<xen_pfn_t> maximum_frame(DomId domain); ///< the highest guest frame that exists
    Status add_to_physmap(DomId domain, unsigned space, std::uint64_t index, xen_pfn_t gfn);
    Status pin_table(DomId domain, unsigned command, xen_pfn_t frame); ///< MMUEXT_PIN_L*_TABLE

    // --- event channels ---
    Result<std::uint32_t> alloc_unbound(DomId local, DomId remote);

    // --- HVM and PVH ---
    Status set_hvm_param(DomId domain, unsigned index, std::uint64_t value);
    Result<std::uint64_t> get_hvm_param(DomId domain, unsigned index);
    Result<std::vector<std::uint8_t>> get_hvm_context(DomId domain);
    Status set_hvm_context(DomId domain, std::span<const std::uint8_t> context);

    // --- CPU policy ---
    Status set_cpu_policy(DomId domain, std::span<xen_cpuid_leaf_t> leaves, std::span<xen_msr_entry_t> msrs);
    Status get_system_cpu_policy(unsigned index, std::vector<xen_cpuid_leaf_t>& leaves,
                                 std::vector<xen_msr_entry_t>& msrs);

    // --- the machine (ctrl/system.cpp) ---
    Result<VersionInfo> version();
    Result<PhysInfo> phys_info();
    Result<unsigned> scheduler();
    Result<std::string> console_ring(bool clear);
    /// What came after `index`, which moves on; the log itself stays.
    Result<std::string> console_since(std::uint32_t& index);
    Status debug_keys(std::string_view keys);
    /// One of the hypervisor's boot parameters that can be changed at run time (xen/hypfs.h; ctrl/parameters.cpp).
    /// ENOENT: there is none of this name; ENOSYS: the hypervisor has none at all.
    Status set_parameter(const std::string& name, const std::string& value);
    Result<std::vector<xen_sysctl_cputopo_t>> cpu_topology();
    struct Numa {
        std::vector<xen_sysctl_meminfo_t> memory;
        std::vector<std::uint32_t> distances; ///< nodes x nodes
    };
    Result<Numa> numa();
    struct Pool {
        std::uint32_t id = 0, scheduler = 0, domains = 0;
        BitWords cpus;
    };
    Result<std::vector<Pool>> pools();
    Result<BitWords> free_cpus();
    /// NUMA node per device in the order asked, XEN_INVALID_NODE_ID or XEN_INVALID_DEV where the
    /// hypervisor has none.
    Result<std::vector<std::uint32_t>> device_nodes(std::span<const physdev_pci_device_t> devices);

    // --- CPU pools (ctrl/cpupool.cpp) ---
    Result<std::uint32_t> pool_create(unsigned scheduler); ///< the id that the hypervisor chose
    Status pool_destroy(std::uint32_t pool);
    Status pool_add_cpu(std::uint32_t pool, unsigned cpu);
    Status pool_remove_cpu(std::uint32_t pool, unsigned cpu); ///< EAGAIN is retried
    Status pool_move_domain(std::uint32_t pool, DomId domain);

    // --- schedulers (ctrl/sched.cpp): `op` carries scheduler, command and parameters ---
    Status domain_sched(DomId domain, xen_domctl_scheduler_op& op);
    Status pool_sched(xen_sysctl_scheduler_op& op);
    Result<std::vector<xen_domctl_schedparam_vcpu>> rtds_vcpus(DomId domain, std::span<const unsigned> vcpus);
    Status rtds_set_vcpus(DomId domain, std::span<const xen_domctl_schedparam_vcpu> vcpus);

    // --- Flask (ctrl/flask.cpp); ENOSYS when the hypervisor has no such module ---
    Result<bool> flask_enforcing();
    Status flask_enforce(bool on);
    Status flask_load(std::span<const std::uint8_t> policy);
    Result<std::string> flask_label(std::uint32_t sid);

    // Raw envelopes for operations that are used once; `op` must live in hypercall memory already
    // described by handles.
    long domctl(xen_domctl& op);
    long sysctl(xen_sysctl& op);
    long memory_op(unsigned command, void* argument, std::size_t bytes);

  private:
    Transport& transport_;
};

/// XENMEM_set_memory_map entry (20 bytes, no padding).
struct [[gnu::packed]] E820 {
    std::uint64_t address;
    std::uint64_t size;
    std::uint32_t type;
};
static_assert(sizeof(E820) == 20);

} // namespace hospes::xc
