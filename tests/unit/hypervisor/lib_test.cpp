// SPDX-License-Identifier: MIT
// The small things of lib/ that everything stands on: lists, results, text, locks, strong numbers.
#include "lib/list.hpp"

#include <catch2/catch.hpp>
#include <deque>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "lib/result.hpp"
#include "lib/spinlock.hpp"
#include "lib/string.hpp"

using namespace hv;

namespace {

struct Item {
    explicit Item(int v) : value(v) {}
    ListNode before; // so that the node that is used is not at offset 0
    int value;
    ListNode node;
};
using Items = List<Item, &Item::node>;

std::vector<int> values(Items& list) {
    std::vector<int> out;
    for (Item& item : list)
        out.push_back(item.value);
    return out;
}

} // namespace

TEST_CASE("list: order, ends and removal", "[lib]") {
    Items list;
    CHECK(list.empty());
    CHECK(list.front() == nullptr);
    CHECK(list.back() == nullptr);
    CHECK(list.pop_front() == nullptr);
    Item a(1), b(2), c(3), d(4);
    list.push_back(b);
    list.push_front(a);
    list.push_back(d);
    list.insert_before(d, c);
    CHECK(values(list) == std::vector<int>{1, 2, 3, 4});
    CHECK(list.front() == &a);
    CHECK(list.back() == &d);
    Items::remove(c);
    CHECK_FALSE(c.node.linked());
    CHECK(values(list) == std::vector<int>{1, 2, 4});
    CHECK(list.pop_front() == &a);
    CHECK(list.pop_front() == &b);
    CHECK(list.pop_front() == &d);
    CHECK(list.empty());
}

TEST_CASE("list: the item at hand may be removed while walking", "[lib]") {
    Items list;
    std::deque<Item> items;
    for (int i = 0; i < 10; ++i)
        list.push_back(items.emplace_back(i));
    for (Item& item : list)
        if (item.value % 2) Items::remove(item);
    CHECK(values(list) == std::vector<int>{0, 2, 4, 6, 8});
}

namespace {

Result<int> half(int n) {
    if (n % 2) return Errno::inval;
    return n / 2;
}
Result<int> quarter(int n) { return half(TRY(half(n))); }
Status check_quarter(int n) {
    static_cast<void>(TRY(quarter(n)));
    return {};
}
struct Counted {
    explicit Counted(int& n) : live(&n) { ++n; }
    Counted(Counted&& other) noexcept : live(other.live) { ++*live; }
    ~Counted() { --*live; }
    int* live;
};

} // namespace

TEST_CASE("result: value or error, through TRY", "[lib]") {
    CHECK(quarter(8).value() == 2);
    CHECK(quarter(6).error() == Errno::inval);
    CHECK(quarter(7).error() == Errno::inval);
    CHECK(check_quarter(8).ok());
    CHECK(check_quarter(6).error() == Errno::inval);
    Result<std::unique_ptr<int>> owned(std::make_unique<int>(7)); // what can only be moved
    CHECK(*std::move(owned).value() == 7);
    int live = 0;
    {
        Result<Counted> first{Counted(live)};
        Result<Counted> second(std::move(first));
        const Result<Counted> none(Errno::no_mem);
        CHECK(live == 2); // the moved-from one is still an object
    }
    CHECK(live == 0);
}

TEST_CASE("text: copies are cut and terminated, numbers are read with their limits", "[lib]") {
    char small[4] = {'x', 'x', 'x', 'x'};
    CHECK(string_copy(small, sizeof(small), "abcdef") == 3);
    CHECK(string_equal(small, "abc"));
    CHECK(string_copy(small, 1, "abc") == 0);
    CHECK(small[0] == '\0');
    CHECK(string_copy(small, sizeof(small), "abcdef", 2) == 2);
    CHECK(string_equal(small, "ab"));
    CHECK(string_starts("dom0_mem=1", "dom0_mem"));
    CHECK_FALSE(string_starts("dom0", "dom0_mem"));

    const auto number = [](const char* text, unsigned base = 0) {
        u64 out = 77;
        const char* at = text;
        return parse_u64(at, out, base) ? out : u64{77777};
    };
    CHECK(number("0") == 0);
    CHECK(number("0x1f") == 31);
    CHECK(number("017") == 15);
    CHECK(number("1f", 16) == 31);
    CHECK(number("18446744073709551615") == ~u64{0});
    CHECK(number("18446744073709551616") == 77777);
    CHECK(number("0xffffffffffffffff") == ~u64{0});
    CHECK(number("0x10000000000000000") == 77777);
    CHECK(number("") == 77777);
    CHECK(number("x") == 77777);
    CHECK(number("-1") == 77777);

    const auto bytes = [](const char* text) {
        u64 out = 0;
        const char* at = text;
        return parse_size(at, out, 1024) && !*at ? out : u64{77777};
    };
    CHECK(bytes("3") == 3072);
    CHECK(bytes("3B") == 3);
    CHECK(bytes("3k") == 3072);
    CHECK(bytes("2M") == u64{2} << 20);
    CHECK(bytes("2g") == u64{2} << 30);
    CHECK(bytes("2T") == u64{2} << 40);
    CHECK(bytes("18014398509481985") == 77777); // times 1024 does not fit
    CHECK(bytes("16777216T") == 77777);
    CHECK(bytes("M") == 77777);
}

TEST_CASE("locks: one at a time, in turn, and pairs in any order", "[lib]") {
    SpinLock a(LockRank::leaf), b(LockRank::leaf);
    u64 plain = 0; // a data race here is what ThreadSanitizer or a wrong sum would show
    constexpr int rounds = 5000;
    const auto work = [&](bool swapped) {
        for (int i = 0; i < rounds; ++i) {
            if (i % 3 == 0) {
                const DoubleGuard both(swapped ? b : a, swapped ? a : b);
                ++plain;
            } else if (i % 3 == 1) {
                const Guard guard(a);
                ++plain;
            } else {
                while (!a.try_lock())
                    std::this_thread::yield();
                ++plain;
                a.unlock();
            }
        }
    };
    std::thread one(work, false), two(work, true);
    one.join();
    two.join();
    CHECK(plain == 2 * rounds);
    CHECK_FALSE(a.is_locked());
    CHECK_FALSE(b.is_locked());
    {
        const DoubleGuard same(a, a);
        CHECK(a.is_locked());
        CHECK_FALSE(a.try_lock());
    }
    CHECK_FALSE(a.is_locked());
    Guard early(a);
    early.unlock();
    CHECK_FALSE(a.is_locked());
}
