// SPDX-License-Identifier: MIT
// The one way down to the hypervisor. Implemented by Privcmd (the kernel driver) and by the
// scripted fake of the tests.
#pragma once

#include <array>
#include <memory>
#include <span>

#include "xc/abi.hpp"
#include "xc/result.hpp"

namespace hospes::xc {

class Transport {
  public:
    Transport() = default;
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;
    virtual ~Transport() = default;

    /// The hypercall's own value when not negative, else -errno (never an Error: callers know the
    /// stage).
    virtual long hypercall(unsigned op, const std::array<std::uint64_t, 5>& args) = 0;
    /// Page-aligned memory that the hypervisor can copy from and to without faulting; nullptr when
    /// there is none.
    virtual void* alloc(std::size_t bytes) = 0;
    virtual void release(void* memory, std::size_t bytes) = 0;
    /// Maps frames of `domain`. `errors` (one per frame, 0 or -errno) may be empty: then every
    /// frame must succeed.
    virtual void* map_foreign(DomId domain, int protection, std::span<const xen_pfn_t> frames,
                              std::span<int> errors) = 0;
    /// XENMEM_acquire_resource through the kernel: type XENMEM_resource_*; nullptr with errno set.
    virtual void* map_resource(DomId domain, unsigned type, unsigned id, std::uint64_t first, std::size_t frames,
                               int protection) = 0;
    virtual void unmap(void* memory, std::size_t bytes) = 0;
    /// Whether a child process can open one of its own (open_privcmd) and see the same hypervisor through it.
    [[nodiscard]] virtual bool serves_children() const { return false; }
    /// Large mappings of guests' memory may stay until the process ends, which is soon. A PV dom0 pays a trap to the
    /// hypervisor for every page that a living process unmaps, and next to nothing when its page tables go as a whole.
    bool mappings_linger = false;
};

/// Opens /dev/xen/privcmd (and /dev/xen/hypercall for locked buffers).
Result<std::unique_ptr<Transport>> open_privcmd();

/// Memory for hypercall arguments, zeroed. T must be what the ABI lays out.
template <typename T> class Buffer {
  public:
    Buffer(Transport& transport, std::size_t count = 1)
        : transport_(&transport), count_(count), data_(static_cast<T*>(transport.alloc(bytes()))) {}
    Buffer(Buffer&& other) noexcept
        : transport_(other.transport_), count_(other.count_), data_(std::exchange(other.data_, nullptr)) {}
    Buffer& operator=(Buffer&&) = delete;
    ~Buffer() {
        if (data_) transport_->release(data_, bytes());
    }
    explicit operator bool() const { return data_ != nullptr; }
    T& operator*() const { return *data_; }
    T* operator->() const { return data_; }
    T& operator[](std::size_t i) const { return data_[i]; }
    [[nodiscard]] T* data() const { return data_; }
    [[nodiscard]] std::size_t size() const { return count_; }
    [[nodiscard]] std::span<T> span() const { return {data_, count_}; }

  private:
    [[nodiscard]] std::size_t bytes() const { return count_ ? count_ * sizeof(T) : sizeof(T); }
    Transport* transport_;
    std::size_t count_;
    T* data_;
};

/// Frames of a domain (or a resource) in our address space.
class Mapping {
  public:
    Mapping() = default;
    Mapping(Transport& transport, void* memory, std::size_t frames)
        : transport_(&transport), memory_(memory), frames_(frames) {}
    Mapping(Mapping&& other) noexcept
        : transport_(other.transport_), memory_(std::exchange(other.memory_, nullptr)), frames_(other.frames_) {}
    Mapping& operator=(Mapping&& other) noexcept {
        std::swap(transport_, other.transport_);
        std::swap(memory_, other.memory_);
        std::swap(frames_, other.frames_);
        return *this;
    }
    ~Mapping() {
        if (memory_) transport_->unmap(memory_, frames_ * page_size);
    }
    /// Leaves it to the end of the process.
    void abandon() { memory_ = nullptr; }
    explicit operator bool() const { return memory_ != nullptr; }
    [[nodiscard]] std::span<std::uint8_t> bytes() const {
        return {static_cast<std::uint8_t*>(memory_), frames_ * page_size};
    }
    template <typename T> T* as(std::size_t frame = 0) const {
        return reinterpret_cast<T*>(static_cast<std::uint8_t*>(memory_) + frame * page_size);
    }

  private:
    Transport* transport_ = nullptr;
    void* memory_ = nullptr;
    std::size_t frames_ = 0;
};

Result<Mapping> map_frames(Transport& transport, DomId domain, std::span<const xen_pfn_t> frames, bool writable);
Result<Mapping> map_grant_table(Transport& transport, DomId domain, std::size_t frames);

} // namespace hospes::xc
