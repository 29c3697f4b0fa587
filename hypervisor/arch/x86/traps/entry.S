// SPDX-License-Identifier: MIT
// Ways into the hypervisor and back to the guest. From ring 3 the frame is CpuInfo::regs at the top of this CPU's stack
// (TSS.rsp0 points behind its hardware part); from ring 0 it nests below. Frame layout: xen/arch-x86/xen-x86_64.h.
#include "traps/entry_macros.h"

    .section .text.entry, "ax", @progbits

// --- SYSCALL -------------------------------------------------------------------------------------------------------
// One stub per CPU: SYSCALL leaves the guest's %rsp in place and no segment base is ours, so the address of the save
// slot has to be in the code: softirq_pending_bits[cpu] = { work pending, guest rsp, &CpuInfo::regs.es }. CPU 0 comes
// last, so that it and its neighbours share a page with what follows: each system call begins with an empty TLB, where
// every page that the way touches costs a walk.
    .macro SYSCALL_STUBS name, common
    .balign SYSCALL_STUB_SIZE
    .globl \name
\name:
    .set cpu, MAX_CPUS - 1
    .rept MAX_CPUS
    .balign SYSCALL_STUB_SIZE
    movq %rsp, softirq_pending_bits + 64 * cpu + 8(%rip)
    movq softirq_pending_bits + 64 * cpu + 16(%rip), %rsp
    pushq $FLAT_SS
    pushq softirq_pending_bits + 64 * cpu + 8(%rip)
    jmp \common
    .set cpu, cpu - 1
    .endr
    .endm

    .balign 4096
    .skip 1024
    SYSCALL_STUBS syscall32_stubs, syscall32_common
    SYSCALL_STUBS syscall_stubs, syscall_common

syscall_common:
    pushq %r11
    pushq $FLAT_CS64
    pushq %rcx
    pushq $0
    movl $ENTRY_SYSCALL, 4(%rsp)
    SAVE_REGS
    movq CPUINFO_current(%rsp), %rbx
    cmpb $0, VCPU_kernel_mode(%rbx)
    je bounce_user_syscall
    cmpq $HYPERCALL_iret, %rax
    je iret_to_user
hypercall:
    sti
    movq %rsp, %rdi
    call hypercall_entry
    jmp exit_vcpu_in_rbx

    // Does something wait for this CPU or the vCPU in %rbx? Uses %rdi and %r10.
    .macro IF_WORK_PENDING label
    movl CPUINFO_cpu(%rsp), %edi
    leaq softirq_pending_bits(%rip), %r10
    shll $6, %edi
    cmpl $0, (%r10, %rdi)
    jne \label
    cmpb $0, VCPU_exit_work(%rbx)
    jne \label
    .endm

    // Loads the page table whose frame number is in %rax, and the other mode's GS base. It takes the TLB with it: what
    // is ours has been read and written before.
    .macro SWITCH_MODE
    shlq $12, %rax
    swapgs
    movq %rax, VCPU_cr3(%rbx)
    movq %rax, %cr3
    .endm

// HYPERVISOR_iret to user mode, half of each system call: as hypercall::iret (pv/iret.cpp), which gets whatever is out of
// the ordinary. Interrupts stay off: an event or softirq that comes meanwhile brings an IPI, taken behind SYSRET.
    .balign 16
iret_to_user:
    movq REGS_rsp(%rsp), %rdx               // iret_context: rax r11 rcx flags rip cs rflags rsp ss
    movabsq $HV_END, %rcx
    cmpq %rcx, %rdx
    jb hypercall
    IF_WORK_PENDING hypercall
    STAC
    GUEST_ACCESS load_failed, movq 8(%rdx), %r11
    GUEST_ACCESS load_failed, movq 16(%rdx), %rdi
    GUEST_ACCESS load_failed, movl 24(%rdx), %r12d
    GUEST_ACCESS load_failed, movq 32(%rdx), %r8
    GUEST_ACCESS load_failed, movq 40(%rdx), %rsi
    GUEST_ACCESS load_failed, movq 48(%rdx), %r9
    GUEST_ACCESS load_failed, movq 56(%rdx), %r10
    GUEST_ACCESS load_failed, movq 64(%rdx), %r13
    GUEST_ACCESS load_failed, movq (%rdx), %rdx
    CLAC
    movzwl %si, %esi
    movl %esi, %ecx
    notl %ecx
    testb $3, %cl                           // to its kernel
    jnz hypercall
    testl $IRET_IN_SYSCALL, %r12d
    jnz hypercall
    movq VCPU_guest_table_user(%rbx), %rax
    testq %rax, %rax
    jz hypercall
    cmpb $0, VCPU_nmi_masked(%rbx)
    jne hypercall
    movl %r9d, %ecx
    shrl $12, %ecx
    andl $3, %ecx
    cmpl VCPU_iopl(%rbx), %ecx              // another one: whether that means anything is for the slow way to say
    jne hypercall
    movq VCPU_info(%rbx), %rcx
    testl $X86_IF, %r9d
    setz %r12b
    jz 1f
    cmpb $0, (%rcx)                         // evtchn_upcall_pending
    jne hypercall
