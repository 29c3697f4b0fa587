// SPDX-License-Identifier: MIT
// Grants between two domains on the fake machine: map, unmap, copy, transfer, change of version, end of a domain.
// Whatever is refused leaves no pin, no reference and no in-use bit; whatever is undone gives all of them back.
#include <catch2/catch.hpp>
#include <cstring>
#include <map>
#include <random>
#include <vector>

#include "core/domain/table.hpp"
#include "core/grant/table.hpp"
#include "core/mm/page.hpp"
#include "machine.hpp"

namespace hv {

namespace {
std::map<u64, u64> mapped; // the current guest's page tables: address to frame and whether it is writable
bool tables_refuse;
} // namespace

// The page-table side: what arch/x86/pv/grant_map.cpp does, without page tables.
Status arch_grant_map(const GrantMapRequest& request) {
    if (tables_refuse || mapped.count(request.host_addr)) return Errno::inval;
    mapped[request.host_addr] = request.mfn.raw() << 1 | !(request.flags & GNTMAP_readonly);
    return {};
}
Status arch_grant_unmap(const GrantMapRequest& request, u64) {
    const auto found = mapped.find(request.host_addr);
    if (found == mapped.end() || found->second != (request.mfn.raw() << 1 | !(request.flags & GNTMAP_readonly)))
        return Errno::inval;
    mapped.erase(found);
    return {};
}

namespace {

struct Guest {
    explicit Guest(u16 id, u32 maptrack_pages = 2) : domain(hvtest::new_domain(id, 64)) {
        REQUIRE(grant_table_create(domain, 2, maptrack_pages, 2).ok());
        REQUIRE(domain_table_reserve(domain.id).ok());
        REQUIRE(domain_table_insert(domain));
        hvtest::machine.guest_read = [](u64 a, void* to, usize n) {
            return a >= page_size && std::memcpy(to, reinterpret_cast<void*>(a), n);
        };
        hvtest::machine.guest_write = [](u64 a, const void* from, usize n) {
            return a >= page_size && std::memcpy(reinterpret_cast<void*>(a), from, n);
        };
    }
    Guest(const Guest&) = delete;
    Guest& operator=(const Guest&) = delete;
    ~Guest() {
        end();
        CHECK(domain.refs.load() <= 2); // its own, and the one of its pages
        domain_table_remove(domain);
        grant_table_destroy(domain);
        CHECK(domain.hv_pages == 0);
        hvtest::end_domain(domain);
        mapped.clear();
        hvtest::machine.guest_read = {};
        hvtest::machine.guest_write = {};
    }
    void end() {
        domain.dying.store(Domain::Dying::dying);
        hvtest::machine.preempt_after = 1;
        for (Status status; !(status = grant_table_relinquish(domain)).ok();)
            REQUIRE(status.error() == Errno::restart);
        hvtest::machine.preempt_after = 0;
    }
    Guest& runs() {
        cpu_info().current = domain.vcpus[0];
        return *this;
    }
    PageInfo& page() { return hvtest::new_page(domain); }
    GrantTable& table() { return *domain.grants; }
    grant_entry_v1_t& v1(u32 ref) { return static_cast<grant_entry_v1_t*>(table().shared[0])[ref]; }
    grant_entry_v2_t& v2(u32 ref) { return static_cast<grant_entry_v2_t*>(table().shared[0])[ref]; }
    void grant(u32 ref, u16 to, const PageInfo& what, u16 flags = GTF_permit_access) {
        v1(ref).domid = to;
        v1(ref).frame = static_cast<u32>(mfn_of(what).raw());
        v1(ref).flags = flags;
    }
    [[nodiscard]] u16 in_use(u32 ref) { return v1(ref).flags & (GTF_reading | GTF_writing); }
    [[nodiscard]] bool pinned(u32 ref) { return table().active_at(ref).pins.any(); }
    gnttab_map_grant_ref_t map(u16 of, u32 ref, u64 at, u32 flags = GNTMAP_host_map) {
        gnttab_map_grant_ref_t op{at, flags, ref, of, 0, ~0U, 0};
        u64 args = reinterpret_cast<u64>(&op), count = 1;
        runs();
        REQUIRE(grant_op::map(args, count).ok());
        return op;
    }
    s16 unmap(u32 handle, u64 at, u64 bus = 0) {
        gnttab_unmap_grant_ref_t op{at, bus, handle, 0};
        u64 args = reinterpret_cast<u64>(&op), count = 1;
        runs();
        REQUIRE(grant_op::unmap(args, count).ok());
        return op.status;
    }
    s16 copy(gnttab_copy_t op) {
        u64 args = reinterpret_cast<u64>(&op), count = 1;
        runs();
        REQUIRE(grant_op::copy(args, count).ok());
        return op.status;
    }
    s16 transfer(const PageInfo& page, u16 to, u32 ref) {
        gnttab_transfer_t op{mfn_of(page).raw(), to, ref, 0};
        u64 args = reinterpret_cast<u64>(&op), count = 1;
        runs();
        REQUIRE(grant_op::transfer(args, count).ok());
        return op.status;
    }
    Status set_version(u32 version) {
        gnttab_set_version_t op{version};
        runs();
        return grant_op::set_version(reinterpret_cast<u64>(&op));
    }
    Domain& domain;
};

u64 refs(const PageInfo& page) { return page.count_.load() & PageBits::refs; }
u64 writers(const PageInfo& page) { return page_type(page) == PageType::writable ? page_type_count(page) : 0; }

gnttab_copy_t copy_from(u16 domid, u32 ref, u16 offset, u16 length, const PageInfo& to) {
    gnttab_copy_t op{};
    op.source.u.ref = ref, op.source.domid = domid, op.source.offset = offset;
    op.dest.u.gmfn = mfn_of(to).raw(), op.dest.domid = DOMID_SELF;
    op.len = length, op.flags = GNTCOPY_source_gref;
    return op;
}

constexpr u64 window = 0x10000, window2 = 0x20000;

} // namespace

TEST_CASE("grants: a mapping holds page, domain and entry until the last part of it goes", "[grant]") {
    Guest a(1), b(2);
    PageInfo& page = a.page();
    a.grant(20, 2, page);
    const u32 domain_refs = a.domain.refs.load();
    const auto rw = b.map(1, 20, window, GNTMAP_host_map | GNTMAP_device_map);
    REQUIRE(rw.status == GNTST_okay);
    CHECK(rw.dev_bus_addr == mfn_of(page).raw() << page_shift);
    CHECK(a.in_use(20) == (GTF_reading | GTF_writing));
    CHECK(refs(page) == 3);
    CHECK(writers(page) == 2);
    const auto ro = b.map(1, 20, window2, GNTMAP_host_map | GNTMAP_readonly);
    REQUIRE(ro.status == GNTST_okay);
    CHECK(refs(page) == 4);
    CHECK(writers(page) == 2);
    CHECK(a.domain.refs.load() == domain_refs + 2);

    CHECK(b.unmap(rw.handle, window2) == GNTST_general_error); // not where it is
    CHECK(b.unmap(rw.handle, window, 0x5000) == GNTST_bad_dev_addr);
    CHECK(b.unmap(4711, window) == GNTST_bad_handle);
    CHECK(refs(page) == 4);
    const unsigned flushes = hvtest::machine.tlb_flushes;
    CHECK(b.unmap(rw.handle, window) == GNTST_okay);
    CHECK(hvtest::machine.tlb_flushes <= flushes + 1);
    CHECK(writers(page) == 1); // the device's part lives
    CHECK(a.in_use(20) == (GTF_reading | GTF_writing));
    CHECK(b.unmap(rw.handle, window) != GNTST_bad_handle);
    CHECK(b.unmap(rw.handle, 0, rw.dev_bus_addr) == GNTST_okay);
    CHECK(writers(page) == 0);
    CHECK(a.in_use(20) == GTF_reading);
    CHECK(b.unmap(rw.handle, window) == GNTST_bad_handle);
    CHECK(b.unmap(ro.handle, window2) == GNTST_okay);
    CHECK(a.in_use(20) == 0);
    CHECK_FALSE(a.pinned(20));
    CHECK(refs(page) == 1);
    CHECK(a.domain.refs.load() == domain_refs);
}

TEST_CASE("grants: what is refused leaves no trace", "[grant]") {
    Guest a(1), b(2);
    PageInfo &page = a.page(), &table_page = a.page(), &foreign = b.page();
    a.grant(20, 2, page, GTF_permit_access | GTF_readonly);
    a.grant(21, 3, page);
    a.grant(22, 2, table_page);
    a.grant(23, 2, foreign);
    a.grant(24, 2, page, GTF_accept_transfer);
    a.v1(25).domid = 2, a.v1(25).frame = ~u32{0}, a.v1(25).flags = GTF_permit_access;
    table_page.type_.store(u64{1} << 60 | u64{1} << 58 | 1); // a validated L1 table
    const u32 domain_refs = a.domain.refs.load();
    CHECK(b.map(1, 20, window).status == GNTST_permission_denied);
    CHECK(b.map(1, 21, window).status == GNTST_general_error);
    CHECK(b.map(1, 22, window).status == GNTST_general_error); // writable and a page table: never
    CHECK(b.map(1, 23, window).status == GNTST_general_error);
    CHECK(b.map(1, 24, window).status == GNTST_general_error);
    CHECK(b.map(1, 25, window).status == GNTST_general_error);
    CHECK(b.map(1, 30, window).status == GNTST_general_error); // an empty entry
    for (const u32 ref : {512U, 1024U, 0x7fffffffU, ~0U})
        CHECK(b.map(1, ref, window).status == GNTST_bad_gntref);
    for (const u16 domid : {u16{9}, u16{0x7ff1}, u16{0x7fff}, u16{0xffff}})
        CHECK(b.map(domid, 20, window).status == GNTST_bad_domain);
    CHECK(b.map(1, 20, window, GNTMAP_readonly).status != GNTST_okay); // a mapping of no kind
    tables_refuse = true;
    CHECK(b.map(1, 20, window, GNTMAP_host_map | GNTMAP_readonly | GNTMAP_device_map).status == GNTST_general_error);
    tables_refuse = false;
    for (u32 ref = 20; ref < 31; ++ref) {
        CHECK_FALSE(a.pinned(ref));
        CHECK(a.in_use(ref) == 0);
    }
    CHECK(refs(page) == 1);
    CHECK(refs(table_page) == 1);
    CHECK(refs(foreign) == 1);
    CHECK(a.domain.refs.load() == domain_refs);
    // Reading a page table is harmless.
    const auto look = b.map(1, 22, window, GNTMAP_host_map | GNTMAP_readonly);
    CHECK(look.status == GNTST_okay);
    CHECK(b.unmap(look.handle, window) == GNTST_okay);
    table_page.type_.store(0);
}

TEST_CASE("grants: handles run out without a trace and come back", "[grant]") {
    Guest a(1), b(2, 1);
    PageInfo& page = a.page();
    a.grant(20, 2, page);
    std::vector<u32> handles;
    for (;;) {
        const auto op = b.map(1, 20, window + handles.size() * page_size);
        if (op.status == GNTST_no_space) break;
        REQUIRE(op.status == GNTST_okay);
        handles.push_back(op.handle);
        REQUIRE(handles.size() <= Maptrack::per_page);
    }
    CHECK(handles.size() == Maptrack::per_page);
    CHECK(writers(page) == handles.size());
    CHECK(b.unmap(handles[7], window + 7 * page_size) == GNTST_okay);
    CHECK(b.map(1, 20, window2 << 8).handle == handles[7]);
    b.end(); // a domain that dies with all of them
    CHECK_FALSE(a.pinned(20));
    CHECK(a.in_use(20) == 0);
    // The references behind the entries go with the page tables, which this machine has not.
    for (u64 i = 0; i < handles.size(); ++i)
        TypedPageRef::adopt(page).reset();
    CHECK(refs(page) == 1);
}

TEST_CASE("grants: the version changes around the reserved entries that the tools map", "[grant]") {
    Guest a(1), b(2);
    PageInfo &store = a.page(), &other = a.page();
    a.grant(GNTTAB_RESERVED_XENSTORE, 2, store);
    a.grant(30, 2, other);
    const auto held = b.map(1, GNTTAB_RESERVED_XENSTORE, window);
    REQUIRE(held.status == GNTST_okay);
    const auto busy = b.map(1, 30, window2);
    REQUIRE(busy.status == GNTST_okay);
    CHECK(a.set_version(2).error() == Errno::busy);
    CHECK(a.table().version.load() == 1);
    CHECK(b.unmap(busy.handle, window2) == GNTST_okay);
    CHECK(a.set_version(3).error() == Errno::inval);
    REQUIRE(a.set_version(2).ok());
    CHECK(a.table().status[0][GNTTAB_RESERVED_XENSTORE] == (GTF_reading | GTF_writing));
    CHECK(a.v2(GNTTAB_RESERVED_XENSTORE).hdr.flags == GTF_permit_access);
    CHECK(a.v2(GNTTAB_RESERVED_XENSTORE).hdr.domid == 2);
    CHECK(a.v2(GNTTAB_RESERVED_XENSTORE).full_page.frame == mfn_of(store).raw());
    CHECK(a.v2(30).hdr.flags == 0); // the others start empty
    REQUIRE(a.set_version(1).ok());
    CHECK(a.v1(GNTTAB_RESERVED_XENSTORE).flags == (GTF_permit_access | GTF_reading | GTF_writing));
    CHECK(a.v1(GNTTAB_RESERVED_XENSTORE).frame == mfn_of(store).raw());
    CHECK(a.v1(30).flags == 0);
    CHECK(b.unmap(held.handle, window) == GNTST_okay);
    CHECK(a.in_use(GNTTAB_RESERVED_XENSTORE) == 0);
    CHECK(refs(store) == 1);
}

TEST_CASE("grants: copies keep within their pages and let go of both sides", "[grant]") {
    Guest a(1), b(2);
    PageInfo &page = a.page(), &target = b.page();
    a.grant(20, 2, page, GTF_permit_access | GTF_readonly);
    std::memcpy(static_cast<u8*>(map_of(page)) + 100, "hello", 5);
    CHECK(b.copy(copy_from(1, 20, 100, 5, target)) == GNTST_okay);
    CHECK(std::memcmp(map_of(target), "hello", 5) == 0);
    CHECK(b.copy(copy_from(1, 20, 4090, 7, target)) == GNTST_bad_copy_arg);
    CHECK(b.copy(copy_from(1, 20, 0xffff, 0xffff, target)) == GNTST_bad_copy_arg);
    CHECK(b.copy(copy_from(1, 20, 0, 5, page)) == GNTST_general_error); // into a page of somebody else's
    CHECK(b.copy(copy_from(7, 20, 0, 5, target)) == GNTST_bad_domain);
    gnttab_copy_t back = copy_from(1, 20, 0, 5, target);
    std::swap(back.source, back.dest);
    back.flags = GNTCOPY_dest_gref;
    CHECK(b.copy(back) == GNTST_permission_denied); // granted for reading
    back.source.domid = 1;
    CHECK(b.copy(back) == GNTST_permission_denied); // frames are named by their owner only
    CHECK_FALSE(a.pinned(20));
    CHECK(a.in_use(20) == 0);
    CHECK(refs(page) == 1);
    CHECK(refs(target) == 1);
    CHECK(writers(target) == 0);

    REQUIRE(a.set_version(2).ok());
    a.v2(20).sub_page.page_off = 64, a.v2(20).sub_page.length = 64, a.v2(20).sub_page.frame = mfn_of(page).raw();
    a.v2(20).hdr.domid = 2, a.v2(20).hdr.flags = GTF_permit_access | GTF_sub_page;
    CHECK(b.copy(copy_from(1, 20, 64, 64, target)) == GNTST_okay);
    CHECK(b.copy(copy_from(1, 20, 63, 2, target)) == GNTST_general_error);
    CHECK(b.copy(copy_from(1, 20, 127, 2, target)) == GNTST_general_error);
    CHECK(b.map(1, 20, window).status == GNTST_general_error); // parts are never mapped
    CHECK_FALSE(a.pinned(20));
    CHECK(a.table().status[0][20] == 0);
}

TEST_CASE("grants: a transferred page has one owner at any time", "[grant]") {
    Guest a(1), b(2);
    PageInfo &page = a.page(), &kept = a.page();
    b.page();
    b.grant(40, 1, kept, GTF_accept_transfer);
    const u32 of_a = a.domain.tot_pages, of_b = b.domain.tot_pages;
    CHECK(a.transfer(page, 2, 40) == GNTST_okay);
    CHECK(owner_of(page) == &b.domain);
    CHECK(a.domain.tot_pages == of_a - 1);
    CHECK(b.domain.tot_pages == of_b + 1);
    CHECK((b.v1(40).flags & GTF_transfer_completed) != 0);
    CHECK(b.v1(40).frame == mfn_of(page).raw());
    CHECK(a.transfer(page, 2, 40) == GNTST_bad_page); // no longer its own
    PageRef in_use = PageRef::take(mfn_of(kept), a.domain).value();
    CHECK(a.transfer(kept, 2, 40) == GNTST_bad_page); // somebody uses it
    in_use.reset();
    CHECK(owner_of(kept) == &a.domain);
    CHECK(a.transfer(kept, 2, 40) != GNTST_okay); // the entry is used up: the page is lost to the heap, as Xen has it
    CHECK(a.domain.tot_pages == of_a - 2);
    CHECK(b.domain.tot_pages == of_b + 1);
}

TEST_CASE("grants: any order of mapping and unmapping keeps the books", "[grant]") {
    std::mt19937 random(GENERATE(1, 2, 3));
    Guest a(1), b(2);
    struct Held {
        u32 handle, ref;
        u64 at;
        bool readonly;
    };
    std::vector<Held> held;
    std::vector<PageInfo*> pages;
    for (u32 i = 0; i < 4; ++i) {
        pages.push_back(&a.page());
        a.grant(20 + i, 2, *pages[i], i == 3 ? GTF_permit_access | GTF_readonly : GTF_permit_access);
    }
    const u32 domain_refs = a.domain.refs.load();
    for (int step = 0; step < 3000; ++step) {
        const u32 i = random() % 4;
        if (random() % 2 && held.size() < 100) {
            const bool readonly = random() % 2;
            const u64 at = window + (random() % 64) * page_size;
            const auto op = b.map(1, 20 + i, at, GNTMAP_host_map | (readonly ? GNTMAP_readonly : 0));
            if (op.status == GNTST_okay) held.push_back({op.handle, i, at, readonly});
        } else if (!held.empty()) {
            const usize n = random() % held.size();
            REQUIRE(b.unmap(held[n].handle, held[n].at) == GNTST_okay);
            held.erase(held.begin() + static_cast<long>(n));
        }
        for (u32 j = 0; j < 4; ++j) {
            u64 all = 0, write = 0;
            for (const Held& h : held)
                if (h.ref == j) ++all, write += !h.readonly;
            REQUIRE(refs(*pages[j]) == 1 + all);
            REQUIRE(writers(*pages[j]) == write);
            REQUIRE(a.in_use(20 + j) == ((all ? GTF_reading : 0) | (write ? GTF_writing : 0)));
        }
        REQUIRE(a.domain.refs.load() == domain_refs + held.size());
    }
    for (const Held& h : held)
        REQUIRE(b.unmap(h.handle, h.at) == GNTST_okay);
    CHECK(a.domain.refs.load() == domain_refs);
}

} // namespace hv
