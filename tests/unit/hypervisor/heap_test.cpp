// SPDX-License-Identifier: MIT
// Buddy heap, domain quota, claims, scrubbing and small objects on the fake machine.
#include <catch2/catch.hpp>
#include <cstring>
#include <map>
#include <random>
#include <set>

#include "core/mm/heap.hpp"
#include "core/mm/heap_internal.hpp"
#include "machine.hpp"
#include "mm/early.hpp"

using namespace hv;
using namespace hvtest;

namespace {

constexpr u64 everything = ~u64{0};

bool all_zero(const PageInfo& page) {
    const u64* words = static_cast<const u64*>(map_of(page));
    for (unsigned i = 0; i < page_size / 8; ++i)
        if (words[i]) return false;
    return true;
}

} // namespace

TEST_CASE("blocks are aligned, disjoint and merge again") {
    const u64 before = heap_free_pages();
    std::mt19937 random(1);
    std::map<u64, unsigned> held; // first frame -> order
    for (int step = 0; step < 4000; ++step) {
        const unsigned order = random() % 6;
        if (random() % 2 && heap_free_pages() > 64) {
            PageInfo* page = heap_alloc(order);
            REQUIRE(page);
            const u64 mfn = mfn_of(*page).raw();
            CHECK(mfn % (u64{1} << order) == 0);
            const auto next = held.lower_bound(mfn);
            CHECK((next == held.end() || next->first >= mfn + (u64{1} << order)));
            if (next != held.begin()) CHECK(std::prev(next)->first + (u64{1} << std::prev(next)->second) <= mfn);
            held[mfn] = order;
        } else if (!held.empty()) {
            auto victim = std::next(held.begin(), static_cast<long>(random() % held.size()));
            heap_free(page_of(Mfn{victim->first}), victim->second);
            held.erase(victim);
        }
    }
    for (const auto& [mfn, order] : held)
        heap_free(page_of(Mfn{mfn}), order);
    CHECK(heap_free_pages() == before);
    PageInfo* large = heap_alloc(11); // 8 MiB only exist when the pieces were united
    REQUIRE(large);
    heap_free(*large, 11);
}

TEST_CASE("idle CPUs scrub what domains left at once, of the machine's first memory as much as is wanted") {
    const u64 before = heap_free_pages();
    while (heap_scrub_some(everything))
        continue;
    PageInfo* page = heap_alloc(0);
    REQUIRE(page);
    std::memset(map_of(*page), 0x5a, page_size);
    heap_free(*page, 0);
    CHECK(heap_has_dirty());
    CHECK(heap_scrub_some(0));
    CHECK_FALSE(heap_has_dirty());
    CHECK(all_zero(*page));

    PageInfo* large = heap_alloc(11); // clean again, and so one block again
    REQUIRE(large);
    heap_free(*large, 11);
    CHECK(heap_free_pages() == before);
    unsigned steps = 0;
    while (heap_scrub_some(0))
        ++steps;
    CHECK(steps == 1u << (11 - 4)); // sixteen pages each: never long away from what wakes the CPU
    CHECK_FALSE(heap_scrub_some(everything));

    large = heap_alloc(11);
    REQUIRE(large);
    heap_give(*large, 11, Content::boot);
    const u64 clean = before - (1u << 11);
    CHECK_FALSE(heap_scrub_some(clean));
    for (steps = 0; heap_scrub_some(clean + 40); ++steps)
        continue;
    CHECK(steps == 3);
    while (heap_scrub_some(everything))
        continue;
}

TEST_CASE("an address limit is kept, and an impossible one fails") {
    // Frames 0x1000..0x2fff: bit lengths 13 and 14, so addresses of 25 and 26 bits.
    AllocFlags low;
    low.max_address_bits = 25;
    PageInfo* page = heap_alloc(0, low);
    REQUIRE(page);
    CHECK(mfn_of(*page).raw() < 0x2000);
    heap_free(*page, 0);
    low.max_address_bits = 24;
    CHECK(heap_alloc(0, low) == nullptr);
    PageInfo* any = heap_alloc(0);
    REQUIRE(any);
    CHECK(mfn_of(*any).raw() >= 0x2000); // low memory is spared
    heap_free(*any, 0);
    CHECK(heap_free_pages(25, 25, -1) + heap_free_pages(26, 26, -1) == heap_free_pages());
}

