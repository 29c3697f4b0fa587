// SPDX-License-Identifier: MIT
// The lock order that debug builds check at run time. A binary of its own: the first violation ends the checks.
#include <catch2/catch.hpp>

#include <string>

#include "core/debug/printk.hpp"
#include "lib/spinlock.hpp"

using namespace hv;

namespace {
struct Panic {
    std::string text;
};
} // namespace

void hv::panic_args(const char* fmt, const FormatArg* args, usize count) {
    char text[200];
    format_args(text, sizeof(text), fmt, args, count);
    throw Panic{text};
}

TEST_CASE("the order of locks", "[locks]") {
    SpinLock domain{LockRank::domain}, page{LockRank::page}, heap{LockRank::heap}, leaf{LockRank::leaf};

    // Upwards, released in any order, and again.
    domain.lock(), page.lock(), heap.lock();
    page.unlock(), domain.unlock();
    leaf.lock();
    leaf.unlock(), heap.unlock();
    domain.lock(), heap.lock();
    heap.unlock(), domain.unlock();

    // Trying cannot deadlock, in whatever order.
    heap.lock();
    REQUIRE(domain.try_lock());
    domain.unlock(), heap.unlock();

    // An interrupt handler's order starts anew, and the interrupted code's goes on after it.
    heap.lock();
    const u32 outer = lock_rank_enter_interrupt();
    page.lock();
    page.unlock();
    lock_rank_leave_interrupt(outer);
    leaf.lock();
    leaf.unlock();

    // Downwards, last: it is reported once.
    std::string said;
    try {
        page.lock();
    } catch (const Panic& panic) {
        said = panic.text;
    }
    CHECK(said == "Lock order: taking rank 75 while holding rank 150");
}
