// SPDX-License-Identifier: MIT
// The security boundary of PV: page types and references, on the fake machine.
#include <catch2/catch.hpp>
#include <functional>
#include <random>
#include <thread>
#include <vector>

#include "core/mm/heap_internal.hpp"
#include "machine.hpp"
#include "mm/hv_pagetable.hpp"
#include "pv/l1_slot.hpp"
#include "pv/mmu.hpp"
#include "pv/page_type.hpp"

using namespace hv;
using namespace hvtest;

namespace {

constexpr u64 table_flags = PteBits::present | PteBits::rw | PteBits::user | PteBits::accessed;
constexpr u64 rw = PteBits::present | PteBits::rw, ro = PteBits::present;

u64* words(const PageInfo& page) { return static_cast<u64*>(map_of(page)); }
u64 entry(const PageInfo& page, u64 flags) { return mfn_of(page).raw() << page_shift | flags; }
u64 refs(const PageInfo& page) { return page.count_.load() & PageBits::refs; }

struct Guest {
    explicit Guest(u16 id = 1) : domain_id(id), free_before(heap_free_pages()), domain(new_domain(id)) {}
    ~Guest() {
        end_domain(domain);
        if (domain_id == 1) // the first to come and the last to go
            CHECK(heap_free_pages() == free_before);
    }
    PageInfo& page() { return *pages.emplace_back(&new_page(domain)); }
    /// (references, type word) of every page: equal before and after whatever must not change anything.
    [[nodiscard]] std::vector<std::pair<u64, u64>> books() const {
        std::vector<std::pair<u64, u64>> all;
        for (const PageInfo* p : pages) {
            const u64 type = p->type_.load();
            // A page that nobody uses may remember its last type.
            all.emplace_back(refs(*p), (type & TypeBits::count) || (type & TypeBits::partial) ? type : 0);
        }
        return all;
    }
    u16 domain_id;
    u64 free_before;
    Domain& domain;
    std::vector<PageInfo*> pages;
};

/// l4 -> 2 x l3 -> 2 x l2 each -> 2 x l1 each -> data pages, one writable and one read-only entry per l1.
struct Tree {
    explicit Tree(Guest& guest) : l4(guest.page()), data(guest.page()), shown(guest.page()) {
        for (unsigned i = 0; i < 2; ++i) {
            PageInfo& l3 = *l3s.emplace_back(&guest.page());
            words(l4)[i ? 511 : 0] = entry(l3, table_flags);
            for (unsigned j = 0; j < 2; ++j) {
                PageInfo& l2 = *l2s.emplace_back(&guest.page());
                words(l3)[j ? 510 : 3] = entry(l2, table_flags);
                for (unsigned k = 0; k < 2; ++k) {
                    PageInfo& l1 = *l1s.emplace_back(&guest.page());
                    words(l2)[k ? 100 : 7] = entry(l1, table_flags);
                    words(l1)[k ? 0 : 511] = entry(data, rw);
                    words(l1)[17] = entry(shown, ro);
                }
            }
        }
    }
    PageInfo &l4, &data, &shown;
    std::vector<PageInfo*> l3s, l2s, l1s;
};

void check_valid(const Tree& tree) {
    CHECK(page_type_count(tree.data) == 8);
    CHECK(refs(tree.data) == 9);
    CHECK(refs(tree.shown) == 9);
    CHECK(page_type_count(tree.shown) == 0);
    for (const auto* level : {&tree.l3s, &tree.l2s, &tree.l1s})
        for (const PageInfo* page : *level) {
            CHECK(page_type_count(*page) == 1);
            CHECK((page->type_.load() & TypeBits::validated) != 0);
            CHECK(refs(*page) == 2);
        }
}

constexpr PageType all_types[] = {PageType::l1, PageType::l2,       PageType::l3,
                                  PageType::l4, PageType::seg_desc, PageType::writable};

} // namespace

