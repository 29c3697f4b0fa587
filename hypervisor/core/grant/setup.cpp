// SPDX-License-Identifier: MIT
// Size, version and frames of a grant table: GNTTABOP_setup_table, _query_size, _set_version, _get_version,
// _get_status_frames, _swap_grant_ref.
#include "core/grant/table.hpp"
#include "core/xsm/check.hpp"

namespace hv {

namespace {

/// The domain whose table is asked about, as GNTST_* when the caller may not.
GrantCode find_subject(u16 id, DomainRef& out, XsmOp right) {
    Result<DomainRef> domain = DomainRef::find_any(Domid{id});
    if (!domain.ok() || !domain.value()->grants) return GNTST_bad_domain;
    if (!xsm_check(right, *domain.value()).ok()) return GNTST_permission_denied;
    out = std::move(domain).value();
    return GNTST_okay;
}

/// Tells the guest the frames behind `pages`.
GrantCode list_frames(auto* const* pages, const auto& op, bool& fault) {
    const GuestOut<u64> list(op.frame_list);
    for (u32 i = 0; i < op.nr_frames && !fault; ++i)
        fault = !list.offset(i).write(mfn_of_virt(pages[i]).raw()).ok();
    return GNTST_okay;
}

GrantCode setup_one(const gnttab_setup_table_t& op, bool& fault) {
    DomainRef domain;
    if (const GrantCode code = find_subject(op.dom, domain, XsmOp::grant_setup)) return code;
    GrantTable& table = *domain->grants;
    if (op.nr_frames > table.max_frames) return GNTST_general_error;
    {
        const Guard guard(table.lock);
        if (!grant_grow(*domain, op.nr_frames).ok()) return GNTST_general_error;
    }
    return list_frames(table.shared, op, fault);
}

GrantCode status_frames_one(const gnttab_get_status_frames_t& op, bool& fault) {
    DomainRef domain;
    if (const GrantCode code = find_subject(op.dom, domain, XsmOp::grant_setup)) return code;
    GrantTable& table = *domain->grants;
    if (table.version.load() != 2 || op.nr_frames > table.status_frames) return GNTST_general_error;
    return list_frames(table.status, op, fault);
}

/// Runs an operation that lists frames; only its status is written back.
template <typename T> Status answer(u64 arg, GrantCode (*run)(const T&, bool& fault)) {
    bool fault = false;
    const s16 status = run(TRY(read_guest<T>(arg)), fault);
    if (fault) return Errno::fault;
    return GuestOut<T>(arg).write_field(&T::status, status);
}

/// Nobody pins or unpins an entry any more once version is 0 and every entry's lock was passed. The reserved entries
/// may stay in use: the daemons of the console and the store map them for the domain's whole life.
bool quiesce(GrantTable& table, u32 old_version) {
    table.version.store(0);
    for (u32 ref = 0; ref < table.entries(old_version); ++ref) {
        const Guard guard(table.active_at(ref).lock);
        if (ref >= GNTTAB_NR_RESERVED_ENTRIES && table.active_at(ref).pins.any()) {
            table.version.store(old_version);
            return false;
        }
    }
    return true;
}

/// Empties the table but for the reserved entries, which are carried over (console and xenstore, set by the tools).
void convert(GrantTable& table, u32 to) {
    grant_entry_v1_t kept[GNTTAB_NR_RESERVED_ENTRIES] = {};
    for (u32 i = 0; i < GNTTAB_NR_RESERVED_ENTRIES; ++i) {
        u16 flags, domid;
        u64 frame;
        if (to == 2) {
            const auto& entry = table.shared_at<grant_entry_v1_t>(i);
            flags = read_once(entry.flags), domid = read_once(entry.domid), frame = read_once(entry.frame);
        } else {
            const auto& entry = table.shared_at<grant_entry_v2_t>(i);
            flags = read_once(entry.hdr.flags), domid = read_once(entry.hdr.domid);
            frame = read_once(entry.full_page.frame);
        }
        const bool fits = (flags & GTF_type_mask) == GTF_permit_access && !(flags & GTF_sub_page) && !(frame >> 32);
        if (fits) kept[i] = {static_cast<u16>(flags & ~(GTF_reading | GTF_writing)), domid, static_cast<u32>(frame)};
    }
    for (u32 i = 0; i < table.frames.load(); ++i)
        __builtin_memset(table.shared[i], 0, page_size);
    for (u32 i = 0; i < table.status_frames; ++i)
        __builtin_memset(table.status[i], 0, page_size);
    for (u32 i = 0; i < GNTTAB_NR_RESERVED_ENTRIES; ++i) {
        const GrantPins& pins = table.active_at(i).pins;
        const auto in_use = static_cast<u16>((pins.any() ? GTF_reading : 0) | (pins.writers() ? GTF_writing : 0));
        if (to == 2) {
            auto& entry = table.shared_at<grant_entry_v2_t>(i);
            entry.full_page.frame = kept[i].frame;
            entry.hdr = {kept[i].flags, kept[i].domid};
            table.status[0][i] = in_use;
        } else {
            kept[i].flags |= in_use;
            table.shared_at<grant_entry_v1_t>(i) = kept[i];
        }
    }
}

GrantCode swap_one(const gnttab_swap_grant_ref_t& op) {
    GrantTable& table = *current().domain->grants;
    const u32 limit = table.entries(table.version.load());
    if (op.ref_a >= limit || op.ref_b >= limit) return GNTST_bad_gntref;
    if (op.ref_a == op.ref_b) return GNTST_okay;
    Active& a = table.active_at(op.ref_a);
    Active& b = table.active_at(op.ref_b);
    const DoubleGuard guard(a.lock, b.lock);
    const u32 version = table.version.load();
    if (a.pins.any() || b.pins.any() || !version) return GNTST_eagain;
    if (op.ref_a >= table.entries(version) || op.ref_b >= table.entries(version)) return GNTST_bad_gntref;
    if (version == 1)
        std::swap(table.shared_at<grant_entry_v1_t>(op.ref_a), table.shared_at<grant_entry_v1_t>(op.ref_b));
    else
        std::swap(table.shared_at<grant_entry_v2_t>(op.ref_a), table.shared_at<grant_entry_v2_t>(op.ref_b));
    return GNTST_okay;
}

} // namespace

Status grant_op::setup_table(u64 arg) { return answer<gnttab_setup_table_t>(arg, setup_one); }
Status grant_op::get_status_frames(u64 arg) { return answer<gnttab_get_status_frames_t>(arg, status_frames_one); }

Status grant_op::query_size(u64 arg) {
    auto op = TRY(read_guest<gnttab_query_size_t>(arg));
    DomainRef domain;
    op.status = find_subject(op.dom, domain, XsmOp::grant_query_size);
    if (op.status == GNTST_okay) {
        op.nr_frames = domain->grants->frames.load();
        op.max_nr_frames = domain->grants->max_frames;
    }
    return GuestOut<gnttab_query_size_t>(arg).write(op);
}

Status grant_op::get_version(u64 arg) {
    const auto op = TRY(read_guest<gnttab_get_version_t>(arg));
    const DomainRef domain = TRY(DomainRef::find_any(Domid{op.dom}));
    TRY(xsm_check(XsmOp::grant_query_size, *domain));
    if (!domain->grants) return Errno::inval;
    return GuestOut<gnttab_get_version_t>(arg).write_field(&gnttab_get_version_t::version,
                                                           domain->grants->version.load());
}

Status grant_op::set_version(u64 arg) {
    const auto op = TRY(read_guest<gnttab_set_version_t>(arg));
    if (op.version != 1 && op.version != 2) return Errno::inval;
    Domain& domain = *current().domain;
    GrantTable& table = *domain.grants;
    if (op.version > table.max_version) return Errno::nosys;
    const Guard guard(table.lock);
    if (const u32 version = table.version.load(); version != op.version) {
        if (op.version == 2) TRY(grant_grow_status(domain, table.frames.load()));
        if (!quiesce(table, version)) return Errno::busy;
        convert(table, op.version);
        table.version.store(op.version);
    }
    return GuestOut<gnttab_set_version_t>(arg).write(op);
}

Status grant_op::swap_refs(u64& args, u64& count) {
    return for_each_op<gnttab_swap_grant_ref_t>(
        args, count, [](gnttab_swap_grant_ref_t& op) { op.status = swap_one(op); }, [] {});
}

} // namespace hv
