// SPDX-License-Identifier: MIT
// Linux's privcmd driver (drivers/xen/privcmd.c is its reference): hypercalls and foreign mappings.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "xc/transport.hpp"

#ifndef __user
#define __user // the kernel header that Debian ships keeps this annotation
#endif
#include <xen/sys/privcmd.h>

namespace hospes::xc {
namespace {

class Privcmd final : public Transport {
  public:
    Privcmd(int control, int buffers) : control_(control), buffers_(buffers) {}
    ~Privcmd() override {
        for (const Cached& c : cache_)
            ::munmap(c.memory, page_size);
        ::close(control_);
        if (buffers_ >= 0) ::close(buffers_);
    }

    long hypercall(unsigned op, const std::array<std::uint64_t, 5>& args) override {
        privcmd_hypercall call{op, {args[0], args[1], args[2], args[3], args[4]}};
        const int result = ::ioctl(control_, IOCTL_PRIVCMD_HYPERCALL, &call);
        return result < 0 ? -errno : result;
    }

    void* alloc(std::size_t bytes) override {
        const std::size_t size = pages_for(bytes) * page_size;
        void* memory = nullptr;
        if (size == page_size && !cache_.empty()) { // most calls need one page: keep a few mapped
            memory = cache_.back().memory;
            cache_.pop_back();
            std::memset(memory, 0, size);
            return memory;
        }
        if (buffers_ >= 0) {
            // Pages of /dev/xen/hypercall cannot be migrated or write-protected behind the
            // hypervisor's back.
            memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, buffers_, 0);
        } else {
            memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
            if (memory != MAP_FAILED) ::madvise(memory, size, MADV_DONTFORK);
        }
        if (memory == MAP_FAILED) return nullptr;
        std::memset(memory, 0, size); // touches every page, so that none faults in the hypervisor
        return memory;
    }

    void release(void* memory, std::size_t bytes) override {
        const std::size_t size = pages_for(bytes) * page_size;
        if (size == page_size && cache_.size() < 4)
            cache_.push_back({memory});
        else
            ::munmap(memory, size);
    }

    void* map_foreign(DomId domain, int protection, std::span<const xen_pfn_t> frames, std::span<int> errors) override {
        void* memory = reserve(frames.size(), protection);
        if (!memory) return nullptr;
        std::vector<int> own_errors;
        if (errors.empty()) {
            own_errors.resize(frames.size());
            errors = own_errors;
        }
        privcmd_mmapbatch_v2 batch{static_cast<unsigned>(frames.size()), domain,
                                   reinterpret_cast<std::uint64_t>(memory), frames.data(), errors.data()};
        int failure = ::ioctl(control_, IOCTL_PRIVCMD_MMAPBATCH_V2, &batch) < 0 && errno != ENOENT ? errno : 0;
        if (!own_errors.empty())
            for (const int error : own_errors)
                if (error && !failure) failure = -error;
        return failure ? abandon(memory, frames.size(), failure) : memory;
    }

    void* map_resource(DomId domain, unsigned type, unsigned id, std::uint64_t first, std::size_t frames,
                       int protection) override {
        void* memory = reserve(frames, protection);
        if (!memory) return nullptr;
        privcmd_mmap_resource request{
            domain, type, id, static_cast<std::uint32_t>(first), frames, reinterpret_cast<std::uint64_t>(memory)};
        return ::ioctl(control_, IOCTL_PRIVCMD_MMAP_RESOURCE, &request) < 0 ? abandon(memory, frames, errno) : memory;
    }

    void unmap(void* memory, std::size_t bytes) override { ::munmap(memory, bytes); }
    [[nodiscard]] bool serves_children() const override { return true; }

  private:
    struct Cached {
        void* memory;
    };
    void* reserve(std::size_t frames, int protection) const {
        void* memory = ::mmap(nullptr, frames * page_size, protection, MAP_SHARED, control_, 0);
        return memory == MAP_FAILED ? nullptr : memory;
    }
    static void* abandon(void* memory, std::size_t frames, int failure) {
        ::munmap(memory, frames * page_size);
        errno = failure;
        return nullptr;
    }

    int control_;
    int buffers_;
    std::vector<Cached> cache_;
};

} // namespace

Result<std::unique_ptr<Transport>> open_privcmd() {
    const int control = ::open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
    if (control < 0)
        return error("open /dev/xen/privcmd", errno, {},
                     errno == ENOENT ? "is this domain 0 of a Xen-compatible host, with module xen-privcmd loaded?"
                                     : "control commands need root");
    return std::unique_ptr<Transport>(
        std::make_unique<Privcmd>(control, ::open("/dev/xen/hypercall", O_RDWR | O_CLOEXEC)));
}

Result<Mapping> map_frames(Transport& transport, DomId domain, std::span<const xen_pfn_t> frames, bool writable) {
    void* memory = transport.map_foreign(domain, writable ? PROT_READ | PROT_WRITE : PROT_READ, frames, {});
    if (!memory) return error("map memory of domain " + std::to_string(domain), errno);
    return Mapping(transport, memory, frames.size());
}

Result<Mapping> map_grant_table(Transport& transport, DomId domain, std::size_t frames) {
    void* memory = transport.map_resource(domain, XENMEM_resource_grant_table, XENMEM_resource_grant_table_id_shared, 0,
                                          frames, PROT_READ | PROT_WRITE);
    if (!memory) return error("map the grant table of domain " + std::to_string(domain), errno);
    return Mapping(transport, memory, frames);
}

} // namespace hospes::xc