TEST_CASE("types exclude each other, and a type count of zero frees the choice") {
    Guest guest;
    PageInfo& page = guest.page();
    for (const PageType first : all_types)
        for (const PageType second : all_types) {
            clear_page(words(page)); // an L4 table leaves our entries behind
            REQUIRE(page_get_type(page, first));
            const u64 held = page.type_.load();
            if (first == second) {
                CHECK(page_get_type(page, second));
                CHECK(page_type_count(page) == 2);
                CHECK(page_put_type(page));
            } else {
                CHECK(page_get_type(page, second).error() == Errno::inval);
            }
            CHECK(page.type_.load() == held);
            CHECK(page_put_type(page));
            CHECK(page_type_count(page) == 0);
            // A stale translation of the old kind must be gone before the page is used as something else.
            clear_page(words(page));
            const unsigned flushes = machine.tlb_flushes;
            REQUIRE(page_get_type(page, second));
            CHECK((machine.tlb_flushes != flushes) == (first != second));
            CHECK(page_put_type(page));
        }
}

TEST_CASE("a tree of tables takes exactly the references of its entries, and gives them back") {
    Guest guest;
    Tree tree(guest);
    const auto before = guest.books();
    for (int round = 0; round < 2; ++round) {
        REQUIRE(page_get_type(tree.l4, PageType::l4));
        check_valid(tree);
        CHECK(words(tree.l4)[256] != 0); // ours
        CHECK((words(*tree.l1s[0])[17] & PteBits::user) != 0);
        CHECK(page_get_type(tree.data, PageType::l1).error() == Errno::inval);
        CHECK(page_get_type(*tree.l1s[0], PageType::writable).error() == Errno::inval);
        CHECK(page_put_type(tree.l4));
        CHECK(guest.books() == before);
    }
}

TEST_CASE("whatever is wrong with an entry, validation refuses it and changes nothing") {
    Guest guest;
    Guest stranger(2);
    cpu_info().current = guest.domain.vcpus[0];
    Tree tree(guest);
    PageInfo& foreign = stranger.page();
    PageInfo& free_page = *heap_alloc(0);
    const u64 mmio = 0xfee00000;
    struct Bad {
        const char* what;
        PageInfo* table;
        u64 value;
    };
    PageInfo &l1 = *tree.l1s[3], &l2 = *tree.l2s[1], &l3 = *tree.l3s[1], &l4 = tree.l4;
    const Bad bad[] = {
        {"l1: foreign page", &l1, entry(foreign, ro)},
        {"l1: foreign page, writable", &l1, entry(foreign, rw)},
        {"l1: free page", &l1, entry(free_page, ro)},
        {"l1: device memory", &l1, mmio | rw},
        {"l1: frame beyond the machine", &l1, 0x000fffffffff0000 | ro},
        {"l1: uncached", &l1, entry(tree.data, ro | PteBits::pcd)},
        {"l1: written through", &l1, entry(tree.data, ro | PteBits::pwt)},
        {"l1: writable page table", &l1, entry(*tree.l1s[0], rw)},
        {"l1: writable mapping of itself", &l1, entry(l1, rw)},
        {"l1: writable top table", &l1, entry(l4, rw)},
        {"l2: large page", &l2, entry(tree.data, table_flags | PteBits::pse)},
        {"l2: data page in use", &l2, entry(tree.data, table_flags)},
        {"l2: itself", &l2, entry(l2, table_flags)},
        {"l2: another l2", &l2, entry(*tree.l2s[0], table_flags)},
        {"l2: uncached", &l2, entry(*tree.l1s[0], table_flags | PteBits::pcd)},
        {"l3: itself", &l3, entry(l3, table_flags)},
        {"l3: an l1", &l3, entry(*tree.l1s[0], table_flags)},
        {"l3: the l4 above", &l3, entry(l4, table_flags)},
        {"l3: foreign", &l3, entry(foreign, table_flags)},
        {"l4: itself", &l4, entry(l4, table_flags)},
        {"l4: an l2", &l4, entry(*tree.l2s[0], table_flags)},
        {"l4: device memory", &l4, mmio | table_flags},
    };
    const auto before = guest.books();
    for (const Bad& b : bad)
        for (const unsigned slot : {50U, 509U}) {
            INFO(b.what << " at " << slot);
            words(*b.table)[slot] = b.value;
            const Status got = page_get_type(l4, PageType::l4);
            REQUIRE_FALSE(got);
            CHECK((got.error() == Errno::inval || got.error() == Errno::perm));
            CHECK(guest.books() == before);
            words(*b.table)[slot] = 0;
        }
    // The same flags in an entry that is not present are the guest's own business.
    words(l1)[50] = 0x000fffffffff0ffe;
    REQUIRE(page_get_type(l4, PageType::l4));
    check_valid(tree);
    CHECK(page_put_type(l4));
    // So are bits 9 to 11 and 52 to 62 always: Linux 6.12 keeps a dirty bit in 58.
    words(l1)[51] = entry(tree.data, ro | 0xe00 | u64{0x7ff} << 52);
    words(l2)[51] = entry(*tree.l1s[0], table_flags | 0xe00 | u64{0x7ff} << 52);
    REQUIRE(page_get_type(l4, PageType::l4));
    CHECK(page_put_type(l4));
    CHECK(guest.books() == before);
    heap_free(free_page, 0);
}

