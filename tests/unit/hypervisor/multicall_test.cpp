// SPDX-License-Identifier: MIT
// Multicall: results, preemption between and inside calls, what may not be nested.
#include <catch2/catch.hpp>

#include <cstring>
#include <vector>

#include "core/hypercall/dispatch.hpp"
#include "machine.hpp"

using namespace hv;

namespace {
std::vector<u64> called;
unsigned restarts;
constexpr u64 base = 0x10000;
std::vector<multicall_entry_t> list;
} // namespace

namespace hv {
// Call 40 adds its arguments; call 41 restarts `restarts` times, moving its first argument on; the rest is unknown.
Result<s64> hypercall_call(u64 number, HypercallArgs& args) {
    called.push_back(number);
    if (number == 40) return static_cast<s64>(args.a[0] + args.a[1]);
    if (number != 41) return Errno::nosys;
    if (restarts == 0) return static_cast<s64>(args.a[0]);
    --restarts;
    args.a[0] += 100;
    args.a[1] = 77;
    return Errno::restart;
}
unsigned hypercall_arg_count(u64) { return 1; }
} // namespace hv

namespace {

struct Guest {
    explicit Guest(std::vector<multicall_entry_t> entries) {
        list = std::move(entries);
        called.clear();
        args = {{base, list.size()}};
        const u64 end = base + list.size() * sizeof(list[0]);
        hvtest::machine.guest_read = [end](u64 a, void* to, usize n) {
            return a >= base && a + n <= end && std::memcpy(to, reinterpret_cast<u8*>(list.data()) + (a - base), n);
        };
        hvtest::machine.guest_write = [end](u64 a, const void* from, usize n) {
            return a >= base && a + n <= end && std::memcpy(reinterpret_cast<u8*>(list.data()) + (a - base), from, n);
        };
    }
    ~Guest() {
        hvtest::machine.guest_read = {};
        hvtest::machine.guest_write = {};
        hvtest::machine.preempt_after = 0;
    }
    HypercallArgs args{};
    Result<s64> run() { return hypercall::multicall(args); }
};

multicall_entry_t entry(u64 op, u64 a = 0, u64 b = 0) { return {op, 0xdead, {a, b, 0, 0, 0, 0}}; }

} // namespace

TEST_CASE("every entry gets its own result", "[multicall]") {
    Guest guest({entry(40, 1, 2), entry(99), entry(40, 5, 5)});
    CHECK(guest.run().value() == 0);
    CHECK(list[0].result == 3);
    CHECK(static_cast<s64>(list[1].result) == -XEN_ENOSYS);
    CHECK(list[2].result == 10);
}

TEST_CASE("multicall and iret cannot be nested", "[multicall]") {
    Guest guest({entry(__HYPERVISOR_multicall, base, 1), entry(__HYPERVISOR_iret)});
    CHECK(guest.run().value() == 0);
    CHECK(called.empty());
    CHECK(static_cast<s64>(list[0].result) == -XEN_EINVAL);
    CHECK(static_cast<s64>(list[1].result) == -XEN_EINVAL);
}

TEST_CASE("a preempted call leaves its rest in the guest's list", "[multicall]") {
    Guest guest({entry(40, 1, 1), entry(41, 5, 6), entry(40, 2, 2)});
    restarts = 1;
    CHECK(guest.run().error() == Errno::restart);
    CHECK(guest.args.a[0] == base + sizeof(multicall_entry_t));
    CHECK(guest.args.a[1] == 2);
    CHECK(list[1].args[0] == 105);
    CHECK(list[1].args[1] == 6); // not an argument of the call
    CHECK(list[2].result == 0xdead);
    CHECK(guest.run().value() == 0);
    CHECK(list[1].result == 105);
    CHECK(list[2].result == 4);
}

TEST_CASE("preemption between calls goes on behind the last one done", "[multicall]") {
    Guest guest({entry(40, 1, 1), entry(40, 2, 2), entry(40, 3, 3)});
    hvtest::machine.preempt_after = 1;
    hvtest::machine.preempt_polls = 0;
    unsigned rounds = 1;
    for (; !guest.run().ok(); ++rounds)
        REQUIRE(rounds < 10);
    CHECK(rounds == 3);
    CHECK(called.size() == 3);
    CHECK(list[2].result == 6);
}

TEST_CASE("a list that is not readable is a fault", "[multicall]") {
    Guest guest({entry(40, 1, 1)});
    guest.args.a[1] = 2;
    CHECK(guest.run().error() == Errno::fault);
    CHECK(list[0].result == 2);
}
