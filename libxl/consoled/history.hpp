// SPDX-License-Identifier: MIT
// The last bytes that a console said, in bounded memory that grows only as far as it is used.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace hospes::xl::consoled {

class History {
  public:
    explicit History(std::size_t limit) : limit_(limit) {}

    void append(std::string_view bytes) {
        if (bytes.size() >= limit_) {
            dropped_ += ring_.size() + bytes.size() - limit_;
            ring_.assign(bytes.substr(bytes.size() - limit_));
            start_ = 0;
            return;
        }
        const std::size_t grow = std::min(bytes.size(), limit_ - ring_.size());
        if (grow > 0) { // not full yet, hence not wrapped yet
            ring_.append(bytes.substr(0, grow));
            bytes.remove_prefix(grow);
        }
        dropped_ += bytes.size();
        for (const char c : bytes) {
            ring_[start_] = c;
            start_ = start_ + 1 == limit_ ? 0 : start_ + 1;
        }
    }
    std::string text() const { return ring_.substr(start_) + ring_.substr(0, start_); }
    std::size_t size() const { return ring_.size(); }
    /// How much was said before what is still there.
    std::size_t dropped() const { return dropped_; }

  private:
    std::size_t limit_;
    std::string ring_;
    std::size_t start_ = 0;
    std::size_t dropped_ = 0;
};

} // namespace hospes::xl::consoled