TEST_CASE("the hypervisor's slots are not the guest's, whatever it put there") {
    Guest guest;
    Tree tree(guest);
    for (unsigned slot = 256; slot < 272; ++slot)
        words(tree.l4)[slot] = ~u64{0};
    REQUIRE(page_get_type(tree.l4, PageType::l4));
    const u64* model = map_as<u64>(idle_l4);
    for (unsigned slot = 256; slot < 272; ++slot)
        CHECK(words(tree.l4)[slot] == model[slot]);
    CHECK(page_put_type(tree.l4));
}

TEST_CASE("validation and invalidation can stop after every step and go on") {
    for (unsigned step = 1; step < 10; ++step) {
        Guest guest;
        Tree tree(guest);
        const auto before = guest.books();
        machine.preempt_after = step;
        unsigned restarts = 0;
        for (Status got = page_get_type(tree.l4, PageType::l4, true); !got;
             got = page_get_type(tree.l4, PageType::l4, true)) {
            REQUIRE(got.error() == Errno::restart);
            ++restarts;
            CHECK(page_type_count(tree.l4) == 0);
            CHECK((tree.l4.type_.load() & TypeBits::partial) != 0);
            // Half-built tables protect their pages all the same.
            CHECK_FALSE(page_get_type(tree.l4, PageType::writable));
            CHECK_FALSE(page_get_type(tree.l4, PageType::seg_desc));
            REQUIRE(restarts < 1000);
        }
        check_valid(tree);
        CHECK(restarts > 0);
        Status put = page_put_type(tree.l4, true);
        while (!put) {
            CHECK(put.error() == Errno::restart);
            put = page_finish_put(tree.l4, true);
        }
        CHECK(guest.books() == before);
    }
}

TEST_CASE("an abandoned operation leaks nothing and another may finish or undo it") {
    const int what = GENERATE(0, 1, 2, 3);
    for (unsigned step = 1; step < 8; ++step) {
        INFO("way " << what << ", step " << step);
        Guest guest;
        Tree tree(guest);
        const auto before = guest.books();
        machine.preempt_after = step;
        machine.preempt_polls = 0;
        Status got = page_get_type(tree.l4, PageType::l4, true);
        if (got) continue;
        if (what == 0) { // undone
            while (!page_finish_put(tree.l4, true))
                continue;
            CHECK(guest.books() == before);
        } else if (what == 1) {                       // the page is wanted as another kind of table: undone on the way
            if (page_get_type(tree.l4, PageType::l2)) // (which may succeed: nothing below has a type any more)
                CHECK(page_put_type(tree.l4));
            CHECK(guest.books() == before);
        } else if (what == 2) { // finished by somebody who may not be preempted
            REQUIRE(page_get_type(tree.l4, PageType::l4));
            check_valid(tree);
            CHECK(page_put_type(tree.l4));
            CHECK(guest.books() == before);
        }
        // 3: the domain dies with the page as it is; ~Guest checks the books of the heap.
    }
}