TEST_CASE("when memory is out, allocation fails and nothing is lost") {
    const u64 before = heap_free_pages();
    std::set<PageInfo*> all;
    while (PageInfo* page = heap_alloc(0))
        CHECK(all.insert(page).second);
    CHECK(all.size() == before);
    CHECK(alloc_pages() == nullptr);
    CHECK(kmalloc(8192) == nullptr);
    for (PageInfo* page : all)
        heap_free(*page, 0);
    CHECK(heap_free_pages() == before);
}

TEST_CASE("a domain never sees what another one wrote") {
    Domain& a = new_domain(1);
    std::set<u64> secret;
    for (int i = 0; i < 100; ++i) {
        PageInfo& page = new_page(a);
        CHECK(all_zero(page));
        std::memset(map_of(page), 0x5a, page_size);
        secret.insert(mfn_of(page).raw());
    }
    Domain& b = new_domain(2, 8192); // before: its own structure must not take one of the pages looked for
    end_domain(a);
    if (const int scrub = GENERATE(0, 1, 2)) // nothing, what domains wrote, everything
        while (heap_scrub_some(scrub == 2 ? everything : 0))
            continue;
    const u64 limit = heap_free_pages();
    u64 seen_again = 0;
    for (u64 i = 0; i < limit; ++i) {
        const Result<PageInfo*> page = domain_alloc_pages(b, 0);
        if (!page) break;
        CHECK(all_zero(*page.value()));
        seen_again += secret.count(mfn_of(*page.value()).raw());
    }
    CHECK(seen_again == secret.size());
    end_domain(b);
}

TEST_CASE("the quota is exact and death returns everything") {
    const u64 before = heap_free_pages();
    Domain& d = new_domain(1, 10);
    for (int i = 0; i < 10; ++i)
        REQUIRE(domain_alloc_pages(d, 0));
    const u64 with_ten = heap_free_pages();
    const Result<PageInfo*> eleventh = domain_alloc_pages(d, 0);
    REQUIRE_FALSE(eleventh);
    CHECK(eleventh.error() == Errno::too_big);
    CHECK(heap_free_pages() == with_ten);
    CHECK(d.tot_pages == 10);
    CHECK(d.refs.load() == 2); // its pages hold one
    end_domain(d);
    CHECK(heap_free_pages() == before);
}

TEST_CASE("a page outlives its domain's grip as long as somebody refers to it") {
    Domain& d = new_domain(1);
    PageInfo& page = new_page(d);
    REQUIRE(page_get(page, d));
    domain_release_page(page);
    CHECK(d.tot_pages == 1);
    domain_release_page(page); // the allocation is released only once
    CHECK(d.tot_pages == 1);
    page_put(page);
    CHECK(d.tot_pages == 0);
    CHECK(d.page_list == 0);
    CHECK(d.refs.load() == 1);
    CHECK_FALSE(page_get(page, d));
    end_domain(d);
}

TEST_CASE("stealing wants the page unused, and assigning takes quota") {
    Domain& d = new_domain(1, 2);
    Domain& other = new_domain(2, 1);
    PageInfo& page = new_page(d);
    new_page(d);
    REQUIRE(page_get(page, d));
    CHECK(domain_steal_page(d, page).error() == Errno::busy);
    page_put(page);
    CHECK(domain_steal_page(other, page).error() == Errno::busy);
    REQUIRE(domain_steal_page(d, page));
    CHECK(d.tot_pages == 1);
    CHECK_FALSE(page_get(page, d));
    REQUIRE(domain_assign_page(other, page));
    CHECK(page_get(page, other));
    page_put(page);
    PageInfo& more = new_page(d);
    REQUIRE(domain_steal_page(d, more));
    CHECK(domain_assign_page(other, more).error() == Errno::too_big);
    REQUIRE(domain_assign_page(other, more, true));
    end_domain(d);
    end_domain(other);
}

