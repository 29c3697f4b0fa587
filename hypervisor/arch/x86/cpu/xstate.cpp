// SPDX-License-Identifier: MIT
#include "cpu/xstate.hpp"

#include "core/hypercall/guest_ptr.hpp"
#include "core/hypercall/table.hpp"
#include "core/mm/heap.hpp"
#include "cpu/cpuid.hpp"
#include "cpu/cr.hpp"
#include "lib/string.hpp"
#include "pv/pv.hpp"
#include "traps/traps.hpp"

namespace hv {

XstateInfo xstate_info;

namespace {

constexpr u64 xfeature_fp = 1, xfeature_sse = 2, xfeature_ymm = 4, xfeature_opmask_zmm = 0xe0;
/// What PV guests may use: x87, SSE, AVX, AVX-512. MPX, PKRU (needs CR4.PKE) and LWP are not offered.
constexpr u64 supported = xfeature_fp | xfeature_sse | xfeature_ymm | xfeature_opmask_zmm;
constexpr u32 legacy_size = 512, header_size = 64;
constexpr u32 default_mxcsr = 0x1f80;

struct XsaveHeader {
    u64 xstate_bv, xcomp_bv, reserved[6];
};

XsaveHeader& header(u8* image) { return *reinterpret_cast<XsaveHeader*>(image + legacy_size); }

void write_xcr0(u64 value) {
    asm volatile("xsetbv" ::"c"(0), "a"(static_cast<u32>(value)), "d"(static_cast<u32>(value >> 32)));
}

constexpr bool valid_xcr0(u64 value) {
    const u64 zmm = value & xfeature_opmask_zmm;
    return (value & xfeature_fp) && (value & ~xstate_info.mask) == 0 &&
           (!(value & xfeature_ymm) || (value & xfeature_sse)) &&
           (zmm == 0 || (zmm == xfeature_opmask_zmm && (value & xfeature_ymm)));
}

void set_ts(bool on) {
    if (on)
        write_cr0(read_cr0() | Cr0::ts);
    else
        asm volatile("clts");
}

/// Registers <- memory; a bad image (set by the toolstack) is replaced by the reset state.
void restore(Vcpu& vcpu) {
    bool ok = true;
    u8* const image = vcpu.arch.xsave;
    for (int attempt = 0; attempt < 2; ++attempt) {
#define HV_RESTORE(insn)                                                                                               \
    asm volatile(                                                                                                      \
        "1: " insn                                                                                                     \
        " (%1)\n2:\n.pushsection .fixup, \"ax\"\n3: movb $0, %0\n jmp 2b\n.popsection\n" HV_EXTABLE("1b", "3b")        \
        : "+r"(ok)                                                                                                     \
        : "r"(image), "a"(~0U), "d"(~0U)                                                                               \
        : "memory")
        if (xstate_info.xsave)
            HV_RESTORE("xrstor64");
        else
            HV_RESTORE("fxrstorq");
#undef HV_RESTORE
        if (ok) return;
        ok = true;
        xstate_reset(vcpu);
    }
}

} // namespace

void xstate_init() {
    if (!cpu_features.xsave || cpu_features.max_leaf < 0xd) return;
    const CpuidLeaf main = cpuid(0xd, 0);
    xstate_info.xsave = true;
    xstate_info.mask = (u64{main.d} << 32 | main.a) & supported;
    if ((xstate_info.mask & xfeature_opmask_zmm) != xfeature_opmask_zmm) xstate_info.mask &= ~xfeature_opmask_zmm;
    xstate_info.size = legacy_size + header_size;
    for (unsigned i = 2; i < 32; ++i)
        if (xstate_info.mask >> i & 1) {
            const CpuidLeaf part = cpuid(0xd, i);
            xstate_info.size = max_of(xstate_info.size, part.a + part.b);
        }
}

void xstate_init_cpu() {
    if (xstate_info.xsave) {
        hv_cr4 |= Cr4::osxsave;
        write_cr4(read_cr4() | Cr4::osxsave);
        write_xcr0(xstate_info.mask);
        cpu_info().xcr0 = xstate_info.mask;
    }
    set_ts(true);
}

Status xstate_vcpu_create(Vcpu& vcpu) {
    vcpu.arch.xsave = static_cast<u8*>(kmalloc(max_of(xstate_info.size, u32{page_size}))); // page-aligned
    if (!vcpu.arch.xsave) return Errno::no_mem;
    xstate_reset(vcpu);
    return {};
}

void xstate_vcpu_destroy(Vcpu& vcpu) {
    kfree(vcpu.arch.xsave);
    vcpu.arch.xsave = nullptr;
}

void xstate_reset(Vcpu& vcpu) {
    memset(vcpu.arch.xsave, 0, xstate_info.size);
    const u16 fcw = 0x37f;
    memcpy(vcpu.arch.xsave, &fcw, sizeof(fcw));
    memcpy(vcpu.arch.xsave + 24, &default_mxcsr, sizeof(default_mxcsr));
    vcpu.arch.xcr0 = vcpu.arch.xcr0_accum = xfeature_fp;
    // XRSTOR takes what is not in the header from the reset state, MXCSR always from the image.
    if (xstate_info.xsave) header(vcpu.arch.xsave) = {};
}

void xstate_load_xcr0(const Vcpu& vcpu) {
    u64& live = cpu_info().xcr0;
    if (!xstate_info.xsave || live == vcpu.arch.xcr0) return;
    live = vcpu.arch.xcr0;
    write_xcr0(live);
}

Status xstate_set_xcr0(Vcpu& vcpu, u64 value) {
    if (!xstate_info.xsave || !valid_xcr0(value)) return Errno::inval;
    // The image must hold what the guest turned on once; components it turns off keep their last saved state.
    fpu_save(vcpu);
    vcpu.arch.xcr0 = value;
    vcpu.arch.xcr0_accum |= value;
    xstate_load_xcr0(vcpu);
    fpu_load(vcpu);
    return {};
}

// The registers always hold the state under XCR0 = everything the guest ever enabled, so that nothing is lost while it
// has a component switched off.
void fpu_save(Vcpu& vcpu) {
    set_ts(false);
    u8* const image = vcpu.arch.xsave;
    if (xstate_info.xsave) {
        const u64 xcr0 = vcpu.arch.xcr0_accum | xfeature_sse;
        if (cpu_info().xcr0 != xcr0) write_xcr0(xcr0);
        if (cpu_features.xsaveopt)
            asm volatile("xsaveopt64 (%0)" ::"r"(image), "a"(~0U), "d"(~0U) : "memory");
        else
            asm volatile("xsave64 (%0)" ::"r"(image), "a"(~0U), "d"(~0U) : "memory");
        if (cpu_info().xcr0 != xcr0) write_xcr0(cpu_info().xcr0);
    } else {
        asm volatile("fxsaveq (%0)" ::"r"(image) : "memory");
    }
    vcpu.arch.fpu_loaded = false;
    set_ts(true);
}

void fpu_load(Vcpu& vcpu) {
    set_ts(false);
    const u64 xcr0 = vcpu.arch.xcr0_accum | xfeature_sse;
    if (xstate_info.xsave && cpu_info().xcr0 != xcr0) write_xcr0(xcr0);
    restore(vcpu);
    if (xstate_info.xsave && cpu_info().xcr0 != xcr0) write_xcr0(cpu_info().xcr0);
    vcpu.arch.fpu_loaded = vcpu.arch.fpu_initialised = true;
    set_ts(vcpu.arch.pv.fpu_task_switch);
}

Result<s64> hypercall::fpu_taskswitch(HypercallArgs& args_) {
    Vcpu& vcpu = current();
    const IrqOff off;
    vcpu.arch.pv.fpu_task_switch = args_.a[0] != 0;
    set_ts(args_.a[0] != 0);
    return 0;
}

namespace {
struct ExtStateHead {
    u64 xcr0, xcr0_accum;
};
} // namespace

Status domctl_get_vcpuextstate(Vcpu& vcpu, xen_domctl_vcpuextstate& op) {
    const u64 size = xstate_info.xsave ? sizeof(ExtStateHead) + xstate_info.size : 0;
    op.xfeature_mask = xstate_info.xsave ? xstate_info.mask : 0;
    const bool wanted = op.buffer.p != nullptr && op.size != 0;
    if (wanted && op.size < size) return Errno::no_spc;
    op.size = size;
    if (!wanted || !size) return {};
    vcpu_sync_state(vcpu);
    const ExtStateHead head{vcpu.arch.xcr0, vcpu.arch.xcr0_accum};
    const GuestOut<u8> out(op.buffer);
    TRY(out.write(reinterpret_cast<const u8*>(&head), sizeof(head)));
    return out.offset(sizeof(head)).write(vcpu.arch.xsave, xstate_info.size);
}

Status domctl_set_vcpuextstate(Vcpu& vcpu, const xen_domctl_vcpuextstate& op) {
    if (op.size == 0) return {};
    if (!xstate_info.xsave) return Errno::opnotsupp;
    ExtStateHead head;
    if (op.size < sizeof(head) + legacy_size + header_size || op.size > sizeof(head) + xstate_info.size)
        return Errno::inval;
    const GuestIn<u8> in(op.buffer);
    TRY(in.read(reinterpret_cast<u8*>(&head), sizeof(head)));
    if (!valid_xcr0(head.xcr0) || !valid_xcr0(head.xcr0_accum) || (head.xcr0 & ~head.xcr0_accum)) return Errno::inval;
    vcpu_sync_state(vcpu);
    xstate_reset(vcpu);
    if (!in.offset(sizeof(head)).read(vcpu.arch.xsave, op.size - sizeof(head)).ok()) {
        xstate_reset(vcpu);
        return Errno::fault;
    }
    const XsaveHeader& h = header(vcpu.arch.xsave);
    bool reserved = h.xcomp_bv != 0 || (h.xstate_bv & ~head.xcr0_accum) != 0;
    for (u64 word : h.reserved)
        reserved |= word != 0;
    if (reserved) {
        xstate_reset(vcpu);
        return Errno::inval;
    }
    vcpu.arch.xcr0 = head.xcr0;
    vcpu.arch.xcr0_accum = head.xcr0_accum;
    vcpu.arch.fpu_initialised = true;
    return {};
}

} // namespace hv