TEST_CASE("a bad entry found late is undone in steps, too") {
    for (unsigned step = 1; step < 8; ++step) {
        Guest guest;
        Tree tree(guest);
        const auto before = guest.books();
        words(*tree.l1s[7])[511] = entry(tree.l4, rw);
        machine.preempt_after = step;
        Status got{};
        do
            got = page_get_type(tree.l4, PageType::l4, true);
        while (!got && got.error() == Errno::restart);
        CHECK(got.error() == Errno::inval);
        while (!pv_finish_old_table(current()))
            continue;
        CHECK(guest.books() == before);
    }
}

TEST_CASE("descriptor pages: privilege is fixed, gates are refused") {
    Guest guest;
    PageInfo& page = guest.page();
    constexpr u64 code = 0x00af9a000000ffff, data = 0x00cf92000000ffff;
    words(page)[1] = code;
    words(page)[511] = data;
    REQUIRE(page_get_type(page, PageType::seg_desc));
    CHECK(words(page)[1] == 0x00affb000000ffff);
    CHECK(words(page)[511] == 0x00cff3000000ffff);
    CHECK(page_get_type(page, PageType::writable).error() == Errno::inval);
    CHECK(page_put_type(page));
    for (unsigned type = 1; type < 16; ++type) {
        words(page)[200] = u64{0x80 | type} << 40;
        CHECK(page_get_type(page, PageType::seg_desc).error() == Errno::inval);
        CHECK(page_type_count(page) == 0);
        CHECK(page_get_type(page, PageType::writable));
        CHECK(page_put_type(page));
    }
    words(page)[200] = u64{0x0e} << 40; // a gate that is not present
    CHECK(page_get_type(page, PageType::seg_desc));
    CHECK(page_put_type(page));
}

TEST_CASE("l1 updates move references exactly, and refuse without a trace") {
    Guest guest;
    Guest stranger(2);
    cpu_info().current = guest.domain.vcpus[0];
    PageInfo &l1 = guest.page(), &a = guest.page(), &b = guest.page();
    PageInfo& foreign = stranger.page();
    REQUIRE(page_get_type(l1, PageType::l1));
    Domain& d = guest.domain;
    u64* slot = &words(l1)[5];
    const u64 values[] = {0,        entry(a, ro), entry(a, rw), entry(b, ro), entry(b, rw), entry(a, rw | PteBits::nx),
                          0x1234560};
    for (const u64 from : values)
        for (const u64 to : values) {
            REQUIRE(l1_update(slot, from, d, d, false));
            REQUIRE(l1_update(slot, to, d, d, false));
            CHECK(*slot == fix_entry(to));
            for (PageInfo* p : {&a, &b}) {
                const bool maps = (to & 1) && Pte<1>{to}.mfn() == mfn_of(*p);
                CHECK(refs(*p) == 1 + u64{maps});
                CHECK(page_type_count(*p) == (maps && (to & PteBits::rw) ? 1U : 0U));
            }
        }
    REQUIRE(l1_update(slot, entry(a, rw), d, d, false));
    const auto before = guest.books();
    for (const u64 refused : {entry(foreign, ro), entry(foreign, rw), entry(l1, rw), entry(b, ro | PteBits::pwt),
                              entry(a, rw | PteBits::pcd), u64{0xfee00001}}) {
        CHECK_FALSE(l1_update(slot, refused, d, d, false));
        CHECK(*slot == fix_entry(entry(a, rw)));
        CHECK(guest.books() == before);
    }
    // With the right to name the other domain's frames the same entry is fine.
    REQUIRE(l1_update(slot, entry(foreign, rw), d, stranger.domain, false));
    CHECK(page_type_count(foreign) == 1);
    CHECK_FALSE(l1_update(slot, entry(foreign, ro), d, d, false));
    REQUIRE(l1_update(slot, 0, d, d, false));
    CHECK(page_type_count(foreign) == 0);
    // Accessed and dirty survive when asked; an expectation that does not hold changes nothing.
    REQUIRE(l1_update(slot, entry(a, rw), d, d, false));
    *slot |= PteBits::accessed | PteBits::dirty;
    REQUIRE(l1_update(slot, entry(a, ro), d, d, true));
    CHECK((*slot & (PteBits::accessed | PteBits::dirty)) == (PteBits::accessed | PteBits::dirty));
    const u64 wrong = 42;
    CHECK(l1_update(slot, 0, d, d, false, &wrong).error() == Errno::again);
    CHECK(refs(a) == 2);
    CHECK(page_put_type(l1));
    CHECK(refs(a) == 1);
}

