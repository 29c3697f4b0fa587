// SPDX-License-Identifier: MIT
// Privileged instructions of PV guests, which run in ring 3 and so fault: those that the ABI lets a guest use natively.
// HLT, IRET and the rest of ring 0 are not emulated: they are #GP to the guest, which uses hypercalls. CLI and STI do
// nothing where IOPL allows them (Linux executes some before it patches itself): POPF could not undo a mask.
#include "core/hypercall/guest_ptr.hpp"
#include "core/hypercall/table.hpp"
#include "cpu/cpuid.hpp"
#include "cpu/cr.hpp"
#include "cpu/policy.hpp"
#include "cpu/xstate.hpp"
#include "lib/string.hpp"
#include "mm/layout.hpp"
#include "pv/descriptor.hpp"
#include "pv/emul.hpp"
#include "pv/mmu.hpp"
#include "pv/pv.hpp"
#include "time/time.hpp"

namespace hv {

namespace {

constexpr u64 low32 = 0xffffffff;
u64 combine(const UserRegs& regs) { return (regs.rdx & low32) << 32 | (regs.rax & low32); }
void split(UserRegs& regs, u64 value) {
    regs.rax = value & low32;
    regs.rdx = value >> 32;
}

void do_cpuid(UserRegs& regs) {
    const CpuidLeaf leaf = guest_cpuid(current(), static_cast<u32>(regs.rax), static_cast<u32>(regs.rcx));
    regs.rax = leaf.a;
    regs.rbx = leaf.b;
    regs.rcx = leaf.c;
    regs.rdx = leaf.d;
}

bool kernel_may(const Vcpu& vcpu) { return vcpu.arch.pv.kernel_mode; }

/// TSC of a domain whose TSC is emulated: its nominal frequency over system time.
u64 guest_tsc(const Vcpu& vcpu) {
    const ArchDomain& arch = vcpu.domain->arch;
    if (arch.tsc_mode != 1) return rdtsc();
    const u64 khz = arch.tsc_khz ? arch.tsc_khz : cpu_khz();
    return static_cast<u64>(static_cast<unsigned __int128>(now_ns()) * khz / 1000000);
}

bool do_rdtsc(UserRegs& regs, bool with_aux) {
    const Vcpu& vcpu = current();
    // TSD set by the guest kernel for its users: theirs to handle.
    if (!vcpu.arch.pv.kernel_mode && (vcpu.arch.pv.ctrlreg[4] & Cr4::tsd)) return false;
    split(regs, guest_tsc(vcpu));
    if (with_aux) regs.rcx = vcpu.arch.pv.tsc_aux;
    return true;
}

bool read_cr(const Vcpu& vcpu, unsigned number, u64& value) {
    const PvVcpu& pv = vcpu.arch.pv;
    switch (number) {
    case 0: value = (pv.ctrlreg[0] & ~Cr0::ts) | (pv.fpu_task_switch ? Cr0::ts : 0); return true;
    case 2: value = pv.ctrlreg[2]; return true;
    case 3: value = xen_pfn_to_cr3(vcpu.arch.guest_table.raw()); return true;
    case 4:
        value = (hv_cr4 & ~(Cr4::smep | Cr4::smap | Cr4::umip | Cr4::pcide | Cr4::mce | Cr4::vmxe)) |
                (pv.ctrlreg[4] & Cr4::tsd);
        return true;
    default: return false;
    }
}

bool write_cr(Vcpu& vcpu, unsigned number, u64 value) {
    PvVcpu& pv = vcpu.arch.pv;
    switch (number) {
    case 0: {
        u64 now = 0;
        static_cast<void>(read_cr(vcpu, 0, now));
        if ((value ^ now) & ~u64{Cr0::ts}) return false;
        HypercallArgs args{{value & Cr0::ts}};
        return hypercall::fpu_taskswitch(args).ok();
    }
    case 2:
        pv.ctrlreg[2] = value;
        write_once(vcpu.info->arch.cr2, value);
        return true;
    case 4:
        // A guest decides about TSD only; what else it asks for is on already or not to be had.
        pv.ctrlreg[4] = value & Cr4::tsd;
        pv_load_cr4(vcpu);
        return true;
    default: return false;
    }
}

bool emulate_mov_cr_dr(UserRegs& regs, Insn& insn, u8 opcode) {
    Vcpu& vcpu = current();
    if (!insn.has(1) || !kernel_may(vcpu)) return false;
    const u8 modrm = insn.next();
    const unsigned number = (modrm >> 3 & 7) | (insn.rex_r ? 8 : 0);
    u64& reg = insn_register(regs, (modrm & 7) | (insn.rex_b ? 8 : 0));
    switch (opcode) {
    case 0x20: return read_cr(vcpu, number, reg);
    case 0x22: return write_cr(vcpu, number, reg);
    case 0x21:
        if (number > 7) return false;
        reg = vcpu.arch.pv.dr[number == 4 || number == 5 ? number + 2 : number];
        return true;
    default: return number <= 7 && pv_set_debug_register(vcpu, number, reg).ok();
    }
}

bool emulate_0f01(UserRegs& regs, u8 modrm) {
    Vcpu& vcpu = current();
    switch (modrm) {
    case 0xd1: // XSETBV
        return kernel_may(vcpu) && static_cast<u32>(regs.rcx) == 0 && xstate_set_xcr0(vcpu, combine(regs)).ok();
    case 0xf9: // RDTSCP
        return do_rdtsc(regs, true);
    default: return false;
    }
}

bool emulate_0f(UserRegs& regs, Insn& insn) {
    Vcpu& vcpu = current();
    if (!insn.has(1)) return false;
    const u8 opcode = insn.next();
    switch (opcode) {
    case 0x01: return insn.has(1) && emulate_0f01(regs, insn.next());
    case 0x06: { // CLTS
        HypercallArgs args{{0}};
        return kernel_may(vcpu) && hypercall::fpu_taskswitch(args).ok();
    }
    case 0x08: // INVD: never without write-back
    case 0x09: // WBINVD: only where uncached memory is in play
        if (!kernel_may(vcpu)) return false;
        if (vcpu.domain->is_hardware || !vcpu.domain->iomem_allowed.empty()) asm volatile("wbinvd" ::: "memory");
        return true;
    case 0x20 ... 0x23: return emulate_mov_cr_dr(regs, insn, opcode);
    case 0x30: return kernel_may(vcpu) && guest_wrmsr(vcpu, static_cast<u32>(regs.rcx), combine(regs)).ok();
    case 0x31: return do_rdtsc(regs, false);
    case 0x32: {
        if (!kernel_may(vcpu)) return false;
        const Result<u64> value = guest_rdmsr(vcpu, static_cast<u32>(regs.rcx));
        if (value.ok()) split(regs, value.value());
        return value.ok();
    }
    case 0xa2: do_cpuid(regs); return true;
    default: return false;
    }
}

/// The kernel's I/O privilege counts as 1 at least unless it asked for the architecture's own rule.
bool may_use_interrupt_flag(const Vcpu& vcpu) {
    const PvVcpu& pv = vcpu.arch.pv;
    const bool architectural = (vcpu.domain->vm_assist & (1U << VMASST_TYPE_architectural_iopl)) != 0;
    return pv.iopl >= (pv.kernel_mode ? (architectural ? 1U : 0U) : 3U);
}

bool is_io(u8 opcode) { return (opcode & 0xfc) == 0x6c || (opcode & 0xf4) == 0xe4; }

} // namespace

bool pv_emulate_privileged(UserRegs& regs) {
    Insn insn;
    if (!insn_fetch(regs, insn)) return false;
    const u8 opcode = insn.next();
    if (is_io(opcode)) return emulate_io(regs, insn, opcode);
    // CLI and STI pass without effect where the guest has the right: a guest masks by its vcpu_info, and POPF could
    // never be caught to undo one of these. Linux runs a few of them before it has patched itself.
    const bool cli_sti = (opcode == 0xfa || opcode == 0xfb) && may_use_interrupt_flag(current());
    if (!cli_sti && (opcode != 0x0f || !emulate_0f(regs, insn))) return false;
    regs.rip += insn.length;
    regs.rflags &= ~u64{0x10000};
    return true;
}

bool pv_emulate_forced(UserRegs& regs) {
    constexpr u8 wanted[] = {0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2}; // ud2a; "xen"; cpuid
    u8 bytes[sizeof(wanted)];
    if (!copy_from_guest(bytes, regs.rip, 2) || memcmp(bytes, wanted, 2) != 0 ||
        !copy_from_guest(bytes, regs.rip, sizeof(bytes)) || memcmp(bytes, wanted, sizeof(bytes)) != 0)
        return false;
    do_cpuid(regs);
    regs.rip += sizeof(wanted);
    return true;
}

} // namespace hv
