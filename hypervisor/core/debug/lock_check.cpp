// SPDX-License-Identifier: MIT
// Debug builds: each CPU remembers the ranks of the locks that it holds and refuses to take one out of order.
#ifdef HV_DEBUG
#include "core/debug/panic.hpp"
#include "core/debug/printk.hpp"
#include "lib/percpu.hpp"
#include "lib/spinlock.hpp"

namespace hv {

namespace {
struct Held {
    LockRank ranks[16] = {};
    u32 count = 0;
    u32 base = 0; // entries below belong to what this CPU's interrupt handler interrupted
};
PerCpu<Held> held;
bool disabled = false;
} // namespace

static LockRank highest(const Held& mine) {
    LockRank top{};
    for (u32 i = mine.base; i < mine.count; ++i)
        top = top < mine.ranks[i] ? mine.ranks[i] : top;
    return top;
}

// Interrupted code holds no lock that a handler takes (those are taken with interrupts off), so the orders of the two
// do not meet.
u32 lock_rank_enter_interrupt() {
    Held& mine = held.get();
    const u32 outer = mine.base;
    mine.base = mine.count;
    return outer;
}
void lock_rank_leave_interrupt(u32 outer) { held.get().base = outer; }

void lock_rank_note(LockRank rank) {
    const u64 flags = irq_save();
    Held& mine = held.get();
    if (mine.count < 16) mine.ranks[mine.count++] = rank;
    irq_restore(flags);
}

void lock_rank_acquire(LockRank rank) {
    const u64 flags = irq_save();
    const LockRank top = highest(held.get());
    if (!disabled && top >= rank) {
        disabled = true; // the report itself takes locks
        panic("Lock order: taking rank {} while holding rank {}", rank, top);
    }
    lock_rank_note(rank);
    irq_restore(flags);
}

void lock_rank_release(LockRank rank) {
    const u64 flags = irq_save();
    Held& mine = held.get();
    // Locks may be released in any order: drop the newest entry of this rank.
    for (u32 i = mine.count; i-- > 0;) {
        if (mine.ranks[i] != rank) continue;
        for (u32 j = i + 1; j < mine.count; ++j)
            mine.ranks[j - 1] = mine.ranks[j];
        --mine.count;
        break;
    }
    irq_restore(flags);
}

} // namespace hv
#endif
