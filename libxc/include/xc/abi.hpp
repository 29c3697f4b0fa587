// SPDX-License-Identifier: MIT
// Xen's public headers (libxen-dev 4.17) with the control structures, for user space.
#pragma once

#define __XEN_TOOLS__ 1

#include <cstdint>

#include <xen/domctl.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/physdev.h>
#include <xen/sched.h>
#include <xen/sysctl.h>
#include <xen/version.h>
#include <xen/xen.h>
#include <xen/xsm/flask_op.h>

static_assert(XEN_DOMCTL_INTERFACE_VERSION == 0x15 && XEN_SYSCTL_INTERFACE_VERSION == 0x15);

namespace hospes::xc {

using DomId = std::uint16_t;
inline constexpr unsigned page_shift = 12;
inline constexpr std::size_t page_size = 4096;
constexpr std::size_t pages_for(std::size_t bytes) { return (bytes + page_size - 1) >> page_shift; }

/// A guest handle for a pointer; hypercall structures carry them.
template <typename Handle, typename T> void set_handle(Handle& handle, T* pointer) { handle.p = pointer; }

} // namespace hospes::xc
