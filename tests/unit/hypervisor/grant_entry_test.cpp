// SPDX-License-Identifier: MIT
// Every transition of grant entries of both versions, and the table of mappings.
#include "core/grant/entry.hpp"

#include <catch2/catch.hpp>
#include <set>
#include <thread>

#include "core/grant/maptrack.hpp"

using namespace hv;

namespace {
constexpr Domid friend_{3}, stranger{4};
}

TEST_CASE("v1: pinning obeys type, domain and read-only") {
    grant_entry_v1_t raw{GTF_permit_access, 3, 0x1234};
    GrantEntry entry(raw);
    CHECK(entry.pin(stranger, true, GrantUse::map) == GNTST_general_error);
    CHECK(raw.flags == GTF_permit_access);
    CHECK(entry.pin(friend_, true, GrantUse::map) == GNTST_okay);
    CHECK(raw.flags == (GTF_permit_access | GTF_reading));
    CHECK(entry.facts().frame == 0x1234);
    CHECK(entry.pin(friend_, false, GrantUse::map) == GNTST_okay);
    CHECK(raw.flags == (GTF_permit_access | GTF_reading | GTF_writing));
    entry.unpin(false, true);
    CHECK(raw.flags == (GTF_permit_access | GTF_reading));
    entry.unpin(true, false);
    CHECK(raw.flags == GTF_permit_access);

    raw.flags = GTF_permit_access | GTF_readonly;
    CHECK(entry.pin(friend_, false, GrantUse::copy) == GNTST_permission_denied);
    CHECK(entry.pin(friend_, true, GrantUse::copy) == GNTST_okay);
    for (const u16 type : {GTF_invalid, GTF_accept_transfer, GTF_transitive}) {
        raw.flags = type;
        CHECK(entry.pin(friend_, true, GrantUse::copy) == GNTST_general_error);
        CHECK(raw.flags == type);
    }
}

TEST_CASE("v2: status is apart from the flags") {
    grant_entry_v2_t raw{};
    grant_status_t status = 0;
    raw.full_page.hdr = {GTF_permit_access, 3};
    raw.full_page.frame = 0x123456789;
    GrantEntry entry(raw, status);
    CHECK(entry.pin(stranger, false, GrantUse::map) == GNTST_general_error);
    CHECK(status == 0);
    CHECK(entry.pin(friend_, false, GrantUse::map) == GNTST_okay);
    CHECK(status == (GTF_reading | GTF_writing));
    CHECK(raw.hdr.flags == GTF_permit_access);
    CHECK(entry.facts().frame == 0x123456789);
    CHECK(entry.facts().length == page_size);
    entry.unpin(true, true);
    CHECK(status == 0);
    raw.hdr.flags |= GTF_readonly;
    CHECK(entry.pin(friend_, false, GrantUse::map) == GNTST_permission_denied);
    CHECK(status == 0);
    // A failed second pin takes away only what it added.
    CHECK(entry.pin(friend_, true, GrantUse::map) == GNTST_okay);
    CHECK(entry.pin(friend_, false, GrantUse::map) == GNTST_permission_denied);
    CHECK(status == GTF_reading);
}

TEST_CASE("v2: parts of pages and grants of grants can be copied, not mapped") {
    grant_entry_v2_t raw{};
    grant_status_t status = 0;
    GrantEntry entry(raw, status);
    raw.sub_page.hdr = {GTF_permit_access | GTF_sub_page, 3};
    raw.sub_page.page_off = 512;
    raw.sub_page.length = 64;
    raw.sub_page.frame = 9;
    CHECK(entry.pin(friend_, true, GrantUse::map) == GNTST_general_error);
    REQUIRE(entry.pin(friend_, true, GrantUse::copy) == GNTST_okay);
    const GrantFacts part = entry.facts();
    CHECK(part.sub_page);
    CHECK((part.frame == 9 && part.offset == 512 && part.length == 64));

    raw = {};
    raw.transitive.hdr = {GTF_transitive, 3};
    raw.transitive.trans_domid = 8;
    raw.transitive.gref = 99;
    CHECK(entry.pin(friend_, true, GrantUse::map) == GNTST_general_error);
    REQUIRE(entry.pin(friend_, true, GrantUse::copy) == GNTST_okay);
    const GrantFacts onward = entry.facts();
    CHECK((onward.transitive && onward.trans_domain == Domid{8} && onward.trans_ref == GrantRef{99}));
}

TEST_CASE("transfer: committed once, completed with the frame") {
    grant_entry_v1_t raw{GTF_accept_transfer, 3, 77};
    GrantEntry entry(raw);
    CHECK_FALSE(entry.commit_transfer(stranger));
    REQUIRE(entry.commit_transfer(friend_));
    CHECK(raw.flags == (GTF_accept_transfer | GTF_transfer_committed));
    CHECK(entry.transfer_gfn() == 77);
    entry.complete_transfer(Mfn{0x55});
    CHECK(raw.frame == 0x55);
    CHECK(raw.flags == (GTF_accept_transfer | GTF_transfer_committed | GTF_transfer_completed));
    CHECK_FALSE(entry.commit_transfer(friend_));
}

TEST_CASE("v1: a guest that revokes while we pin either wins or sees the in-use bit") {
    grant_entry_v1_t raw{GTF_permit_access, 3, 1};
    GrantEntry entry(raw);
    auto& flags = reinterpret_cast<Atomic<u16>&>(raw.flags);
    Atomic<bool> stop{false};
    std::thread guest([&] {
        while (!stop.load()) {
            u16 expected = GTF_permit_access;
            if (flags.compare_exchange(expected, GTF_invalid)) flags.store(GTF_permit_access);
        }
    });
    int pinned = 0;
    for (int i = 0; i < 20000 || pinned == 0; ++i) // a busy machine may let neither run for long
        if (entry.pin(friend_, true, GrantUse::copy) == GNTST_okay) {
            ++pinned;
            REQUIRE((flags.load() & (GTF_type_mask | GTF_reading)) == (GTF_permit_access | GTF_reading));
            entry.unpin(true, false);
        }
    stop.store(true);
    guest.join();
}

TEST_CASE("maptrack: handles are unique, limited and reused") {
    constexpr u32 limit = 2 * Maptrack::per_page;
    Maptrack track(limit);
    CHECK(track.find(0) == nullptr);
    std::set<u32> handles;
    for (u32 i = 0; i < limit; ++i)
        handles.insert(track.alloc());
    CHECK(handles.size() == limit);
    CHECK(*handles.rbegin() == limit - 1);
    CHECK(track.alloc() == Maptrack::no_handle);
    CHECK(track.find(limit) == nullptr);
    CHECK(track.find(~u32{0}) == nullptr);
    track.release(17);
    CHECK(track.alloc() == 17);
}

TEST_CASE("maptrack: each part of a mapping is claimed once, the last one to go releases it") {
    Mapping mapping;
    const u16 host = GNTMAP_host_map, device = GNTMAP_device_map;
    mapping.state.store(host | device | Mapping::host_live | Mapping::device_live);
    CHECK(Maptrack::claim(mapping, host) == host);
    CHECK(Maptrack::claim(mapping, host | device) == device);
    CHECK(Maptrack::claim(mapping, host | device) == 0);
    Maptrack::unclaim(mapping, device); // it could not be unmapped
    CHECK_FALSE(Maptrack::drop(mapping, Mapping::host_live));
    CHECK(Maptrack::claim(mapping, device) == device);
    CHECK(Maptrack::drop(mapping, Mapping::device_live));
}
