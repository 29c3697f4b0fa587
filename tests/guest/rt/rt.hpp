// SPDX-License-Identifier: MIT
// What a test guest has: a console, pages, its own page tables, traps that it survives, a verdict.
#pragma once

#include "rt/abi.hpp"

namespace rt {

extern start_info_t* start;
extern shared_info_t* shared;
extern const char* test_name;

// --- console and verdict
// -----------------------------------------------------------------------------------------------
void print(const char* text);
void print_number(u64 value, unsigned base = 10);
/// "%s %u %d %x", u64/s64 arguments.
void printf(const char* format, ...);
/// Prints `FAIL name: why` and ends the domain.
[[noreturn]] void fail(const char* why, s64 got = 0, s64 which = 0);
[[noreturn]] void pass();
[[noreturn]] void shutdown(u32 reason);

/// The hypervisor must give this answer.
/// `which` tells the cases of a loop apart.
inline void expect(bool ok, const char* what, s64 got = 0) {
    if (!ok) fail(what, got);
}
/// The hypervisor must refuse: any negative answer.
inline void refused(s64 result, const char* what, s64 which = 0) {
    if (result >= 0) fail(what, result, which);
}
inline void accepted(s64 result, const char* what, s64 which = 0) {
    if (result < 0) fail(what, result, which);
}

// --- pages: all lie in the image's own pool, mapped writable at the start
// --------------------------------------------------
u8* alloc_page(); ///< zeroed
u64 mfn_of(const void* address);
/// Where the page tables put a frame of ours (read-only for page tables), by the machine-to-physical table.
void* virt_of(u64 mfn);
bool mfn_is_ours(u64 mfn);
/// Machine address of the entry that maps `address` at `level`, and the entry itself.
u64 pte_address(u64 address, unsigned level = 1);
u64 pte_of(u64 address, unsigned level = 1);
/// Where the guest can read that entry; found by tables that a hostile test may falsify, so ask early.
const volatile u64* pte_slot(u64 address, unsigned level = 1);
inline constexpr u64 pte_present = 1, pte_rw = 2, pte_user = 4, pte_accessed = 32, pte_dirty = 64, pte_pse = 128;
inline constexpr u64 pte_ro = pte_present | pte_user | pte_accessed | pte_dirty, pte_kernel = pte_ro | pte_rw;
inline constexpr u64 pte_frame = 0x000ffffffffff000;
constexpr u64 make_pte(u64 mfn, u64 flags) { return mfn << 12 | flags; }
/// A frame that is RAM of somebody else (or of the hypervisor), by the machine-to-physical table.
u64 foreign_mfn();
u16 own_domid();

// --- accesses that may fault: true when they went through
// -------------------------------------------------------------------
bool try_write(void* address, u64 value);
bool try_read(const void* address, u64& value);
bool try_call(void (*code)()); ///< code that leaves the registers which a callee saves alone
inline bool privileged() { return (start->flags & SIF_INITDOMAIN) != 0; }
extern bool ignore_debug_traps; ///< #DB that nobody provoked: the debug registers were fuzzed
u32 last_trap();                ///< vector of the trap that the last try_* met

// --- a second vCPU
// ------------------------------------------------------------------------------------------------------------
void start_secondary(void (*run)());
void reset_callbacks(); ///< traps, upcalls and kernel stack as at the start

/// What is given as `key=N` on the command line, else `otherwise`.
u64 option(const char* key, u64 otherwise);

/// Xorshift: the same numbers for the same seed, everywhere.
struct Random {
    u64 state;
    u64 next() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return state;
    }
    u64 below(u64 limit) { return next() % limit; }
};

} // namespace rt

/// Each test: its name (TEST_NAME, from the build) and its body.
void run_test();
