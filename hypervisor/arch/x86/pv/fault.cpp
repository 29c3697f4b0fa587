// SPDX-License-Identifier: MIT
// Exceptions raised by PV guest code: repaired, emulated, or handed to the guest's trap table.
#include "core/debug/printk.hpp"
#include "core/hypercall/guest_ptr.hpp"
#include "cpu/cpuid.hpp"
#include "lib/percpu.hpp"
#include "mm/layout.hpp"
#include "pv/l1_slot.hpp"
#include "pv/mmu.hpp"
#include "pv/pv.hpp"
#include "traps/entry_macros.h"
#include "traps/traps.hpp"

namespace hv {

namespace {

/// Error code of selector faults (APM vol.2 8.4.1).
constexpr u32 error_in_idt = 2;

/// A fault inside the current vCPU's LDT window: its page is mapped on first use.
bool map_ldt_window(Vcpu& vcpu, u64 address) {
    const u64 base = ldt_address(vcpu.id);
    return address >= base && address - base < 16 * page_size && pv_map_ldt_page(vcpu, address - base);
}

/// A guest may give a page more rights without a flush; a copy to it then faults on what the TLB still holds, which the
/// fault itself removes (APM vol.2 5.5.2). True: the tables allow it, try again; but not twice in the same place.
bool is_stale(const Vcpu& vcpu, u64 rip, u64 address, u32 error) {
    struct Last {
        u64 rip, address;
    };
    static PerCpu<Last> lasts;
    Last& last = lasts.get();
    if (!guest_address_ok(address) || (last.rip == rip && last.address == address)) {
        last = {};
        return false;
    }
    const Mfn top = vcpu.arch.pv.kernel_mode ? vcpu.arch.guest_table : vcpu.arch.guest_table_user;
    const u64 needed = PteBits::present | PteBits::user | (error & PfError::write ? PteBits::rw : 0);
    for (unsigned level = 4; level >= 1; --level)
        if ((pv_walk_to(top, address, level) & needed) != needed) return false;
    last = {rip, address};
    return true;
}

/// QEMU's TCG reads the stack of a ring-3 IRETQ with supervisor rights, so that SMAP faults (a real CPU would not, APM
/// vol.2 5.6.6). Linux PV executes IRETQ to serialise; it is carried out here. Nothing but IRETQ is known to need it.
bool finish_iretq(UserRegs& regs) {
    u8 code[2];
    u64 frame[5]; // rip cs rflags rsp ss
    if (!copy_from_guest(code, regs.rip, sizeof(code)) || code[0] != 0x48 || code[1] != 0xcf ||
        !copy_from_guest(frame, regs.rsp, sizeof(frame)) || (frame[1] & 3) != 3)
        return false;
    regs.rip = frame[0];
    regs.cs = static_cast<u16>(frame[1]);
    regs.rflags = pv_guest_flags(frame[2]);
    regs.rsp = frame[3];
    regs.ss = static_cast<u16>(frame[4] | 3);
    regs.entry_vector &= ~entry_syscall;
    return true;
}

void page_fault(UserRegs& regs, u64 cr2) {
    Vcpu& vcpu = current();
    const u32 error = regs.error_code;
    if (cr2 >= perdomain_start && cr2 < hv_end) {
        // The CPU reads descriptors on the guest's behalf with supervisor rights.
        if (!(error & (PfError::user | PfError::reserved)) && map_ldt_window(vcpu, cr2)) return;
    } else if ((error & (PfError::user | PfError::present)) == PfError::present && cpu_features.smap &&
               finish_iretq(regs)) {
        return;
    } else if ((error & (PfError::write | PfError::present | PfError::reserved)) ==
                   (PfError::write | PfError::present) &&
               vcpu.arch.pv.kernel_mode && guest_address_ok(cr2) && pv_ptwr_fault(regs, cr2, error)) {
        return;
    }
    pv_inject_page_fault(regs, cr2, error);
}

void gp_fault(UserRegs& regs) {
    const PvVcpu& pv = current().arch.pv;
    // INT n: our gates have DPL 0, the guest's trap table says who may use them.
    if (regs.error_code & error_in_idt) {
        const u8 vector = static_cast<u8>(regs.error_code >> 3);
        const trap_info_t& info = pv.traps[vector];
        if (info.address && TI_GET_DPL(&info) >= (pv.kernel_mode ? 1 : 3)) {
            regs.rip += 2;
            // Exceptions' own vectors push an error code only when the CPU raises them.
            return pv_inject_software(regs, vector);
        }
    } else if (regs.error_code == 0 && pv_emulate_privileged(regs)) {
        return;
    }
    pv_inject_gp(regs, regs.error_code);
}

} // namespace

void pv_handle_exception(UserRegs& regs, u64 cr2, u64 dr6) {
    Vcpu& vcpu = current();
    PvVcpu& pv = vcpu.arch.pv;
    const u8 vector = static_cast<u8>(regs.entry_vector);
    switch (vector) {
    case Vector::page_fault: return page_fault(regs, cr2);
    case Vector::gp_fault: return gp_fault(regs);
    case Vector::no_device:
        asm volatile("clts");
        pv.fpu_task_switch = false; // the ABI: TS is cleared when the guest is told
        break;
    case Vector::invalid_opcode:
        if (pv_emulate_forced(regs)) return;
        break;
    case Vector::debug:
        // B0..3, BD, BS, BT accumulate until the guest clears them (APM vol.2 13.1.1.3); ours start afresh.
        pv.dr[6] |= dr6 & 0xe00f;
        asm volatile("movq %0, %%dr6" ::"r"(u64{0xffff0ff0}));
        break;
    default: break;
    }
    pv_inject_trap(regs, vector, regs.error_code);
}

bool pv_hypervisor_fault(UserRegs& regs, u64 cr2) {
    Vcpu& vcpu = current();
    const u32 error = regs.error_code;
    if (vcpu.is_idle || static_cast<u8>(regs.entry_vector) != Vector::page_fault ||
        (error & (PfError::reserved | PfError::fetch)))
        return false;
    return is_stale(vcpu, regs.rip, cr2, error) || (!(error & PfError::present) && map_ldt_window(vcpu, cr2));
}

} // namespace hv
