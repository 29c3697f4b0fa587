// SPDX-License-Identifier: MIT
// The x86 part of a vCPU. core/ includes it by this name from the architecture's include path.
#pragma once

#include "abi/xen.hpp"
#include "lib/atomic.hpp"
#include "lib/frame.hpp"
#include "lib/ids.hpp"
#include "lib/spinlock.hpp"
#include <cpu/cpu_info.hpp> // not by quotes: they find the file beside this one, and the host tests have their own

namespace hv {

struct PageInfo;
inline constexpr CpuId no_cpu = ~CpuId{0};

/// State of a PV vCPU as the ABI defines it (xen/arch-x86/xen.h vcpu_guest_context and hypercalls 0..26).
struct PvVcpu {
    trap_info_t* traps = nullptr; ///< 256 entries, one page
    Mfn gdt_frames[16] = {};      ///< raw 0 = none
    u32 gdt_entries = 0;
    u64 ldt_base = 0;
    u32 ldt_entries = 0;
    u64 kernel_ss = 0, kernel_sp = 0;
    u64 ctrlreg[8] = {}; ///< guest's view of CR0, CR2, CR4
    u64 event_callback_eip = 0, failsafe_callback_eip = 0, syscall_callback_eip = 0;
    u64 sysenter_callback_eip = 0, syscall32_callback_eip = 0;
    u16 sysenter_callback_cs = 0, syscall32_callback_cs = 0;
    bool syscall_disables_events = false, syscall32_disables_events = false, sysenter_disables_events = false,
         failsafe_disables_events = false;
    u64 fs_base = 0, gs_base_kernel = 0, gs_base_user = 0;
    u64 dr[8] = {}; ///< 0..3, 6, 7
    u32 dr7_emul = 0;
    u32 iopl = 0;       ///< 0..3, what port accesses are judged by
    u32 shown_iopl = 0; ///< in the RFLAGS that the guest sees: iopl with VMASST_TYPE_architectural_iopl
    u64 iobmp = 0;      ///< guest virtual address of the I/O bitmap
    u32 iobmp_limit = 0;
    bool nmi_pending = false;     ///< set together with ArchVcpu::exit_work
    bool nmi_masked = false;      ///< from its delivery to the guest's next iret
    bool segments_failed = false; ///< a selector could not be loaded: failsafe callback due
    bool kernel_mode = true;      ///< TF_kernel_mode: which of the two page tables and GS bases is live
    bool fpu_task_switch = false; ///< CR0.TS as the guest set it: #NM goes to the guest
    u64 tsc_aux = 0;
    CpuId gdt_cpu = no_cpu; ///< whose GDT page its window maps at index 14
};

struct ArchVcpu {
    UserRegs regs{};        ///< saved while not running; while running they are in the CPU's CpuInfo
    Mfn guest_table{};      ///< kernel L4 (type reference held)
    Mfn guest_table_user{}; ///< user L4 or 0
    u64 cr3 = 0;            ///< value loaded while this vCPU runs
    /// CPU that holds this vCPU's page tables, segments and registers: while it runs and, lazily, while that CPU idles
    /// after it. domain_dirty_cpus() is the union of these. vcpu_sync_state() (pv/pv.hpp) brings it to no_cpu.
    Atomic<CpuId> loaded_on{no_cpu};
    u8 exit_work = 0;      ///< non-zero: the exit path calls pv_exit_work() (NMI pending, failed segment load)
    Mfn old_guest_table{}; ///< a page table whose release was preempted; drop it before anything else
    u8* xsave = nullptr;   ///< XSAVE/FXSAVE image, page aligned
    u64 xcr0 = 1, xcr0_accum = 1;
    bool fpu_loaded = false; ///< the registers of CPU `loaded_on` hold its FPU state
    bool fpu_initialised = false;
    // pvclock versions and the secondary time area.
    vcpu_time_info_t time{};
    u64 time_info_guest = 0;
    PvVcpu pv{};
};

} // namespace hv
