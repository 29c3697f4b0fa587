// SPDX-License-Identifier: MIT
// The text ring behind `xl dmesg`: the newest `size` characters, addressed by a running 32-bit position.
#pragma once

#include "lib/types.hpp"

namespace hv {

class TextRing {
  public:
    constexpr TextRing(char* buffer, u32 size) : buffer_(buffer), size_(size) {}
    void put(const char* text, usize length) {
        for (usize i = 0; i < length; ++i)
            buffer_[produced_++ & (size_ - 1)] = text[i];
        if (produced_ - consumed_ > size_) consumed_ = produced_ - size_;
    }
    /// Moves to a larger buffer (a power of two), the text comes along. Returns the old one.
    char* enlarge(char* buffer, u32 size) {
        for (u32 at = consumed_; at != produced_; ++at)
            buffer[at & (size - 1)] = buffer_[at & (size_ - 1)];
        char* old = buffer_;
        buffer_ = buffer;
        size_ = size;
        return old;
    }
    [[nodiscard]] u32 first() const { return consumed_; }
    [[nodiscard]] u32 end() const { return produced_; }
    [[nodiscard]] u32 size() const { return size_; }
    /// `at` if that text is still there, else the oldest position.
    [[nodiscard]] u32 clamp(u32 at) const { return at - consumed_ <= produced_ - consumed_ ? at : consumed_; }
    /// Copies up to `max` characters from position `at`; returns how many.
    u32 copy(u32 at, char* out, u32 max) const {
        u32 n = 0;
        for (; n < max && at + n != produced_; ++n)
            out[n] = buffer_[(at + n) & (size_ - 1)];
        return n;
    }
    void clear() { consumed_ = produced_; }

  private:
    char* buffer_;
    u32 size_;
    u32 consumed_ = 0, produced_ = 0;
};

} // namespace hv