1:  movb %r12b, 1(%rcx)                     // evtchn_upcall_mask
    movq %rdx, REGS_rax(%rsp)
    movb $0, VCPU_kernel_mode(%rbx)
    movq %r9, %r12
    andl $GUEST_FLAGS, %r12d
    orl $X86_IF | 2, %r12d
    movq %r8, REGS_rip(%rsp)
    orl $3, %r13d
    movq %rsi, REGS_cs(%rsp)
    movq %r12, REGS_flags(%rsp)
    movq %r10, REGS_rsp(%rsp)
    movzwl %r13w, %r13d
    movq %r13, REGS_ss(%rsp)
    movq %r11, REGS_r11(%rsp)
    movq %rdi, REGS_rcx(%rsp)
    SWITCH_MODE
    // Back from a system call: RCX = RIP and R11 = RFLAGS, as SYSRET leaves them. It cannot restore TF and RF.
    cmpq %rdi, %r8
    jne exit_iret
    cmpq %r11, %r9
    jne exit_iret
    cmpl $FLAT_SS, %r13d
    jne exit_iret
    testl $X86_TF | X86_RF, %r9d
    jz exit_sysret
    jmp exit_iret
load_failed:
    CLAC
    jmp hypercall

// SYSCALL by guest user code: straight into its kernel, interrupts stay off. On entry %rcx = rip, %r11 = rflags.
    .balign 16
bounce_user_syscall:
    movq VCPU_syscall_eip(%rbx), %r8
    testq %r8, %r8
    jz syscall_unhandled
    movl $1, %r14d
    IF_WORK_PENDING 1f
    xorl %r14d, %r14d
1:  movb $1, VCPU_kernel_mode(%rbx)
    movq VCPU_kernel_sp(%rbx), %rdx         // checked when the guest set it
    movq VCPU_info(%rbx), %rsi
    movl VCPU_iopl(%rbx), %eax
    andq $-16, %rdx
    movzbl 1(%rsi), %edi                    // evtchn_upcall_mask
    shll $12, %eax
    movl %r11d, %r9d
    andl $~(X86_IF | X86_IOPL), %r9d
    orl %eax, %r9d
    cmpl $1, %edi                           // carry: not masked, so the guest's view of IF is 1
    sbbl %eax, %eax
    andl $X86_IF, %eax
    orl %eax, %r9d
    shlq $32, %rdi
    addq $FLAT_CS64, %rdi
    movq REGS_rsp(%rsp), %r10
    movq %r8, REGS_rip(%rsp)
    andl $~X86_CLEARED_ON_BOUNCE, REGS_flags(%rsp)
    leaq -56(%rdx), %rax
    movq %rax, REGS_rsp(%rsp)
    movb VCPU_syscall_disables_events(%rbx), %al
    orb 1(%rsi), %al
    movb %al, 1(%rsi)
    jnz 1f
    orb (%rsi), %r14b                       // evtchn_upcall_pending
1:  movq VCPU_guest_table(%rbx), %rax
    SWITCH_MODE
    STAC
    GUEST_ACCESS bounce_failed, movq $FLAT_SS, -8(%rdx)
    GUEST_ACCESS bounce_failed, movq %r10, -16(%rdx)
    GUEST_ACCESS bounce_failed, movq %r9, -24(%rdx)
    GUEST_ACCESS bounce_failed, movq %rdi, -32(%rdx)
    GUEST_ACCESS bounce_failed, movq %rcx, -40(%rdx)
    GUEST_ACCESS bounce_failed, movq %r11, -48(%rdx)
    GUEST_ACCESS bounce_failed, movq %rcx, -56(%rdx)
    CLAC
    testl %r14d, %r14d
    jz exit_sysret
    jmp exit_check

