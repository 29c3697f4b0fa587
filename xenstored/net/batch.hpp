// SPDX-License-Identifier: MIT
// Many receives or sends for one entry into the kernel, through io_uring(7). In a PV dom0 each entry crosses the
// hypervisor twice, which costs more than what most requests ask for. Used for nothing that could wait: every operation
// is done when run() returns.
#pragma once

#include <cstddef>
#include <cstdint>

struct io_uring_sqe;
struct io_uring_cqe;

namespace hospes::xs {

class Batch {
  public:
    static constexpr unsigned limit = 64;

    Batch() = default;
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;
    ~Batch();

    /// False where the kernel has no io_uring for us; the plain calls do as well.
    bool open();
    [[nodiscard]] bool is_open() const { return ring_ >= 0; }
    [[nodiscard]] unsigned count() const { return count_; }

    void receive(int fd, void* to, std::size_t bytes);
    void send(int fd, const void* from, std::size_t bytes);
    /// Does all that was added, at most `limit`. False: this kernel does not, and nothing was done.
    bool run();
    /// What recv(2) or send(2) would have returned for the n-th, with MSG_DONTWAIT; -errno if it failed.
    [[nodiscard]] long result(unsigned n) const { return results_[n]; }

  private:
    void add(unsigned char op, unsigned flags, int fd, std::uint64_t address, std::size_t bytes);
    void collect();
    void close();

    int ring_ = -1;
    unsigned count_ = 0;
    void* rings_ = nullptr;
    std::size_t rings_size_ = 0;
    io_uring_sqe* entries_ = nullptr;
    std::size_t entries_size_ = 0;
    unsigned* sq_tail_ = nullptr;
    unsigned sq_mask_ = 0;
    unsigned* sq_array_ = nullptr;
    unsigned *cq_head_ = nullptr, *cq_tail_ = nullptr;
    unsigned cq_mask_ = 0;
    io_uring_cqe* done_ = nullptr;
    long results_[limit] = {};
};

} // namespace hospes::xs
