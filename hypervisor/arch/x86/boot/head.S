/* SPDX-License-Identifier: MIT */
/*
 * From the boot loader (Multiboot 1 or 2: 32-bit protected mode, paging off, %eax magic, %ebx information) to
 * hv_main(magic, info) in 64-bit mode on the boot CPU's stack. See boot/image.hpp for what is mapped then.
 */
#include "asm_const.h"

#define PHYS(symbol) ((symbol) - IMAGE_START + IMAGE_LOAD)

        .section .multiboot, "ax"
        .balign 4
        /* Multiboot 1 (0.6.96 section 3.1): page-aligned modules, memory map wanted. */
mb1:    .long 0x1badb002, 3, -(0x1badb002 + 3)

        .balign 8
        /* Multiboot 2 (2.0 section 3.1), architecture i386: entered in 32-bit mode on EFI, too. */
mb2:    .long 0xe85250d6, 0, mb2_end - mb2, -(0xe85250d6 + (mb2_end - mb2))
        .balign 8
        .word 1, 0                      /* information request: we cannot do without a memory map */
        .long 12, 6
        .balign 8
        .word 6, 1                      /* modules page-aligned */
        .long 8
        .balign 8
        .word 0, 0                      /* end */
        .long 8
mb2_end:

        .section .text.head, "ax"
        .code32
        .globl boot_entry
boot_entry:
        cli
        cld
        movl    %eax, %ebp              /* magic */
        movl    %ebx, %esi              /* information */
        movl    $PHYS(boot_gdt_pointer), %eax
        lgdt    (%eax)
        movl    $0x18, %eax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        ljmp    $0x10, $PHYS(1f)
1:      movl    $PHYS(boot_cpu_stack) + STACK_SIZE - 0x200, %esp

        movl    $0x80000000, %eax
        cpuid
        movl    $PHYS(no_long_mode), %edi
        cmpl    $0x80000001, %eax
        jb      die
        movl    $0x80000001, %eax
        cpuid
        btl     $29, %edx
        jnc     die
        xorl    %ebx, %ebx              /* EFER.NXE where the CPU has NX */
        btl     $20, %edx
        adcl    $0, %ebx
        movb    %bl, PHYS(boot_has_nx)

        /* First 4 GiB in 2 MiB pages, for the identity and the direct map. */
        movl    $PHYS(boot_l2_low), %edi
        movl    $0x83, %eax
        xorl    %ecx, %ecx
1:      movl    %eax, (%edi,%ecx,8)
        movl    $0, 4(%edi,%ecx,8)
        addl    $0x200000, %eax
        incl    %ecx
        cmpl    $2048, %ecx
        jne     1b
        movl    $PHYS(boot_l3_low), %edi
        movl    $PHYS(boot_l2_low) + 3, %eax
        xorl    %ecx, %ecx
1:      movl    %eax, (%edi,%ecx,8)
        addl    $4096, %eax
        incl    %ecx
        cmpl    $4, %ecx
        jne     1b
        /* The image: 16 MiB from its load address. */
        movl    $PHYS(boot_l2_image), %edi
        movl    $IMAGE_LOAD + 0x83, %eax
        xorl    %ecx, %ecx
1:      movl    %eax, (%edi,%ecx,8)
        addl    $0x200000, %eax
        incl    %ecx
        cmpl    $8, %ecx
        jne     1b
        movl    $PHYS(boot_l2_image) + 3, PHYS(boot_l3_image) + 8 * 448
        movl    $PHYS(boot_l3_low) + 3, PHYS(boot_l4)
        movl    $PHYS(boot_l3_low) + 3, PHYS(boot_l4) + 8 * 262
        movl    $PHYS(boot_l3_image) + 3, PHYS(boot_l4) + 8 * 261

        movl    $PHYS(boot_l4), %eax
        call    enter_long_mode
        ljmp    $0x08, $PHYS(boot_entry64)

/* Paging and long mode on with the tables at %eax; %ebx: NX wanted. Clobbers %eax, %ecx, %edx. */
enter_long_mode:
        movl    %eax, %cr3
        movl    $0x20, %eax             /* CR4.PAE alone: cpu_init() sets the rest */
        movl    %eax, %cr4
        movl    $0xc0000080, %ecx
        rdmsr
        orl     $0x100, %eax            /* EFER.LME */
        testl   %ebx, %ebx
        jz      1f
        orl     $0x800, %eax
