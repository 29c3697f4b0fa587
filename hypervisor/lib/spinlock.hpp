// SPDX-License-Identifier: MIT
// Ticket spinlock (FIFO fair) with a rank, and its guards. Interrupt state is part of the guard's type.
#pragma once

#include "cpu/irqflags.hpp"
#include "lib/atomic.hpp"
#include "lib/lock_rank.hpp"
#include "lib/types.hpp"

namespace hv {

#ifdef HV_DEBUG
void lock_rank_acquire(LockRank rank); ///< core/debug/lock_check.cpp
void lock_rank_note(LockRank rank);    ///< held now, taken without a rank check
void lock_rank_release(LockRank rank);
u32 lock_rank_enter_interrupt(); ///< around an interrupt handler, interrupts off
void lock_rank_leave_interrupt(u32 outer);
#else
inline void lock_rank_acquire(LockRank) {}
inline void lock_rank_note(LockRank) {}
inline void lock_rank_release(LockRank) {}
inline u32 lock_rank_enter_interrupt() { return 0; }
inline void lock_rank_leave_interrupt(u32) {}
#endif

class SpinLock : NoCopy {
  public:
    constexpr explicit SpinLock(LockRank rank) : rank_(rank) {}

    void lock() {
        lock_rank_acquire(rank_);
        lock_same_rank();
    }
    /// Takes the lock only if free; no rank check, since it cannot deadlock.
    [[nodiscard]] bool try_lock() {
        u16 ticket = serving_.load(Order::relaxed);
        if (!next_.compare_exchange(ticket, static_cast<u16>(ticket + 1), Order::acquire)) return false;
        lock_rank_note(rank_);
        return true;
    }
    void unlock() {
        lock_rank_release(rank_);
        unlock_same_rank();
    }
    /// The second of two locks of one rank, taken in address order by a pair guard, which holds the first.
    void lock_same_rank() {
        const u16 ticket = next_.fetch_add(1, Order::relaxed);
        while (serving_.load(Order::acquire) != ticket)
            cpu_relax();
    }
    void unlock_same_rank() { serving_.store(static_cast<u16>(serving_.load(Order::relaxed) + 1), Order::release); }
    [[nodiscard]] bool is_locked() const { return next_.load(Order::relaxed) != serving_.load(Order::relaxed); }

  private:
    Atomic<u16> next_{0};
    Atomic<u16> serving_{0};
    LockRank rank_;
};

/// For locks never taken in interrupt context.
class [[nodiscard]] Guard : NoCopy {
  public:
    explicit Guard(SpinLock& lock) : lock_(&lock) { lock.lock(); }
    ~Guard() { unlock(); }
    void unlock() {
        if (lock_) lock_->unlock();
        lock_ = nullptr;
    }

  private:
    SpinLock* lock_;
};

/// Interrupts off for a scope, without a lock.
class [[nodiscard]] IrqOff : NoCopy {
  public:
    IrqOff() : flags_(irq_save()) {}
    ~IrqOff() { irq_restore(flags_); }

  private:
    u64 flags_;
};

/// For locks also taken in interrupt context: interrupts are off while it exists.
class [[nodiscard]] IrqGuard : IrqOff, Guard {
  public:
    explicit IrqGuard(SpinLock& lock) : Guard(lock) {}
};

/// Two locks of one rank, taken in address order; they may be the same lock.
template <typename First> class [[nodiscard]] PairGuard : NoCopy {
  public:
    PairGuard(SpinLock& a, SpinLock& b) : first_(&a < &b ? a : b), second_(&a == &b ? nullptr : (&a < &b ? &b : &a)) {
        if (second_) second_->lock_same_rank();
    }
    ~PairGuard() {
        if (second_) second_->unlock_same_rank();
    }

  private:
    First first_;
    SpinLock* second_;
};
using DoubleGuard = PairGuard<Guard>;
using IrqDoubleGuard = PairGuard<IrqGuard>;

} // namespace hv
