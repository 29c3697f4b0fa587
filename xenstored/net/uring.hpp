// SPDX-License-Identifier: MIT
// io_uring(7), as far as the daemon needs it: what is to be sent and what is to be waited for goes to the kernel in one
// entry. In a PV dom0 each entry crosses the hypervisor twice, which costs more than what most requests ask for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

struct io_uring_sqe;
struct io_uring_cqe;

namespace hospes::xs {

class Uring {
  public:
    static constexpr unsigned limit = 128; ///< operations for one entry; with more there are more entries

    Uring() = default;
    Uring(const Uring&) = delete;
    Uring& operator=(const Uring&) = delete;
    ~Uring() { close(); }

    /// False where the kernel has none for us.
    bool open();
    void close();
    [[nodiscard]] bool is_open() const { return ring_ >= 0; }
    /// Readable when take() would find something.
    [[nodiscard]] int fd() const { return ring_; }

    // Each adds an operation that begins with the next enter(). `tag` comes back with its result; 0: nobody asks.
    // False: the kernel takes no more at present.
    bool receive(int fd, void* to, std::size_t bytes, std::uint64_t tag);      ///< waits
    bool send(int fd, const void* from, std::size_t bytes, std::uint64_t tag); ///< does not: done within enter()
    bool poll(int fd, std::uint32_t events, std::uint64_t tag);                ///< once
    bool cancel(std::uint64_t tag);
    /// A receive came back with EINVAL: this kernel (before 5.19) wants it plain. False: it was plain.
    bool receive_plainly() { return std::exchange(poll_first_, false); }

    /// Begins what was added and waits for `results`. An errno value; EINTR and fewer results after a signal.
    int enter(unsigned results);
    [[nodiscard]] unsigned added() const { return added_; }
    /// Operations whose results have not been taken.
    [[nodiscard]] unsigned outstanding() const { return outstanding_; }

    /// Calls done(tag, result) for each result: what the plain call would have returned, -errno if it failed.
    template <class Done> void take(Done&& done) {
        std::uint64_t tag = 0;
        for (long result = 0; next(tag, result);)
            if (tag != 0) done(tag, result);
    }

  private:
    io_uring_sqe* add(unsigned char op, int fd, std::uint64_t tag);
    bool next(std::uint64_t& tag, long& result);

    int ring_ = -1;
    bool poll_first_ = true;
    unsigned added_ = 0;
    unsigned outstanding_ = 0;
    void* rings_ = nullptr;
    std::size_t rings_size_ = 0;
    io_uring_sqe* entries_ = nullptr;
    std::size_t entries_size_ = 0;
    unsigned* sq_tail_ = nullptr;
    unsigned* sq_array_ = nullptr;
    unsigned *cq_head_ = nullptr, *cq_tail_ = nullptr;
    unsigned sq_mask_ = 0, cq_mask_ = 0;
    io_uring_cqe* results_ = nullptr;
};

} // namespace hospes::xs