1:      wrmsr
        movl    $0x80010011, %eax       /* CR0: PG, WP, ET, PE */
        movl    %eax, %cr0
        ret

/* Without any C++ to stand on: one line on COM1, then stop. %edi: message. */
die:    movw    $0x3f9, %dx             /* no interrupts, 115200 8n1 */
        xorl    %eax, %eax
        outb    %al, %dx
        movw    $0x3fb, %dx
        movb    $0x80, %al
        outb    %al, %dx
        movw    $0x3f8, %dx
        movb    $1, %al
        outb    %al, %dx
        incw    %dx
        xorl    %eax, %eax
        outb    %al, %dx
        movw    $0x3fb, %dx
        movb    $3, %al
        outb    %al, %dx
2:      movw    $0x3fd, %dx
3:      inb     %dx, %al
        testb   $0x20, %al
        jz      3b
        movb    (%edi), %al
        testb   %al, %al
        jz      4f
        movw    $0x3f8, %dx
        outb    %al, %dx
        incl    %edi
        jmp     2b
4:      hlt
        jmp     4b
no_long_mode:
        .asciz "(Hospes) this CPU has no 64-bit mode: cannot run\r\n"

        .code64
boot_entry64:
        movabsq $1f, %rax
        jmp     *%rax
1:      xorl    %eax, %eax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    %ax, %fs
        movw    %ax, %gs
        leaq    boot_cpu_stack + STACK_SIZE - 0x200(%rip), %rsp
        movl    %ebp, %edi
        movl    %esi, %esi
        xorl    %ebp, %ebp
        call    hv_main
        ud2

/*
 * Start-up of an application processor: copied to TRAMPOLINE below 1 MiB, entered there in real mode by the SIPI.
 * The boot CPU fills in ap_stack_top and ap_cr3 before each SIPI.
 */
#define LOW(symbol) ((symbol) - ap_trampoline_start + TRAMPOLINE)
        .code16
        .globl ap_trampoline_start, ap_trampoline_end
ap_trampoline_start:
        cli
        cld
        xorw    %ax, %ax
        movw    %ax, %ds
        lgdtl   LOW(ap_gdt_pointer)
        movl    %cr0, %eax
        orl     $1, %eax
        movl    %eax, %cr0
        ljmpl   $0x10, $LOW(1f)
ap_gdt_pointer:
        .word   31
        .long   LOW(ap_gdt)
        .balign 8
ap_gdt: .quad 0, 0x00af9a000000ffff, 0x00cf9a000000ffff, 0x00cf92000000ffff
        .code32
1:      movl    $0x18, %eax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movl    $LOW(ap_low_stack), %esp
        movzbl  PHYS(boot_has_nx), %ebx
        movl    $PHYS(boot_l4), %eax
        movl    $PHYS(enter_long_mode), %edx
        call    *%edx
        ljmp    $0x08, $LOW(2f)
        .code64
2:      movabsq $ap_entry64, %rax
        jmp     *%rax
        .balign 16
        .fill   64
ap_low_stack:
ap_trampoline_end:

ap_entry64:
        xorl    %eax, %eax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    %ax, %fs
        movw    %ax, %gs
        movq    ap_cr3(%rip), %rax      /* boot_l4 does not reach a stack above 4 GiB */
        movq    %rax, %cr3
        movq    ap_stack_top(%rip), %rsp
        xorl    %ebp, %ebp
        call    ap_main
        ud2

        .section .data, "aw"
        .balign 8
boot_gdt:
        .quad 0, 0x00af9a000000ffff, 0x00cf9a000000ffff, 0x00cf92000000ffff
boot_gdt_pointer:
        .word   31
        .quad   PHYS(boot_gdt)
        .globl  ap_stack_top, ap_cr3, boot_has_nx
        .balign 8
ap_stack_top:
        .quad 0
ap_cr3: .quad 0
boot_has_nx:
        .byte 0

        .section .bss.stack_aligned, "aw", @nobits
        .balign STACK_SIZE
        .globl  boot_cpu_stack, boot_l4
boot_cpu_stack:
        .skip   STACK_SIZE
boot_l4:        .skip 4096
boot_l3_low:    .skip 4096
boot_l3_image:  .skip 4096
boot_l2_image:  .skip 4096
boot_l2_low:    .skip 4 * 4096

        .section .note.GNU-stack, "", @progbits