TEST_CASE("a claim keeps memory for its domain") {
    const u64 free = heap_free_pages();
    Domain& d = new_domain(1, 8192);
    Domain& other = new_domain(2, 8192);
    const u64 now = heap_free_pages();
    CHECK(domain_claim_pages(d, now + 1).error() == Errno::no_mem);
    CHECK(domain_claim_pages(d, 9000).error() == Errno::inval);
    REQUIRE(domain_claim_pages(d, now - 1));
    CHECK(heap_outstanding_claims() == now - 1);
    REQUIRE(domain_alloc_pages(other, 0));
    CHECK_FALSE(domain_alloc_pages(other, 0));
    REQUIRE(domain_alloc_pages(d, 0));
    CHECK(heap_outstanding_claims() == now - 2);
    REQUIRE(domain_claim_pages(d, 0));
    CHECK(heap_outstanding_claims() == 0);
    REQUIRE(domain_alloc_pages(other, 0));
    end_domain(d);
    end_domain(other);
    CHECK(heap_free_pages() == free);
}

TEST_CASE("a domain that is being destroyed claims nothing") {
    Domain& d = new_domain(1, 64);
    REQUIRE(domain_claim_pages(d, 8));
    d.dying.store(Domain::Dying::dying);
    REQUIRE(domain_claim_pages(d, 0));
    CHECK(domain_claim_pages(d, 8).error() == Errno::inval);
    CHECK(heap_outstanding_claims() == 0);
    d.dying.store(Domain::Dying::no);
    end_domain(d);
}

TEST_CASE("a shared hypervisor page lives until its last user lets go") {
    const u64 free = heap_free_pages();
    Domain& d = new_domain(1);
    void* memory = alloc_pages();
    const u64 with_page = heap_free_pages();
    share_hypervisor_page(memory, d, GENERATE(ShareMode::read_write, ShareMode::read_only));
    PageInfo& page = page_of(mfn_of_virt(memory));
    const bool writable = page_type(page) == PageType::writable;
    REQUIRE(page_get(page, d));
    CHECK(page_get_type(page, PageType::writable).ok() == writable);
    CHECK_FALSE(page_get_type(page, PageType::l1));
    free_pages(memory);
    CHECK(heap_free_pages() == with_page);
    CHECK_FALSE(page_get(page, d)); // nobody's page any more
    if (writable) CHECK(page_put_type(page));
    page_put(page);
    CHECK(heap_free_pages() == with_page + 1);
    end_domain(d);
    CHECK(heap_free_pages() == free);
}

TEST_CASE("small objects are zeroed, apart, and return their pages") {
    const u64 before = heap_free_pages();
    std::mt19937 random(7);
    std::map<u8*, usize> held;
    for (int step = 0; step < 5000; ++step) {
        if (random() % 3 || held.empty()) {
            const usize bytes = 1 + random() % 3000;
            u8* object = static_cast<u8*>(kmalloc(bytes));
            REQUIRE(object);
            CHECK(reinterpret_cast<u64>(object) % 16 == 0);
            for (usize i = 0; i < bytes; ++i)
                REQUIRE(object[i] == 0);
            std::memset(object, 0xee, bytes);
            held[object] = bytes;
        } else {
            auto victim = std::next(held.begin(), static_cast<long>(random() % held.size()));
            const auto next = std::next(victim);
            if (next != held.end()) CHECK(victim->first + victim->second <= next->first);
            kfree(victim->first);
            held.erase(victim);
        }
    }
    for (const auto& [object, bytes] : held)
        kfree(object);
    CHECK(before - heap_free_pages() <= 16); // at most one empty slab per class stays
}

TEST_CASE("early ranges: overlaps, holes, alignment") {
    static FrameRanges ranges;
    ranges.add(10, 100);
    ranges.add(50, 200);
    CHECK(ranges.pages() == 190);
    ranges.remove(60, 70);
    ranges.remove(0, 12);
    CHECK(ranges.pages() == 178);
    CHECK(ranges.take(64, 64, ~u64{0}).raw() == 128);
    CHECK(ranges.take(1, 1, 60).raw() == 59);
    CHECK(ranges.take(1000, 1, ~u64{0}) == invalid_mfn);
    CHECK(ranges.pages() == 178 - 65);
    ranges.remove(0, ~u64{0});
    CHECK(ranges.pages() == 0);
    CHECK(ranges.take(1, 1, ~u64{0}) == invalid_mfn);
}