TEST_CASE("two CPUs updating one entry never lose or double a reference") {
    Guest guest;
    PageInfo& l1 = guest.page();
    PageInfo* const data[] = {&guest.page(), &guest.page(), &guest.page()};
    REQUIRE(page_get_type(l1, PageType::l1));
    Domain& d = guest.domain;
    u64* const slots = words(l1);
    const auto hammer = [&](unsigned seed, CpuId cpu) {
        cpu_info().cpu = cpu;
        cpu_info().current = d.vcpus[0];
        std::mt19937 random(seed);
        for (int i = 0; i < 20000; ++i) {
            const u64 what = random();
            const u64 value =
                what % 4 == 3 ? 0 : entry(*data[what % 4], (what & 16 ? rw : ro) | (what & 32 ? 0 : PteBits::nx));
            if (!l1_update(&slots[what >> 8 & 1], value, d, d, (what & 64) != 0)) std::abort();
        }
    };
    std::thread other(hammer, 1, 1);
    hammer(2, 0);
    other.join();
    cpu_info().cpu = 0;
    for (PageInfo* p : data) {
        u64 maps = 0, writes = 0;
        for (unsigned i = 0; i < 2; ++i)
            if (const L1e e{slots[i]}; e.present() && e.mfn() == mfn_of(*p)) ++maps, writes += e.writable();
        CHECK(refs(*p) == 1 + u64{maps});
        CHECK(page_type_count(*p) == writes);
    }
    CHECK(page_put_type(l1));
}

TEST_CASE("two CPUs fighting over a page's type never both win") {
    Guest guest;
    PageInfo& page = guest.page();
    Atomic<int> as_table{0}, as_data{0};
    Atomic<int> conflicts{0}, wins{0};
    const auto fight = [&](PageType type, Atomic<int>& mine, Atomic<int>& theirs, CpuId cpu) {
        cpu_info().cpu = cpu;
        cpu_info().current = guest.domain.vcpus[0];
        for (int i = 0; i < 20000; ++i) {
            if (!page_get_type(page, type)) continue;
            mine.fetch_add(1);
            if (theirs.load()) conflicts.fetch_add(1);
            wins.fetch_add(1);
            mine.fetch_sub(1);
            static_cast<void>(page_put_type(page));
        }
    };
    std::thread table([&] { fight(PageType::l1, as_table, as_data, 1); });
    std::thread data([&] { fight(PageType::writable, as_data, as_table, 2); });
    fight(PageType::writable, as_data, as_table, 0);
    table.join();
    data.join();
    CHECK(conflicts.load() == 0);
    CHECK(wins.load() > 0);
    CHECK(page_type_count(page) == 0);
    CHECK(refs(page) == 1);
    cpu_info().cpu = 0;
}

TEST_CASE("counts cannot wrap") {
    Guest guest;
    PageInfo& page = guest.page();
    page.count_.store(PageBits::allocated | PageBits::refs);
    CHECK_FALSE(page_get(page, guest.domain));
    page.count_.store(PageBits::allocated | 1);
    page.type_.store(type_bits(PageType::writable) | TypeBits::validated | TypeBits::count);
    CHECK(page_get_type(page, PageType::writable).error() == Errno::inval);
    page.type_.store(0);
}
