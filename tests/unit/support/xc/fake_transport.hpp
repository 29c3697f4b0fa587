// SPDX-License-Identifier: MIT
// A Transport without a hypervisor, for unit tests of everything above it: a small model of the
// machine and of its domains answers, guest memory is real memory that several mappings share, any
// step can be made to fail, and what was left behind can be asked for.
#pragma once

#include <functional>
#include <map>

#include "xc/control.hpp"

namespace hospes::xc {

struct FakeDomain {
    struct Extent {
        xen_pfn_t machine = 0;
        std::uint64_t pages = 0;
        unsigned flags = 0; ///< XENMEMF_* it was asked for with
    };
    xen_domctl_createdomain config{};
    std::uint8_t handle[16]{};
    unsigned vcpus = 0, pauses = 1, shutdown_reason = 0;
    bool shut_down = false, dying = false;
    std::uint64_t max_kib = 0, claim = 0, pages = 0, pod_target = 0, paging_pool = 0;
    xen_pfn_t shared_info = 0, grant_table = 0;
    std::map<xen_pfn_t, Extent> memory; ///< by first guest frame
    std::map<unsigned, vcpu_guest_context_t> contexts;
    std::map<unsigned, std::uint64_t> params;
    std::map<std::uint32_t, DomId> ports; ///< unbound, for the domain named
    std::map<unsigned, std::pair<BitWords, BitWords>> affinity;
    std::vector<E820> memory_map;
    std::vector<std::uint8_t> hvm_context;
    std::vector<xen_cpuid_leaf_t> leaves;
    std::vector<xen_msr_entry_t> msrs;
    std::vector<std::pair<unsigned, xen_pfn_t>> pinned; ///< MMUEXT_PIN_*, frame
    std::vector<unsigned> triggers;
    xen_domctl_tsc_info tsc{};
    xen_domctl_sched_credit2 credit2{256, 0};

    /// The machine frame behind a guest frame, or ~0.
    [[nodiscard]] xen_pfn_t machine_frame(xen_pfn_t frame) const;
};

class FakeTransport final : public Transport {
  public:
    /// One step that could have failed. `sub` is the operation's own number: the cmd of a domctl or
    /// sysctl, the command of a memory operation, of an event channel, HVM, scheduler or version call, of the
    /// first mmuext.
    struct Step {
        enum Kind { call, alloc, map, resource } kind;
        unsigned op = 0;
        std::uint64_t sub = 0;
        DomId domain = 0;
    };
    using Handler = std::function<long(const std::array<std::uint64_t, 5>& args)>;

    FakeTransport();
    ~FakeTransport() override;

    // --- what the test sets up ---
    std::uint64_t total_pages = 1U << 20; ///< of the machine
    unsigned cpus = 4;
    std::uint32_t capabilities = XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_hvm | XEN_SYSCTL_PHYSCAP_hap;
    unsigned largest_order = 18; ///< of extents: a fragmented host has less
    bool stale = false;          ///< memory holds what its last owner left in it
    std::map<unsigned, std::pair<std::vector<xen_cpuid_leaf_t>, std::vector<xen_msr_entry_t>>>
        policies; ///< by XEN_SYSCTL_cpu_policy_*
    /// The n-th step from now (1: the next one) fails, once, with errno `code`.
    void fail_step(std::size_t n, int code) {
        fail_at_ = steps_.size() + n;
        fail_code_ = code;
    }
    /// Whether the step chosen by fail_step() was reached.
    [[nodiscard]] bool failed() const { return fail_at_ != 0 && steps_.size() >= fail_at_; }
    /// Every hypercall of this kind fails from now on; code 0 takes that back.
    void fail_always(unsigned op, std::uint64_t sub, int code) { failing_[{op, sub}] = code; }
    /// Answers these hypercalls instead of the model. A memory operation's args are {command, pointer}.
    void on(unsigned op, std::uint64_t sub, Handler handler) { handlers_[{op, sub}] = std::move(handler); }

    // --- what the test looks at ---
    [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }
    [[nodiscard]] std::size_t count(unsigned op, std::uint64_t sub) const;
    [[nodiscard]] std::map<DomId, FakeDomain>& domains() { return domains_; }
    [[nodiscard]] std::uint64_t free_pages() const;
    /// Buffers and mappings that nobody gave back.
    [[nodiscard]] std::size_t held() const { return held_; }
    /// The domain's memory at a guest address, across frames; shorter where there is none.
    [[nodiscard]] std::vector<std::uint8_t> read(DomId domain, std::uint64_t address, std::size_t bytes) const;
    [[nodiscard]] std::vector<std::uint8_t> read_machine(xen_pfn_t frame) const;

    // --- Transport ---
    long hypercall(unsigned op, const std::array<std::uint64_t, 5>& args) override;
    void* alloc(std::size_t bytes) override;
    void release(void* memory, std::size_t bytes) override;
    void* map_foreign(DomId domain, int protection, std::span<const xen_pfn_t> frames, std::span<int> errors) override;
    void* map_resource(DomId domain, unsigned type, unsigned id, std::uint64_t first, std::size_t frames,
                       int protection) override;
    void unmap(void* memory, std::size_t bytes) override;

  private:
    using Key = std::pair<unsigned, std::uint64_t>;
    int step(Step what);
    FakeDomain* find(DomId domain);
    xen_pfn_t take_frames(std::uint64_t pages);
    void clear_frames(xen_pfn_t frame, std::uint64_t pages) const;
    void fill_frames(xen_pfn_t frame, std::uint64_t pages, std::uint8_t value) const;
    bool owns(const FakeDomain& domain, xen_pfn_t machine) const;
    long dispatch(unsigned op, std::uint64_t sub, const std::array<std::uint64_t, 5>& args);
    // fake_domctl.cpp
    long domctl(xen_domctl& op);
    long domctl_state(FakeDomain& domain, xen_domctl& op);
    long domctl_context(FakeDomain& domain, xen_domctl& op);
    long create(xen_domctl& op);
    void destroy(DomId domain);
    void describe(DomId id, const FakeDomain& domain, DomainInfo& out) const;
    // fake_calls.cpp
    long sysctl(xen_sysctl& op);
    long memory_op(std::uint64_t command, void* argument);
    long populate(xen_memory_reservation_t& request);
    long mmuext(const std::array<std::uint64_t, 5>& args);
    long hvm_op(std::uint64_t command, xen_hvm_param& param);
    long event_channel(std::uint64_t command, void* argument);

    int memory_ = -1; ///< the machine's memory: a sparse file, frame n at n * 4096
    xen_pfn_t next_frame_ = 0x1000;
    DomId next_domain_ = 1;
    std::map<DomId, FakeDomain> domains_;
    std::vector<Step> steps_;
    std::map<Key, int> failing_;
    std::map<Key, Handler> handlers_;
    std::size_t fail_at_ = 0, held_ = 0;
    int fail_code_ = 0;
};

} // namespace hospes::xc
