// SPDX-License-Identifier: MIT
// The PV clock as guests see it (xen/xen.h vcpu_time_info, shared_info wc_*).
#pragma once

#include "core/domain/domain.hpp"

namespace hv {

/// Brings vcpu_info.time (and the area of VCPUOP_register_vcpu_time_memory_area) up to date when the clock's
/// parameters changed since. On the context-switch path for the vCPU that is about to run (its page tables loaded),
/// after a vcpu_info or time area was registered (with vcpu.arch.time.version set to 0 to force it).
void update_vcpu_system_time(Vcpu& vcpu);
/// shared_info wc_version/wc_sec/wc_nsec/wc_sec_hi from the machine's wall clock and domain.time_offset_seconds.
void update_domain_wallclock(Domain& domain);
/// XENPF_settime64: the wall clock read secs.nsecs when system time was `system_time`. Updates every domain.
Status do_settime(u64 secs, u32 nsecs, u64 system_time);
/// Seconds since 1970 (nanoseconds in `nsec` when wanted) now.

} // namespace hv