// --- back to the guest ---------------------------------------------------------------------------------------------
// %rsp = &CpuInfo::regs. Interrupts stay off from the last look at pending work until the guest runs.
    .balign 16
    .globl exit_to_guest
exit_to_guest:
    movq CPUINFO_current(%rsp), %rbx
exit_vcpu_in_rbx:
    cli
exit_check:
    movl CPUINFO_cpu(%rsp), %eax
    leaq softirq_pending_bits(%rip), %rcx
    shll $6, %eax
    cmpl $0, (%rcx, %rax)
    jne exit_softirq
    cmpb $0, VCPU_exit_work(%rbx)
    jne exit_work
    movq VCPU_info(%rbx), %rax
    movzwl (%rax), %eax                     // evtchn_upcall_pending, evtchn_upcall_mask
    testb %ah, %ah
    jnz 1f
    testb %al, %al
    jnz exit_event
1:  testb $ENTRY_SYSCALL >> 8, REGS_entry_vector + 1(%rsp)
    jz exit_iret
exit_sysret:
    // SYSRET faults in ring 0 on the guest's stack when rip is not canonical (Intel): only an IRET may meet that.
    movq REGS_rip(%rsp), %rcx
    movq %rcx, %rax
    shlq $16, %rax
    sarq $16, %rax
    cmpq %rcx, %rax
    jne exit_iret
    cmpw $FLAT_CS64, REGS_cs(%rsp)
    jne exit_iret
    RESTORE_REGS
    movq REGS_rip - REGS_error_code(%rsp), %rcx
    movq REGS_flags - REGS_error_code(%rsp), %r11
    movq REGS_rsp - REGS_error_code(%rsp), %rsp
    sysretq

    .balign 16
exit_iret:
    RESTORE_REGS
    addq $8, %rsp
iret_to_guest:
    iretq
    EXTABLE iret_to_guest, iret_failed

// The guest's own frame was bad. Its registers are live, the frame is intact, %rsp points at regs.rip.
iret_failed:
    pushq $0
    SAVE_REGS
    movq %rsp, %rdi
    call pv_failsafe
    jmp exit_to_guest

// --- copies to and from guest memory ----------------------------------------------------------------------------------
// u64 guest_copy_raw(void* to, const void* from, u64 bytes): bytes NOT copied. Faults on either side end it.
    .balign 16
    .globl guest_copy_raw
guest_copy_raw:
    STAC
    cmpq $128, %rdx
    ja 4f
    movl %edx, %ecx
    shrl $3, %ecx
    jz 2f
1:  EXTABLE_HERE copy_words_fault
    movq (%rsi), %rax
    EXTABLE_HERE copy_words_fault
    movq %rax, (%rdi)
    addq $8, %rsi
    addq $8, %rdi
    subl $1, %ecx
    jnz 1b
2:  andl $7, %edx
    jz copy_done
3:  EXTABLE_HERE copy_bytes_fault
    movb (%rsi), %al
    EXTABLE_HERE copy_bytes_fault
    movb %al, (%rdi)
    addq $1, %rsi
    addq $1, %rdi
    subl $1, %edx
    jnz 3b
copy_done:
    CLAC
    xorl %eax, %eax
    ret
4:  movq %rdx, %rcx
    shrq $3, %rcx
    andl $7, %edx
    EXTABLE_HERE copy_words_fault
    rep movsq
    jmp 2b
copy_words_fault:                           // %rcx words left, then the odd bytes
    CLAC
    andl $7, %edx
    leaq (%rdx, %rcx, 8), %rax
    ret
copy_bytes_fault:
    CLAC
    movl %edx, %eax
    ret

// u64 guest_clear_raw(void* to, u64 bytes): bytes NOT cleared.
    .globl guest_clear_raw
guest_clear_raw:
    STAC
    movq %rsi, %rcx
    xorl %eax, %eax
    EXTABLE_HERE clear_fault
    rep stosb
clear_fault:
    CLAC
    movq %rcx, %rax
    ret

    .macro COMMON_PATH name, handler
    .balign 16
