// SPDX-License-Identifier: MIT
#include "fake_transport.hpp"

#include <cerrno>
#include <cstdlib>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xen/hvm/hvm_op.h>

namespace hospes::xc {
namespace {

template <typename T> T& at(std::uint64_t pointer) { return *reinterpret_cast<T*>(pointer); }

off_t offset_of(xen_pfn_t frame) { return static_cast<off_t>(frame << page_shift); }

} // namespace

xen_pfn_t FakeDomain::machine_frame(xen_pfn_t frame) const {
    auto after = memory.upper_bound(frame);
    if (after == memory.begin()) return ~xen_pfn_t{0};
    const auto& [first, extent] = *std::prev(after);
    return frame - first < extent.pages ? extent.machine + (frame - first) : ~xen_pfn_t{0};
}

FakeTransport::FakeTransport() : memory_(::memfd_create("fake guest memory", MFD_CLOEXEC)) {
    if (memory_ < 0 || ::ftruncate(memory_, off_t{1} << 44) < 0) std::abort();
    for (unsigned policy = 0; policy <= XEN_SYSCTL_cpu_policy_hvm_default; ++policy)
        policies[policy] = {{{0, XEN_CPUID_NO_SUBLEAF, 7, 0x68747541, 0x444d4163, 0x69746e65},
                             {1, XEN_CPUID_NO_SUBLEAF, 0x00800f12, 0, 0x80202001, 0x178bfbff},
                             {0x80000000, XEN_CPUID_NO_SUBLEAF, 0x80000008, 0, 0, 0}},
                            {{0xce, 0, 0}}};
}

FakeTransport::~FakeTransport() { ::close(memory_); }

/// Records a step; the errno it shall fail with, or 0.
int FakeTransport::step(Step what) {
    steps_.push_back(what);
    if (steps_.size() == fail_at_) return fail_code_;
    if (what.kind != Step::call) return 0;
    const auto rule = failing_.find({what.op, what.sub});
    return rule == failing_.end() ? 0 : rule->second;
}

std::size_t FakeTransport::count(unsigned op, std::uint64_t sub) const {
    std::size_t n = 0;
    for (const Step& s : steps_)
        n += s.kind == Step::call && s.op == op && s.sub == sub;
    return n;
}

FakeDomain* FakeTransport::find(DomId domain) {
    const auto found = domains_.find(domain);
    return found == domains_.end() ? nullptr : &found->second;
}

std::uint64_t FakeTransport::free_pages() const {
    std::uint64_t used = 0;
    for (const auto& [id, domain] : domains_)
        used += domain.pages + 2; // shared info and grant table
    return total_pages - std::min(used, total_pages);
}

xen_pfn_t FakeTransport::take_frames(std::uint64_t pages) {
    // Aligned like the buddy allocator's, and never two extents side by side by accident.
    next_frame_ = (next_frame_ + pages) / pages * pages + pages;
    return next_frame_;
}

void FakeTransport::clear_frames(xen_pfn_t frame, std::uint64_t pages) const {
    ::fallocate(memory_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset_of(frame), offset_of(pages));
}

void FakeTransport::fill_frames(xen_pfn_t frame, std::uint64_t pages, std::uint8_t value) const {
    const std::vector<std::uint8_t> page(page_size, value);
    for (std::uint64_t i = 0; i < pages; ++i)
        if (::pwrite(memory_, page.data(), page.size(), offset_of(frame + i)) != static_cast<ssize_t>(page.size()))
            std::abort();
}

bool FakeTransport::owns(const FakeDomain& domain, xen_pfn_t machine) const {
    if (machine == domain.shared_info) return true;
    for (const auto& [first, extent] : domain.memory)
        if (machine >= extent.machine && machine - extent.machine < extent.pages) return true;
    return false;
}

std::vector<std::uint8_t> FakeTransport::read_machine(xen_pfn_t frame) const {
    std::vector<std::uint8_t> page(page_size);
    if (::pread(memory_, page.data(), page.size(), offset_of(frame)) != static_cast<ssize_t>(page.size())) std::abort();
    return page;
}

std::vector<std::uint8_t> FakeTransport::read(DomId id, std::uint64_t address, std::size_t bytes) const {
    std::vector<std::uint8_t> out;
    const auto domain = domains_.find(id);
    while (domain != domains_.end() && bytes) {
        const xen_pfn_t frame = domain->second.machine_frame(address >> page_shift);
        if (frame == ~xen_pfn_t{0}) break;
        const auto page = read_machine(frame);
        const std::size_t offset = address % page_size, part = std::min(bytes, page_size - offset);
        out.insert(out.end(), page.begin() + static_cast<std::ptrdiff_t>(offset),
                   page.begin() + static_cast<std::ptrdiff_t>(offset + part));
        address += part;
        bytes -= part;
    }
    return out;
}

void* FakeTransport::alloc(std::size_t bytes) {
    if (const int code = step({Step::alloc})) {
        errno = code;
        return nullptr;
    }
    ++held_;
    return std::calloc(1, bytes); // exactly this size, so that the sanitizer sees one byte too many
}

void FakeTransport::release(void* memory, std::size_t) {
    --held_;
    std::free(memory);
}

void* FakeTransport::map_foreign(DomId id, int protection, std::span<const xen_pfn_t> frames, std::span<int> errors) {
    int failure = step({Step::map, 0, 0, id});
    const FakeDomain* const domain = find(id);
    if (!failure && !domain) failure = ESRCH;
    if (!failure && frames.empty()) failure = EINVAL;
    std::vector<xen_pfn_t> machine(frames.size(), ~xen_pfn_t{0});
    for (std::size_t i = 0; i < frames.size() && !failure; ++i) {
        const bool translated = domain->config.flags & XEN_DOMCTL_CDF_hvm;
        machine[i] = translated ? domain->machine_frame(frames[i]) : frames[i];
        const bool there = machine[i] != ~xen_pfn_t{0} && (translated || owns(*domain, machine[i]));
        if (!errors.empty()) errors[i] = there ? 0 : -EINVAL;
        if (!there && errors.empty()) failure = EINVAL;
    }
    if (failure) {
        errno = failure;
        return nullptr;
    }
    const std::size_t bytes = frames.size() * page_size;
    auto* const memory =
        static_cast<std::uint8_t*>(::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (std::size_t i = 0; i < machine.size();) {
        std::size_t run = 1;
        while (i + run < machine.size() && machine[i + run] == machine[i] + run)
            ++run;
        const bool there = errors.empty() || errors[i] == 0;
        if (!there) run = 1; // stays inaccessible
        if (there)
            ::mmap(memory + i * page_size, run * page_size, protection, MAP_SHARED | MAP_FIXED, memory_,
                   offset_of(machine[i]));
        i += run;
    }
    ++held_;
    return memory;
}

void* FakeTransport::map_resource(DomId id, unsigned type, unsigned, std::uint64_t first, std::size_t frames,
                                  int protection) {
    int failure = step({Step::resource, 0, type, id});
    const FakeDomain* const domain = find(id);
    if (!failure && !domain) failure = ESRCH;
    if (!failure && (type != XENMEM_resource_grant_table || first || frames != 1)) failure = EOPNOTSUPP;
    void* const memory =
        failure ? nullptr : ::mmap(nullptr, page_size, protection, MAP_SHARED, memory_, offset_of(domain->grant_table));
    if (!memory)
        errno = failure;
    else
        ++held_;
    return memory;
}

void FakeTransport::unmap(void* memory, std::size_t bytes) {
    --held_;
    ::munmap(memory, bytes);
}

long FakeTransport::hypercall(unsigned op, const std::array<std::uint64_t, 5>& args) {
    if (op == __HYPERVISOR_multicall) {
        auto* const calls = &at<multicall_entry_t>(args[0]);
        for (std::uint64_t i = 0; i < args[1]; ++i)
            calls[i].result = static_cast<xen_ulong_t>(
                hypercall(static_cast<unsigned>(calls[i].op),
                          {calls[i].args[0], calls[i].args[1], calls[i].args[2], calls[i].args[3], calls[i].args[4]}));
        return 0;
    }
    Step what{Step::call, op, args[0]};
    if (op == __HYPERVISOR_domctl) {
        const auto& domctl = at<xen_domctl>(args[0]);
        what.sub = domctl.cmd;
        what.domain = domctl.domain;
    } else if (op == __HYPERVISOR_sysctl) {
        what.sub = at<xen_sysctl>(args[0]).cmd;
    } else if (op == __HYPERVISOR_mmuext_op) {
        what.sub = at<mmuext_op_t>(args[0]).cmd;
        what.domain = static_cast<DomId>(args[3]);
    }
    if (const int code = step(what)) return -code;
    if (const auto own = handlers_.find({op, what.sub}); own != handlers_.end()) return own->second(args);
    return dispatch(op, what.sub, args);
}

long FakeTransport::dispatch(unsigned op, std::uint64_t sub, const std::array<std::uint64_t, 5>& args) {
    switch (op) {
    case __HYPERVISOR_domctl: return domctl(at<xen_domctl>(args[0]));
    case __HYPERVISOR_sysctl: return sysctl(at<xen_sysctl>(args[0]));
    case __HYPERVISOR_memory_op: return memory_op(sub, reinterpret_cast<void*>(args[1]));
    case __HYPERVISOR_mmuext_op: return mmuext(args);
    case __HYPERVISOR_hvm_op: return hvm_op(sub, at<xen_hvm_param>(args[1]));
    case __HYPERVISOR_event_channel_op: return event_channel(sub, reinterpret_cast<void*>(args[1]));
    case __HYPERVISOR_xen_version: return sub == XENVER_version ? 4 << 16 | 17 : -ENOSYS;
    case __HYPERVISOR_sched_op: {
        if (sub != SCHEDOP_remote_shutdown) return -ENOSYS;
        const auto& request = at<sched_remote_shutdown_t>(args[1]);
        FakeDomain* const domain = find(request.domain_id);
        if (!domain) return -ESRCH;
        domain->shut_down = true;
        domain->shutdown_reason = request.reason;
        return 0;
    }
    default: return -ENOSYS;
    }
}

} // namespace hospes::xc
