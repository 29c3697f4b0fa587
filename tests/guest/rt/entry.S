/* SPDX-License-Identifier: MIT */
/* Start of day and trap entry of a 64-bit PV guest (xen/arch-x86/xen-x86_64.h, xen/xen.h "start-of-day"). */
#define STACK_SIZE 32768
#define FLAT_KERNEL_CS 0xe033

    .section .note.Xen, "a", @note
.macro ELFNOTE type, body:vararg
    .align 4
    .long 2f - 1f, 4f - 3f, \type
1:  .asciz "Xen"
2:  .align 4
3:  \body
4:  .align 4
.endm
    ELFNOTE 6, .asciz "hospes-test"
    ELFNOTE 5, .asciz "xen-3.0"
    ELFNOTE 3, .quad rt_virt_base
    ELFNOTE 4, .quad 0
    ELFNOTE 1, .quad _start
    ELFNOTE 2, .quad rt_hypercall_page
    ELFNOTE 8, .asciz "generic"
    ELFNOTE 9, .asciz "yes"
    ELFNOTE 10, .asciz ""

    .text
    .global _start
_start:
    cld
    lea rt_stack0 + STACK_SIZE(%rip), %rsp
    xor %ebp, %ebp
    mov %rsi, %rdi
    call rt_start
    ud2

/* A second vCPU starts here with its stack set by VCPUOP_initialise; rdi is its argument. */
    .global rt_secondary_entry
rt_secondary_entry:
    cld
    xor %ebp, %ebp
    call rt_secondary
    ud2

    .balign 4096
    .global rt_hypercall_page
rt_hypercall_page:
    .skip 4096, 0x90

/* The hypervisor pushes ss, rsp, rflags, cs, rip[, error code], r11, rcx. */
.macro TRAP vector, has_error
    .global rt_trap_\vector
rt_trap_\vector:
    pop %rcx
    pop %r11
    .if !\has_error
    push $0
    .endif
    push $\vector
    jmp rt_trap_common
.endm
    TRAP 0, 0
    TRAP 1, 0
    TRAP 3, 0
    TRAP 4, 0
    TRAP 5, 0
    TRAP 6, 0
    TRAP 7, 0
    TRAP 9, 0
    TRAP 10, 1
    TRAP 11, 1
    TRAP 12, 1
    TRAP 13, 1
    TRAP 14, 1
    TRAP 16, 0
    TRAP 17, 1
    TRAP 18, 0
    TRAP 19, 0

rt_trap_common:
    push %rax
    push %rcx
    push %rdx
    push %rbx
    push %rbp
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, %rdi
    mov %rsp, %rbx
    and $-16, %rsp
    cld
    call rt_trap
    mov %rbx, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rbp
    pop %rbx
    pop %rdx
    pop %rcx
    pop %rax
    add $16, %rsp
    /* The frame pretends ring 0 for the kernel; the processor wants what is true. */
    movl $FLAT_KERNEL_CS, 8(%rsp)
    movl $0, 12(%rsp)
    iretq

/* Event and failsafe upcalls: the tests poll, so an upcall only returns. */
    .global rt_event_upcall, rt_failsafe
rt_event_upcall:
    pop %rcx
    pop %r11
    movl $FLAT_KERNEL_CS, 8(%rsp)
    movl $0, 12(%rsp)
    iretq
rt_failsafe:
    ud2

    .bss
    .balign STACK_SIZE
    .global rt_stack0, rt_stack1
rt_stack0:
    .skip STACK_SIZE
rt_stack1:
    .skip STACK_SIZE
    .section .note.GNU-stack, "", @progbits
