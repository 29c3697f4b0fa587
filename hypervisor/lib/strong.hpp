// SPDX-License-Identifier: MIT
// Distinct numbers: a frame is not a port is not a domid. No implicit conversion in either direction.
#pragma once

#include <compare>

#include "lib/types.hpp"

namespace hv {

/// A number of kind `Tag`. Compares and hashes like its representation; arithmetic is opt-in
/// through `+ offset` and `a - b` (a distance), which is all that frames need.
template <typename Tag, typename Rep> class Strong {
  public:
    using rep = Rep;
    constexpr Strong() = default;
    constexpr explicit Strong(Rep value) : value_(value) {}
    [[nodiscard]] constexpr Rep raw() const { return value_; }
    friend constexpr bool operator==(Strong, Strong) = default;
    friend constexpr auto operator<=>(Strong, Strong) = default;
    friend constexpr Strong operator+(Strong a, Rep n) { return Strong(static_cast<Rep>(a.value_ + n)); }
    friend constexpr Rep operator-(Strong a, Strong b) { return static_cast<Rep>(a.value_ - b.value_); }
    constexpr Strong& operator++() {
        ++value_;
        return *this;
    }

  private:
    Rep value_{};
};

} // namespace hv
