// SPDX-License-Identifier: MIT
// Data segments and their bases: they stay in the registers while the hypervisor runs and move on context switches.
#pragma once

#include "core/domain/domain.hpp"

namespace hv {

/// Selectors into CpuInfo-independent vcpu.arch.regs, bases into vcpu.arch.pv.
void segments_save(Vcpu& vcpu);
/// A selector that faults is loaded as null and the guest gets its failsafe callback.
void segments_load(Vcpu& vcpu);
/// DS, ES, FS and GS as they are now.
struct Selectors {
    u16 value[4];
    [[nodiscard]] const u16* begin() const { return value; }
    [[nodiscard]] const u16* end() const { return value + 4; }
};
Selectors segment_selectors();
/// Bases as they are now, of the current vCPU.
u64 segment_fs_base();
u64 segment_gs_base_active();
u64 segment_gs_base_inactive();
void segment_set_fs_base(u64 base);
void segment_set_gs_base(u64 base, bool active);
constexpr bool canonical(u64 address) { return static_cast<u64>(static_cast<s64>(address << 16) >> 16) == address; }

} // namespace hv