\name:
    SAVE_REGS
    cld
    CLAC
    movq %rsp, %rdi
    testb $3, REGS_cs(%rsp)
    jz 1f
    call \handler
    jmp exit_to_guest
1:  call \handler
    jmp restore_hypervisor
    .endm

    COMMON_PATH exception_common, handle_exception
    COMMON_PATH interrupt_common, handle_interrupt
    COMMON_PATH int80_common, pv_int80

// --- exceptions and interrupts -------------------------------------------------------------------------------------
// 256 stubs of 16 bytes: error_code (0 where the CPU pushes none) and entry_vector, then one of the common paths.
    .balign 16
    .globl entry_stubs
entry_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    .if vector >= 32
    pushq $0
    .elseif (ERROR_CODE_VECTORS >> vector) & 1 == 0
    pushq $0
    .endif
    movl $vector, 4(%rsp)
    .if vector == 1
    jmp debug_common
    .elseif vector == 2
    jmp nmi_common
    .elseif vector == 8
    jmp double_fault_common
    .elseif vector == 18
    jmp machine_check_common
    .elseif vector < 32
    jmp exception_common
    .elseif vector == 0x80
    jmp int80_common
    .else
    jmp interrupt_common
    .endif
    .set vector, vector + 1
    .endr

// IST entries never look for guest work: they may have interrupted anything, a half-done exit path included.
    .macro IST_PATH name, handler
    .balign 16
\name:
    SAVE_REGS
    cld
    CLAC
    movq %rsp, %rdi
    call \handler
    jmp restore_hypervisor
    .endm

    IST_PATH nmi_common, handle_nmi
    IST_PATH machine_check_common, handle_machine_check
    IST_PATH double_fault_common, handle_double_fault

// #DB has its own stack, too: armed by MOV SS and a breakpoint, SYSCALL raises it in ring 0 with the guest's %rsp. One
// that did come from the guest goes on where it would be without the IST.
    .balign 16
debug_common:
    testb $3, 16(%rsp)
    jz debug_in_hypervisor
    pushq %rax
    movq %rsp, %rax
    orq $STACK_SIZE - 1, %rax
    subq $STACK_frame - 1, %rax
    xchgq %rax, %rsp                        // &CpuInfo::regs.es
    pushq 48(%rax)
    pushq 40(%rax)
    pushq 32(%rax)
    pushq 24(%rax)
    pushq 16(%rax)
    pushq 8(%rax)
    movq (%rax), %rax
    jmp exception_common
    IST_PATH debug_in_hypervisor, handle_hypervisor_debug

    .balign 16
restore_hypervisor:
    RESTORE_REGS
    addq $8, %rsp
    iretq

// --- system calls out of the ordinary ---------------------------------------------------------------------------------
bounce_failed:
    CLAC
    movq %rsp, %rdi
    call pv_bounce_failed
    jmp exit_to_guest
syscall_unhandled:
    movq %rsp, %rdi
    call pv_syscall_unhandled
    jmp exit_to_guest

syscall32_common:
    pushq %r11
    pushq $FLAT_CS32
    pushq %rcx
    pushq $0
    movl $ENTRY_SYSCALL, 4(%rsp)
    SAVE_REGS
    movq %rsp, %rdi
    call pv_syscall32
    jmp exit_to_guest

// SYSENTER: the MSR gave us &CpuInfo::regs.es; rip and rsp are known to user code only (in %rdx/%rbp by convention).
    .balign 16
    .globl sysenter_entry
sysenter_entry:
    pushq $FLAT_SS
    pushq $0
    pushfq
    pushq $3
    pushq $0
    pushq $0
    movl $ENTRY_SYSCALL, 4(%rsp)
    SAVE_REGS
    cld
    CLAC
    movq %rsp, %rdi
    call pv_sysenter
    jmp exit_to_guest

exit_softirq:
    sti
    call softirq_process_entry
    jmp exit_vcpu_in_rbx
exit_work:
    movq %rsp, %rdi
    call pv_exit_work
    jmp exit_check
exit_event:
    movq %rsp, %rdi
    call pv_deliver_event
    jmp exit_check

// void jump_to_stack_top(UserRegs* regs, void (*target)()): abandons the current stack.
    .globl jump_to_stack_top
jump_to_stack_top:
    movq %rdi, %rsp
    jmp *%rsi

    .section .note.GNU-stack, "", @progbits
