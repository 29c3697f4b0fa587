// SPDX-License-Identifier: MIT
#pragma once

#include "lib/strong.hpp"

namespace hv {

using Domid = Strong<struct DomidTag, u16>;
using Port = Strong<struct PortTag, u32>; ///< event channel port
using GrantRef = Strong<struct GrantRefTag, u32>;
using CpuId = u32;  ///< physical CPU, dense from 0
using VcpuId = u32; ///< index in its domain

// Reserved domain ids (xen/xen.h DOMID_*).
inline constexpr Domid domid_self{0x7FF0};
inline constexpr Domid domid_io{0x7FF1};
inline constexpr Domid domid_xen{0x7FF2};
inline constexpr Domid domid_cow{0x7FF3};
inline constexpr Domid domid_invalid{0x7FF4};
inline constexpr Domid domid_idle{0x7FFF};
inline constexpr u16 domid_first_reserved = 0x7FF0;

inline constexpr unsigned max_cpus = 128;

} // namespace hv
