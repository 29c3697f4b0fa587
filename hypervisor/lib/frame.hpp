// SPDX-License-Identifier: MIT
// Frame and address kinds (xen/include/public terms): machine frames, guest frames, bus addresses.
#pragma once

#include "lib/strong.hpp"

namespace hv {

using Mfn = Strong<struct MfnTag, u64>;     ///< machine frame: host physical page number
using Gfn = Strong<struct GfnTag, u64>;     ///< guest frame: for PV guests equal to the mfn
using Maddr = Strong<struct MaddrTag, u64>; ///< host physical byte address

inline constexpr Mfn invalid_mfn{~u64{0}};
inline constexpr Gfn invalid_gfn{~u64{0}};

constexpr Maddr to_maddr(Mfn mfn) { return Maddr{mfn.raw() << page_shift}; }
constexpr Mfn to_mfn(Maddr addr) { return Mfn{addr.raw() >> page_shift}; }

} // namespace hv
