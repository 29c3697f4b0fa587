// SPDX-License-Identifier: MIT
// Dom0Builder: lays out and fills the memory of the control domain (start-of-day: xen/xen.h "Start-of-day memory
// layout"). Every failure is one line and a stop.
#pragma once

#include "boot/dom0/elf.hpp"
#include "core/domain/domain.hpp"
#include "core/init/boot_info.hpp"

namespace hv {

/// Pages in a row that become page tables (or P2M pages) as they are needed.
struct PagePool {
    u64 next = 0, end = 0; ///< pfns
};

class Dom0Builder {
  public:
    Dom0Builder(Domain& domain, const PvKernel& kernel, u64 pages) : domain_(domain), kernel_(kernel), pages_(pages) {}
    void build(const u8* image, const BootModule* initrd, const char* cmdline);
    void start(Vcpu& vcpu);

  private:
    void plan(u64 initrd_size);
    void allocate();
    void copy_in(u64 pfn, u64 offset, const u8* from, u64 bytes);
    void load_kernel(const u8* image);
    void map(u64 address, u64 pfn, PagePool& tables);
    [[nodiscard]] u64 table_count(u64 start, u64 end) const;
    void build_page_tables();
    void map_p2m();
    void protect_tables();
    void write_start_info(const BootModule* initrd, const char* cmdline);
    [[nodiscard]] u64 pfn_of(u64 address) const { return (address - kernel_.virt_base) >> page_shift; }
    void* page(u64 pfn) const { return map_of(Mfn{p2m_[pfn]}); }

    Domain& domain_;
    const PvKernel& kernel_;
    u64 pages_;
    u64* p2m_ = nullptr; ///< our own copy: mfn by pfn
    unsigned p2m_order_ = 0;
    // Virtual addresses of the initial mapping, one region after the other.
    u64 initrd_at_ = 0, p2m_at_ = 0, start_info_at_ = 0, tables_at_ = 0, stack_at_ = 0, end_ = 0;
    u64 table_pages_ = 0;
    // Frames behind it, not in the initial mapping.
    u64 initrd_pfn_ = 0, initrd_pages_ = 0;
    u64 p2m_pfn_ = 0, p2m_pages_ = 0, p2m_data_pages_ = 0;
    u64 l4_pfn_ = 0;
};

/// What dom0 may touch of the machine: everything but what the hypervisor drives itself.
void dom0_grant_machine(Domain& domain);

} // namespace hv
