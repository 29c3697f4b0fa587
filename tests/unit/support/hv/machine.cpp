// SPDX-License-Identifier: MIT
// Weak definitions: a test that links the real thing gets the real thing.
#include "machine.hpp"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

#include "core/debug/printk.hpp"
#include "core/deferred/softirq.hpp"
#include "core/hypercall/guest_ptr.hpp"
#include "core/hypercall/table.hpp"
#include "core/mm/heap.hpp"
#include "core/sched/sched.hpp"
#include "cpu/cpuid.hpp"
#include "mm/hv_pagetable.hpp"
#include "mm/m2p.hpp"
#include "mm/tlb.hpp"

#define HOST_WEAK [[gnu::weak]]

namespace hv {

PageInfo host_frame_table[host_ram_frames];
u8* const host_ram = [] {
    void* ram =
        mmap(nullptr, host_ram_frames << page_shift, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ram == MAP_FAILED) std::abort();
    return static_cast<u8*>(ram);
}();

CpuMask online_cpus;
HOST_WEAK Domain* dom0;
HOST_WEAK Domain* dom_io;
HOST_WEAK Domain* dom_xen;
HOST_WEAK CpuFeatures cpu_features{};
HOST_WEAK Mfn idle_l4{};

HOST_WEAK void assertion_failed(const char* expression, const char* file, int line) {
    std::fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expression);
    std::abort();
}
#ifdef HV_DEBUG
HOST_WEAK void lock_rank_acquire(LockRank) {}
HOST_WEAK void lock_rank_note(LockRank) {}
HOST_WEAK void lock_rank_release(LockRank) {}
#endif
HOST_WEAK void printk_args(LogLevel, bool, const char*, const FormatArg*, usize) {}
HOST_WEAK void panic_args(const char* fmt, const FormatArg*, usize) {
    std::fprintf(stderr, "panic: %s\n", fmt);
    std::abort();
}

HOST_WEAK u32 tlb_clock() {
    static Atomic<u32> clock{1};
    return clock.fetch_add(1);
}
HOST_WEAK void tlb_filter(CpuMask&, u32) {}
HOST_WEAK void tlb_flush_mask(const CpuMask&) { ++hvtest::machine.tlb_flushes; }
HOST_WEAK void tlb_flush_local_page(u64) { ++hvtest::machine.tlb_flushes; }
HOST_WEAK CpuMask domain_dirty_cpus(const Domain&) { return CpuMask::of(0); }

HOST_WEAK void m2p_set(Mfn, u64) {}
HOST_WEAK bool hypercall_preempt_check() {
    hvtest::Machine& m = hvtest::machine;
    return m.preempt_after != 0 && ++m.preempt_polls % m.preempt_after == 0;
}
HOST_WEAK bool copy_from_guest(void* to, u64 address, usize bytes) {
    return hvtest::machine.guest_read && hvtest::machine.guest_read(address, to, bytes);
}
HOST_WEAK bool copy_to_guest(u64 address, const void* from, usize bytes) {
    return hvtest::machine.guest_write && hvtest::machine.guest_write(address, from, bytes);
}

HOST_WEAK void domain_put(Domain& domain) {
    if (domain.refs.fetch_sub(1) == 1) ++hvtest::machine.domains_destroyed;
}
HOST_WEAK Result<DomainRef> DomainRef::find(Domid) { return Errno::srch; }

} // namespace hv

namespace hvtest {

using namespace hv;

Machine machine;

namespace {

const bool heap_filled = [] {
    heap_add(Mfn{host_ram_first}, Mfn{max_mfn});
    idle_l4 = mfn_of_virt(alloc_pages());
    u64* l4 = map_as<u64>(idle_l4);
    for (unsigned slot = 256; slot < 272; ++slot)
        l4[slot] = (u64{slot} << 20) | 1;
    cpu_features.nx = true;
    cpu_features.phys_bits = 48;
    online_cpus.set(0);
    static Vcpu* no_vcpus[1] = {};
    for (Domain** special : {&dom_io, &dom_xen}) {
        *special = ::new (alloc_pages(1)) Domain;
        (*special)->vcpus = no_vcpus;
    }
    return true;
}();

} // namespace

Domain& new_domain(u16 id, u32 max_pages) {
    static_assert(sizeof(Domain) <= 2 * page_size);
    Domain& domain = *::new (alloc_pages(1)) Domain;
    domain.id = Domid{id};
    domain.max_pages = max_pages;
    domain.max_vcpus = 1;
    domain.vcpus = static_cast<Vcpu**>(alloc_pages());
    Vcpu& vcpu = *::new (alloc_pages(1)) Vcpu();
    vcpu.domain = &domain;
    domain.vcpus[0] = &vcpu;
    cpu_info().current = &vcpu;
    return domain;
}

void end_domain(Domain& domain) {
    machine.preempt_after = 0;
    domain.dying.store(Domain::Dying::dying);
    while (!domain_relinquish_memory(domain))
        continue;
    static_assert(sizeof(Vcpu) <= 2 * page_size);
    domain.vcpus[0]->~Vcpu();
    free_pages(domain.vcpus[0], 1);
    free_pages(domain.vcpus);
    domain.~Domain();
    free_pages(&domain, 1);
    cpu_info().current = nullptr;
}

PageInfo& new_page(Domain& domain) { return *domain_alloc_pages(domain, 0).value(); }

} // namespace hvtest
