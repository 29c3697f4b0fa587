// SPDX-License-Identifier: MIT
// Atomic<T> over compiler builtins: libstdc++'s <atomic> drags in the hosted library.
#pragma once

#include <type_traits>

namespace hv {

enum class Order : int {
    relaxed = __ATOMIC_RELAXED,
    acquire = __ATOMIC_ACQUIRE,
    release = __ATOMIC_RELEASE,
    acq_rel = __ATOMIC_ACQ_REL,
    seq_cst = __ATOMIC_SEQ_CST
};

template <typename T>
requires(std::is_trivially_copyable_v<T> && sizeof(T) <= 8) class Atomic {
  public:
    constexpr Atomic() = default;
    constexpr explicit Atomic(T value) : value_(value) {}
    Atomic(const Atomic&) = delete;
    Atomic& operator=(const Atomic&) = delete;

    [[nodiscard]] T load(Order order = Order::seq_cst) const {
        T value;
        __atomic_load(&value_, &value, static_cast<int>(order));
        return value;
    }
    void store(T value, Order order = Order::seq_cst) { __atomic_store(&value_, &value, static_cast<int>(order)); }
    T exchange(T value, Order order = Order::seq_cst) {
        T old;
        __atomic_exchange(&value_, &value, &old, static_cast<int>(order));
        return old;
    }
    /// On failure `expected` holds the value seen.
    bool compare_exchange(T& expected, T desired, Order order = Order::seq_cst) {
        return __atomic_compare_exchange(&value_, &expected, &desired, false, static_cast<int>(order),
                                         __ATOMIC_RELAXED);
    }
    T fetch_add(T n, Order order = Order::seq_cst) { return __atomic_fetch_add(&value_, n, static_cast<int>(order)); }
    T fetch_sub(T n, Order order = Order::seq_cst) { return __atomic_fetch_sub(&value_, n, static_cast<int>(order)); }
    T fetch_or(T n, Order order = Order::seq_cst) { return __atomic_fetch_or(&value_, n, static_cast<int>(order)); }
    T fetch_and(T n, Order order = Order::seq_cst) { return __atomic_fetch_and(&value_, n, static_cast<int>(order)); }

  private:
    T value_{};
};

/// The same operations on memory whose type the ABI fixes (shared pages). Never a plain load of guest-writable memory.
template <typename T> inline T read_once(const T& from) { return *static_cast<const volatile T*>(&from); }
template <typename T> inline void write_once(T& to, std::type_identity_t<T> value) {
    *static_cast<volatile T*>(&to) = value;
}
inline bool test_and_set_bit(unsigned bit, volatile void* base) {
    bool old;
    asm volatile("lock btsl %2, %1"
                 : "=@ccc"(old), "+m"(static_cast<volatile unsigned*>(base)[bit / 32])
                 : "Ir"(bit % 32)
                 : "memory");
    return old;
}
inline bool test_and_clear_bit(unsigned bit, volatile void* base) {
    bool old;
    asm volatile("lock btrl %2, %1"
                 : "=@ccc"(old), "+m"(static_cast<volatile unsigned*>(base)[bit / 32])
                 : "Ir"(bit % 32)
                 : "memory");
    return old;
}
inline bool test_bit(unsigned bit, const volatile void* base) {
    return ((static_cast<const volatile unsigned*>(base)[bit / 32] >> (bit % 32)) & 1) != 0;
}
inline void barrier() { asm volatile("" ::: "memory"); }
inline void memory_fence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

} // namespace hv
