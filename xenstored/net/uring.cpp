// SPDX-License-Identifier: MIT
#include "net/uring.hpp"

#include <cerrno>
#include <cstring>

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace hospes::xs {

static constexpr unsigned room_for_results = 1024; // what does not fit the kernel keeps apart

void Uring::close() {
    if (entries_) ::munmap(entries_, entries_size_);
    if (rings_) ::munmap(rings_, rings_size_);
    if (ring_ >= 0) ::close(ring_);
    entries_ = nullptr;
    rings_ = nullptr;
    ring_ = -1;
    added_ = outstanding_ = 0;
}

bool Uring::open() {
    io_uring_params p{};
    p.flags = IORING_SETUP_CQSIZE;
    p.cq_entries = room_for_results;
    ring_ = static_cast<int>(::syscall(SYS_io_uring_setup, limit, &p));
    if (ring_ < 0) return false;
    const auto map = [this](std::size_t bytes, std::uint64_t offset) {
        void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring_,
                          static_cast<off_t>(offset));
        return at == MAP_FAILED ? nullptr : at;
    };
    // Without the second a receive that waits takes a thread of the kernel's; without the third results can get lost.
    constexpr unsigned needed = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_FAST_POLL | IORING_FEAT_NODROP;
    if ((p.features & needed) != needed || p.sq_entries < limit) {
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
    results_ = reinterpret_cast<io_uring_cqe*>(base + p.cq_off.cqes);
    return true;
}

io_uring_sqe* Uring::add(unsigned char op, int fd, std::uint64_t tag) {
    if (added_ == limit) enter(0);
    if (added_ == limit) return nullptr;
    const unsigned slot = *sq_tail_ & sq_mask_;
    io_uring_sqe& e = entries_[slot];
    std::memset(&e, 0, sizeof e);
    e.opcode = op;
    e.fd = fd;
    e.user_data = tag;
    sq_array_[slot] = slot;
    __atomic_store_n(sq_tail_, *sq_tail_ + 1, __ATOMIC_RELEASE); // not looked at before enter()
    ++added_;
    ++outstanding_;
    return &e;
}

bool Uring::receive(int fd, void* to, std::size_t bytes, std::uint64_t tag) {
    io_uring_sqe* const e = add(IORING_OP_RECV, fd, tag);
    if (!e) return false;
    e->addr = reinterpret_cast<std::uint64_t>(to);
    e->len = static_cast<std::uint32_t>(bytes);
    if (poll_first_) e->ioprio = IORING_RECVSEND_POLL_FIRST; // most often there is nothing yet
    return true;
}

bool Uring::send(int fd, const void* from, std::size_t bytes, std::uint64_t tag) {
    io_uring_sqe* const e = add(IORING_OP_SEND, fd, tag);
    if (!e) return false;
    e->addr = reinterpret_cast<std::uint64_t>(from);
    e->len = static_cast<std::uint32_t>(bytes);
    e->msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    return true;
}

bool Uring::poll(int fd, std::uint32_t events, std::uint64_t tag) {
    io_uring_sqe* const e = add(IORING_OP_POLL_ADD, fd, tag);
    if (e) e->poll32_events = events;
    return e != nullptr;
}

bool Uring::cancel(std::uint64_t tag) {
    io_uring_sqe* const e = add(IORING_OP_ASYNC_CANCEL, -1, 0);
    if (e) e->addr = tag;
    return e != nullptr;
}

int Uring::enter(unsigned results) {
    for (;;) {
        const long n = ::syscall(SYS_io_uring_enter, ring_, added_, results, IORING_ENTER_GETEVENTS, nullptr, 0);
        if (n < 0) return errno;
        added_ -= static_cast<unsigned>(n);
        if (added_ == 0 || n == 0) return 0;
    }
}

bool Uring::next(std::uint64_t& tag, long& result) {
    const unsigned head = *cq_head_;
    if (head == __atomic_load_n(cq_tail_, __ATOMIC_ACQUIRE)) return false;
    const io_uring_cqe& c = results_[head & cq_mask_];
    tag = c.user_data;
    result = c.res;
    __atomic_store_n(cq_head_, head + 1, __ATOMIC_RELEASE);
    --outstanding_;
    return true;
}

} // namespace hospes::xs
