// SPDX-License-Identifier: MIT
// What one page-table entry of a guest may say, and the references that it holds while it stands.
#include "cpu/cpuid.hpp"
#include "pv/page_type.hpp"

namespace hv {

namespace {

constexpr u64 table_flags =
    PteBits::present | PteBits::rw | PteBits::user | PteBits::accessed | PteBits::dirty | PteBits::avail | PteBits::nx;
constexpr u64 leaf_flags = table_flags | PteBits::global;

/// Device memory is for those who were given it; only they may choose caching, too.
bool has_devices(const Domain& domain) {
    return domain.is_hardware || !domain.iomem_allowed.empty() || !domain.arch.ioports_allowed.empty();
}

Status device_entry_ok(Mfn mfn, const Domain& owner, const Domain& frames) {
    if (&frames != &owner && &frames != dom_io) return Errno::inval;
    if (mfn.raw() >> (cpu_features.phys_bits - page_shift)) return Errno::inval;
    return owner.iomem_allowed.contains(mfn.raw()) ? Status{} : Status{Errno::perm};
}

} // namespace

u64 fix_entry(u64 raw) { return (raw & PteBits::present) ? (raw | PteBits::user) & ~(PteBits::global) : raw; }

bool l1_flags_ok(L1e entry, const Domain& owner) {
    const u64 odd = entry.flags() & ~leaf_flags;
    return odd == 0 || ((odd & ~PteBits::cache) == 0 && has_devices(owner));
}

Status l1e_get(L1e entry, Domain& owner, Domain& frames) {
    if (!entry.present()) return {};
    if (!l1_flags_ok(entry, owner)) return Errno::inval;
    if (!mfn_is_ram(entry.mfn())) return device_entry_ok(entry.mfn(), owner, frames);
    PageInfo& page = page_of(entry.mfn());
    if (!page_get(page, frames)) return Errno::inval;
    if (!entry.writable()) return {};
    const Status typed = page_get_type(page, PageType::writable);
    if (!typed) page_put(page);
    return typed;
}

void l1e_put(L1e entry) {
    if (!entry.present() || !mfn_is_ram(entry.mfn())) return;
    PageInfo& page = page_of(entry.mfn());
    entry.writable() ? page_put_typed(page) : page_put(page);
}

Status table_entry_get(unsigned level, u64 raw, Domain& owner, bool preemptible) {
    const Pte<4> entry{raw};
    if (!entry.present()) return {};
    if ((entry.flags() & ~table_flags) || !mfn_is_ram(entry.mfn())) return Errno::inval;
    PageInfo& below = page_of(entry.mfn());
    if (!page_get(below, owner)) return Errno::inval;
    const Status typed = page_get_type_below(below, table_type(level - 1), preemptible);
    if (!typed) page_put(below);
    return typed;
}

Status table_entry_put(u64 raw, bool preemptible) {
    const Pte<4> entry{raw};
    if (!entry.present()) return {};
    PageInfo& below = page_of(entry.mfn());
    const Status put = page_put_type_locked(below, preemptible);
    page_put(below);
    return put;
}

} // namespace hv
