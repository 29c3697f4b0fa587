// SPDX-License-Identifier: MIT
#include "net/batch.hpp"

#include <cerrno>
#include <cstring>

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace hospes::xs {

Batch::~Batch() { close(); }

void Batch::close() {
    if (entries_) ::munmap(entries_, entries_size_);
    if (rings_) ::munmap(rings_, rings_size_);
    if (ring_ >= 0) ::close(ring_);
    entries_ = nullptr;
    rings_ = nullptr;
    ring_ = -1;
    count_ = 0;
}

bool Batch::open() {
    io_uring_params p{};
    ring_ = static_cast<int>(::syscall(SYS_io_uring_setup, limit, &p));
    if (ring_ < 0) return false;
    const auto map = [this](std::size_t bytes, std::uint64_t offset) {
        void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring_,
                          static_cast<off_t>(offset));
        return at == MAP_FAILED ? nullptr : at;
    };
    if ((p.features & IORING_FEAT_SINGLE_MMAP) == 0 || p.sq_entries < limit) {
        close();
        return false;
    }
    const std::size_t sq = p.sq_off.array + p.sq_entries * sizeof(unsigned),
                      cq = p.cq_off.cqes + p.cq_entries * sizeof(io_uring_cqe);
    rings_size_ = sq > cq ? sq : cq;
    rings_ = map(rings_size_, IORING_OFF_SQ_RING);
    entries_size_ = p.sq_entries * sizeof(io_uring_sqe);
    entries_ = static_cast<io_uring_sqe*>(map(entries_size_, IORING_OFF_SQES));
    if (!rings_ || !entries_) {
        close();
        return false;
    }
    char* const base = static_cast<char*>(rings_);
    const auto word = [base](unsigned at) { return reinterpret_cast<unsigned*>(base + at); };
    sq_tail_ = word(p.sq_off.tail);
    sq_mask_ = *word(p.sq_off.ring_mask);
    sq_array_ = word(p.sq_off.array);
    cq_head_ = word(p.cq_off.head);
    cq_tail_ = word(p.cq_off.tail);
    cq_mask_ = *word(p.cq_off.ring_mask);
    done_ = reinterpret_cast<io_uring_cqe*>(base + p.cq_off.cqes);
    return true;
}

void Batch::add(unsigned char op, unsigned flags, int fd, std::uint64_t address, std::size_t bytes) {
    const unsigned slot = (*sq_tail_ + count_) & sq_mask_;
    io_uring_sqe& e = entries_[slot];
    std::memset(&e, 0, sizeof e);
    e.opcode = op;
    e.fd = fd;
    e.addr = address;
    e.len = static_cast<std::uint32_t>(bytes);
    e.msg_flags = flags;
    e.user_data = count_;
    sq_array_[slot] = slot;
    results_[count_++] = -EAGAIN;
}

void Batch::receive(int fd, void* to, std::size_t bytes) {
    add(IORING_OP_RECV, MSG_DONTWAIT, fd, reinterpret_cast<std::uint64_t>(to), bytes);
}

void Batch::send(int fd, const void* from, std::size_t bytes) {
    add(IORING_OP_SEND, MSG_DONTWAIT | MSG_NOSIGNAL, fd, reinterpret_cast<std::uint64_t>(from), bytes);
}

void Batch::collect() {
    unsigned head = *cq_head_;
    for (const unsigned tail = __atomic_load_n(cq_tail_, __ATOMIC_ACQUIRE); head != tail; ++head) {
        const io_uring_cqe& c = done_[head & cq_mask_];
        if (c.user_data < limit) results_[c.user_data] = c.res;
    }
    __atomic_store_n(cq_head_, head, __ATOMIC_RELEASE);
}

bool Batch::run() {
    const unsigned all = count_;
    count_ = 0;
    __atomic_store_n(sq_tail_, *sq_tail_ + all, __ATOMIC_RELEASE);
    for (unsigned submitted = 0, finished = 0; finished < all;) {
        const unsigned before = *cq_head_;
        const long n =
            ::syscall(SYS_io_uring_enter, ring_, all - submitted, all - finished, IORING_ENTER_GETEVENTS, nullptr, 0);
        if (n < 0 && errno != EINTR) {
            const bool nothing = submitted == 0;
            close();
            if (nothing) return false;
            break; // what was not done looks as if it had to wait
        }
        if (n > 0) submitted += static_cast<unsigned>(n);
        collect();
        finished += *cq_head_ - before;
    }
    return true;
}

} // namespace hospes::xs
