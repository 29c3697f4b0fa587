// SPDX-License-Identifier: MIT
// The one door to Xen's public headers (Debian's libxen-dev, 4.17). Control structures included.
#pragma once

#define __XEN_TOOLS__ 1

#include <stdint.h>

#include <xen/arch-x86/cpuid.h>
#include <xen/domctl.h>
#include <xen/errno.h>
#include <xen/event_channel.h>
#include <xen/features.h>
#include <xen/grant_table.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/physdev.h>
#include <xen/platform.h>
#include <xen/sched.h>
#include <xen/sysctl.h>
#include <xen/vcpu.h>
#include <xen/version.h>
#include <xen/xen.h>

#include "lib/errno.hpp"

static_assert(XEN_DOMCTL_INTERFACE_VERSION == 0x15 && XEN_SYSCTL_INTERFACE_VERSION == 0x15);
static_assert(sizeof(cpu_user_regs_t) == 200);
static_assert(sizeof(struct shared_info) <= 4096);
static_assert(static_cast<int>(hv::Errno::nosys) == XEN_ENOSYS);
static_assert(static_cast<int>(hv::Errno::opnotsupp) == XEN_EOPNOTSUPP);
