// SPDX-License-Identifier: MIT
// Bytes on their way to a client. Replies are built in place: no message object, no copy.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

#include "proto/message.hpp"

namespace hospes::xs {

class Output {
  public:
    Output() = default;
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;
    ~Output() { std::free(data_); }

    bool empty() const { return begin_ == end_; }
    std::size_t size() const { return end_ - begin_; }
    std::string_view bytes() const { return {data_ + begin_, end_ - begin_}; }
    /// Positions in the endless stream: what was queued, and what has left.
    std::uint64_t queued() const { return left_ + size(); }
    std::uint64_t left() const { return left_; }

    void consume(std::size_t n) {
        begin_ += n;
        left_ += n;
        if (begin_ == end_) begin_ = end_ = 0;
    }
    void clear() { consume(size()); }

    void append(std::string_view s) {
        if (!s.empty()) std::memcpy(grow(s.size()), s.data(), s.size());
    }
    /// Queues one message whose payload is the parts one after the other.
    template <class... Parts>
    void message(std::uint32_t type, std::uint32_t req_id, std::uint32_t tx_id, Parts... parts) {
        const std::size_t len = (std::string_view(parts).size() + ... + 0);
        const Header h{type, req_id, tx_id, static_cast<std::uint32_t>(len)};
        char* at = grow(sizeof h + len);
        std::memcpy(at, &h, sizeof h);
        at += sizeof h;
        ((at = put(at, parts)), ...);
    }

    /// Room for `n` more bytes, which count as queued at once.
    char* grow(std::size_t n) {
        if (end_ + n > capacity_) make_room(n);
        char* at = data_ + end_;
        end_ += n;
        return at;
    }

  private:
    static char* put(char* at, std::string_view s) {
        if (!s.empty()) std::memcpy(at, s.data(), s.size());
        return at + s.size();
    }
    void make_room(std::size_t n) {
        if (begin_ > 0) {
            std::memmove(data_, data_ + begin_, end_ - begin_);
            end_ -= begin_;
            begin_ = 0;
        }
        if (end_ + n <= capacity_) return;
        std::size_t wider = capacity_ ? capacity_ * 2 : 512;
        while (wider < end_ + n)
            wider *= 2;
        void* p = std::realloc(data_, wider);
        if (!p) throw std::bad_alloc();
        data_ = static_cast<char*>(p);
        capacity_ = wider;
    }

    char* data_ = nullptr;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t capacity_ = 0;
    std::uint64_t left_ = 0;
};

} // namespace hospes::xs
