// SPDX-License-Identifier: MIT
#include "boot/dom0/builder.hpp"

#include "core/debug/panic.hpp"
#include "core/debug/printk.hpp"
#include "core/deferred/softirq.hpp"
#include "core/mm/heap.hpp"
#include "lib/string.hpp"
#include "mm/layout.hpp"
#include "mm/m2p.hpp"
#include "mm/pte.hpp"
#include "pv/mmu.hpp"
#include "pv/pv.hpp"

namespace hv {

namespace {
constexpr u64 table_flags = PteBits::present | PteBits::rw | PteBits::user | PteBits::accessed;
constexpr u64 page_flags = table_flags | PteBits::dirty;
constexpr u64 four_mib = u64{4} << 20, slack = u64{512} << 10;

u64 spans(u64 start, u64 end, unsigned shift) { return ((end - 1) >> shift) - (start >> shift) + 1; }
} // namespace

/// L1, L2, L3 tables that map [start, end).
u64 Dom0Builder::table_count(u64 start, u64 end) const {
    return spans(start, end, 21) + spans(start, end, 30) + spans(start, end, 39);
}

/// kernel | initrd | P2M list | start_info | page tables | stack | 512 KiB of slack, up to a multiple of 4 MiB; the
/// initrd and the P2M list behind all that when the kernel can take them there.
void Dom0Builder::plan(u64 initrd_size) {
    const u64 base = kernel_.virt_base;
    u64 at = align_up(kernel_.end, page_size);
    initrd_pages_ = pages_for(initrd_size);
    p2m_data_pages_ = pages_for(pages_ * 8);
    if (initrd_size && !kernel_.mod_start_pfn) {
        initrd_at_ = at;
        at += initrd_pages_ << page_shift;
    }
    if (kernel_.init_p2m == PvKernel::unset) {
        p2m_at_ = at;
        at += p2m_data_pages_ << page_shift;
    } else {
        p2m_at_ = kernel_.init_p2m;
        p2m_pages_ = p2m_data_pages_ + table_count(p2m_at_, p2m_at_ + (p2m_data_pages_ << page_shift));
    }
    start_info_at_ = at;
    tables_at_ = at + page_size;
    do { // the tables map themselves
        ++table_pages_;
        stack_at_ = tables_at_ + (table_pages_ << page_shift);
        end_ = align_up(stack_at_ + page_size + slack, four_mib);
    } while (table_pages_ < table_count(base, end_) + 1);
    u64 pfn = pfn_of(end_);
    if (initrd_size && kernel_.mod_start_pfn) {
        initrd_pfn_ = pfn;
        pfn += initrd_pages_;
    }
    if (p2m_pages_) {
        p2m_pfn_ = pfn;
        pfn += p2m_pages_;
    }
    if (pfn > pages_) {
        log_error("dom0 needs at least {} MiB for its kernel and initrd, it has {}", pfn >> 8, pages_ >> 8);
        boot_failed("dom0_mem= leaves too little memory for dom0");
    }
    if (kernel_.init_p2m != PvKernel::unset &&
        (p2m_at_ % (u64{1} << 30) || !guest_range_ok(p2m_at_, p2m_data_pages_ << page_shift)))
        boot_failed("the dom0 kernel wants its P2M list at an impossible address");
}

void Dom0Builder::allocate() {
    p2m_order_ = order_for(pages_ * 8);
    p2m_ = static_cast<u64*>(alloc_pages(p2m_order_));
    if (!p2m_) boot_failed("not enough memory for dom0's P2M list");
    unsigned order = 18;
    for (u64 pfn = 0; pfn < pages_;) {
        while ((u64{1} << order) > pages_ - pfn)
            --order;
        const auto got = domain_alloc_pages(domain_, order, {.no_scrub = true});
        if (!got.ok()) {
            if (order == 0) boot_failed("not enough memory for dom0");
            --order;
            continue;
        }
        const Mfn first = mfn_of(*got.value());
        for (u64 i = 0; i < u64{1} << order; ++i, ++pfn) {
            p2m_[pfn] = first.raw() + i;
            m2p_set(first + i, pfn);
        }
        softirq_process_no_schedule();
    }
}

void Dom0Builder::copy_in(u64 pfn, u64 offset, const u8* from, u64 bytes) {
    pfn += offset >> page_shift;
    offset &= page_size - 1;
    while (bytes) {
        const u64 now = min_of(bytes, page_size - offset);
        u8* to = static_cast<u8*>(page(pfn)) + offset;
        if (from) {
            memcpy(to, from, now);
            from += now;
        } else {
            memset(to, 0, now);
        }
        bytes -= now;
        offset = 0;
        ++pfn;
    }
}

void Dom0Builder::load_kernel(const u8* image) {
    pv_kernel_segments(
        image, kernel_,
        [](void* context, u64 address, const u8* bytes, u64 file_size, u64 memory_size) {
            auto& self = *static_cast<Dom0Builder*>(context);
            const u64 offset = address - self.kernel_.virt_base;
            self.copy_in(0, offset, bytes, file_size);
            self.copy_in(0, offset + file_size, nullptr, memory_size - file_size);
        },
        this);
    if (kernel_.hypercall_page != PvKernel::unset)
        pv_write_hypercall_page(static_cast<u8*>(page(pfn_of(kernel_.hypercall_page))));
}

/// One 4 KiB mapping; missing tables come from the pool.
void Dom0Builder::map(u64 address, u64 pfn, PagePool& tables) {
    u64* table = static_cast<u64*>(page(l4_pfn_));
    for (unsigned level = 4; level > 1; --level) {
        u64& entry = table[pte_index(address, level)];
        if (!(entry & PteBits::present)) {
            HV_BUG_ON(tables.next == tables.end);
            memset(page(tables.next), 0, page_size);
            entry = p2m_[tables.next++] << page_shift | table_flags;
        }
        table = map_as<u64>(to_mfn(Maddr{entry & PteBits::address}));
    }
    table[pte_index(address, 1)] = p2m_[pfn] << page_shift | page_flags;
}

void Dom0Builder::build_page_tables() {
    l4_pfn_ = pfn_of(tables_at_);
    PagePool tables{l4_pfn_ + 1, l4_pfn_ + table_pages_};
    memset(page(l4_pfn_), 0, page_size);
    for (u64 at = kernel_.virt_base; at < end_; at += page_size)
        map(at, pfn_of(at), tables);
    for (; tables.next < tables.end; ++tables.next)
        memset(page(tables.next), 0, page_size);
}

void Dom0Builder::map_p2m() {
    u64 first_data = pfn_of(p2m_at_);
    if (p2m_pages_) {
        first_data = p2m_pfn_;
        PagePool tables{p2m_pfn_ + p2m_data_pages_, p2m_pfn_ + p2m_pages_};
        for (u64 i = 0; i < p2m_data_pages_; ++i)
            map(p2m_at_ + (i << page_shift), first_data + i, tables);
    }
    copy_in(first_data, 0, reinterpret_cast<const u8*>(p2m_), pages_ * 8);
}

/// Page tables may be mapped read-only at most.
void Dom0Builder::protect_tables() {
    const u64 begin = tables_at_;
    for (u64 at = begin; at < begin + (table_pages_ << page_shift); at += page_size) {
        u64* table = static_cast<u64*>(page(l4_pfn_));
        for (unsigned level = 4; level > 1; --level)
            table = map_as<u64>(to_mfn(Maddr{table[pte_index(at, level)] & PteBits::address}));
        table[pte_index(at, 1)] &= ~PteBits::rw;
    }
}

void Dom0Builder::write_start_info(const BootModule* initrd, const char* cmdline) {
    auto* info = static_cast<start_info_t*>(page(pfn_of(start_info_at_)));
    memset(info, 0, page_size);
    string_copy(info->magic, sizeof(info->magic), "xen-3.0-x86_64");
    info->nr_pages = pages_;
    info->shared_info = mfn_of_virt(domain_.shared_info).raw() << page_shift;
    info->flags = SIF_PRIVILEGED | SIF_INITDOMAIN;
    info->pt_base = tables_at_;
    info->nr_pt_frames = table_pages_;
    info->mfn_list = p2m_at_;
    info->first_p2m_pfn = p2m_pfn_;
    info->nr_p2m_frames = p2m_pages_;
    if (initrd && initrd->size) {
        info->mod_start = kernel_.mod_start_pfn ? initrd_pfn_ : initrd_at_;
        info->mod_len = initrd->size;
        info->flags |= kernel_.mod_start_pfn ? SIF_MOD_START_PFN : 0;
    }
    if (boot_info.has_console_vga) {
        auto* vga = reinterpret_cast<dom0_vga_console_info_t*>(info + 1);
        vga->video_type = XEN_VGATYPE_TEXT_MODE_3;
        vga->u.text_mode_3.rows = 25;
        vga->u.text_mode_3.columns = 80;
        vga->u.text_mode_3.font_height = 16;
        info->console.dom0.info_off = sizeof(*info);
        info->console.dom0.info_size = sizeof(*vga);
    }
    string_copy(reinterpret_cast<char*>(info->cmd_line), sizeof(info->cmd_line), cmdline);
}

void Dom0Builder::build(const u8* image, const BootModule* initrd, const char* cmdline) {
    plan(initrd ? initrd->size : 0);
    allocate();
    load_kernel(image);
    if (initrd && initrd->size)
        copy_in(kernel_.mod_start_pfn ? initrd_pfn_ : pfn_of(initrd_at_), 0,
                static_cast<const u8*>(direct_map(initrd->start)), initrd->size);
    build_page_tables();
    map_p2m();
    protect_tables();
    write_start_info(initrd, cmdline);
    log_info("dom0: {} MiB, kernel {:x}-{:x}, entry {:x}, initial mapping to {:x}", pages_ >> 8, kernel_.start,
             kernel_.end, kernel_.entry, end_);
}

/// Repeats a preemptible step until it is done.
static void finish(const char* what, auto&& step) {
    for (;;) {
        const Status status = step();
        if (status.ok()) return;
        if (status.error() != Errno::restart) {
            log_error("dom0: {} fails with error {}", what, status.error());
            boot_failed("dom0 could not be built");
        }
        softirq_process_no_schedule();
    }
}

void Dom0Builder::start(Vcpu& vcpu) {
    auto* context = make<vcpu_guest_context_t>();
    if (!context) boot_failed("not enough memory for dom0");
    cpu_user_regs_t& regs = context->user_regs;
    regs.cs = FLAT_KERNEL_CS;
    regs.ss = FLAT_KERNEL_SS;
    regs.rip = kernel_.entry;
    regs.rsp = stack_at_ + page_size;
    regs.rsi = start_info_at_;
    regs.rflags = 0x200;
    context->flags = VGCF_in_kernel;
    context->kernel_ss = FLAT_KERNEL_SS;
    context->kernel_sp = regs.rsp;
    const Mfn l4{p2m_[l4_pfn_]};
    context->ctrlreg[3] = xen_pfn_to_cr3(l4.raw());
    finish("pinning its page table", [&] { return pv_pin_table(domain_, l4, PageType::l4, true); });
    finish("setting its context", [&] { return arch_set_context(vcpu, *context); });
    // A guest starts with its upcalls masked: it has no callback yet.
    for (vcpu_info_t& info : domain_.shared_info->vcpu_info)
        info.evtchn_upcall_mask = 1;
    vcpu.initialised = true;
    vcpu.pause_flags.fetch_and(~PauseFlag::down);
    destroy(context);
    free_pages(p2m_, p2m_order_);
}

} // namespace hv
