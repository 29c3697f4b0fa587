/* SPDX-License-Identifier: MIT */
/* Macros and offsets of entry.S. VCPU_* and CPUINFO_* are absolute symbols computed by traps/asm_offsets.cpp, where the
   numbers below are checked, too. */
#pragma once

#define MAX_CPUS 128
#define SYSCALL_STUB_SIZE 32
#define STACK_SIZE 32768
#define FLAT_CS32 0xe023
#define FLAT_CS64 0xe033
#define FLAT_SS 0xe02b
#define ENTRY_SYSCALL 0x100
#define ERROR_CODE_VECTORS 0x227d00 /* 8, 10..14, 17, 21 */

#define HYPERCALL_iret 23
#define IRET_IN_SYSCALL 0x100
#define HV_END 0xffff880000000000
#define GUEST_FLAGS 0x254dd5

#define X86_TF 0x100
#define X86_RF 0x10000
#define X86_IF 0x200
#define X86_IOPL 0x3000
/* TF, NT, RF, VM, AC: a handler starts without them. */
#define X86_CLEARED_ON_BOUNCE 0x74100

#define REGS_r11 48
#define REGS_rax 80
#define REGS_rcx 88
#define REGS_error_code 120
#define REGS_entry_vector 124
#define REGS_rip 128
#define REGS_cs 136
#define REGS_flags 144
#define REGS_rsp 152
#define REGS_ss 160
#define REGS_size 200

#ifdef __ASSEMBLER__
    .macro SAVE_REGS
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %rax
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    .endm

    .macro RESTORE_REGS
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rax
    popq %rcx
    popq %rdx
    popq %rsi
    popq %rdi
    .endm

    .macro EXTABLE fault, fixup
    .pushsection .ex_table, "a"
    .balign 8
    .quad \fault, \fixup
    .popsection
    .endm
    .macro EXTABLE_HERE fixup
.Lfault\@:
    EXTABLE .Lfault\@, \fixup
    .endm
    .macro GUEST_ACCESS fixup, insn:vararg
    EXTABLE_HERE \fixup
    \insn
    .endm

    /* 3-byte NOPs that become STAC/CLAC on a CPU with SMAP (traps/syscall_init.cpp). */
    .macro STAC
.Lstac\@:
    .byte 0x0f, 0x1f, 0x00
    .pushsection .stac_sites, "a"
    .quad .Lstac\@
    .popsection
    .endm
    .macro CLAC
.Lclac\@:
    .byte 0x0f, 0x1f, 0x00
    .pushsection .clac_sites, "a"
    .quad .Lclac\@
    .popsection
    .endm
#endif
