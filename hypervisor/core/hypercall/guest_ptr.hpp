// SPDX-License-Identifier: MIT
// Pointers into the calling guest's address space. They cannot be dereferenced, only copied through; the direction
// is part of the type; only padding-free (or explicitly zeroed) trivially copyable values may leave the hypervisor.
#pragma once

#include <type_traits>

#include "lib/result.hpp"
#include "lib/types.hpp"

namespace hv {

/// Raw copies to and from the CURRENT guest; false on any fault. Implemented by the architecture: they check the
/// range against the hypervisor's own addresses and recover from page faults.
bool copy_from_guest(void* to, u64 guest_address, usize bytes);
bool copy_to_guest(u64 guest_address, const void* from, usize bytes);
bool clear_guest(u64 guest_address, usize bytes);

template <typename T> class GuestIn {
  public:
    static_assert(std::is_trivially_copyable_v<T>);
    constexpr GuestIn() = default;
    explicit constexpr GuestIn(u64 address) : address_(address) {}
    template <typename Handle>
    requires requires(Handle h) { h.p; }
    explicit GuestIn(Handle handle) : address_(reinterpret_cast<u64>(handle.p)) {}
    [[nodiscard]] u64 address() const { return address_; }
    [[nodiscard]] bool null() const { return address_ == 0; }
    [[nodiscard]] GuestIn offset(u64 items) const { return GuestIn(address_ + items * sizeof(T)); }
    Status read(T& out) const { return read(&out, 1); }
    Status read(T* out, usize count) const {
        if (count > ~usize{0} / sizeof(T) || !copy_from_guest(out, address_, count * sizeof(T))) return Errno::fault;
        return {};
    }

  protected:
    u64 address_ = 0;
};

template <typename T> class GuestOut {
  public:
    static_assert(std::is_trivially_copyable_v<T>);
    constexpr GuestOut() = default;
    explicit constexpr GuestOut(u64 address) : address_(address) {}
    template <typename Handle>
    requires requires(Handle h) { h.p; }
    explicit GuestOut(Handle handle) : address_(reinterpret_cast<u64>(handle.p)) {}
    [[nodiscard]] u64 address() const { return address_; }
    [[nodiscard]] bool null() const { return address_ == 0; }
    [[nodiscard]] GuestOut offset(u64 items) const { return GuestOut(address_ + items * sizeof(T)); }
    Status write(const T& value) const { return write(&value, 1); }
    Status write(const T* values, usize count) const {
        if (count > ~usize{0} / sizeof(T) || !copy_to_guest(address_, values, count * sizeof(T))) return Errno::fault;
        return {};
    }
    /// Writes one field of the structure only, e.g. a progress counter.
    template <typename F, typename S = T> Status write_field(F S::*field, std::type_identity_t<F> value) const {
        const u64 offset = reinterpret_cast<u64>(&(reinterpret_cast<S*>(4096)->*field)) - 4096;
        return copy_to_guest(address_ + offset, &value, sizeof(F)) ? Status{} : Status{Errno::fault};
    }

  protected:
    u64 address_ = 0;
};

template <typename T> class GuestInOut : public GuestIn<T> {
  public:
    using GuestIn<T>::GuestIn;
    [[nodiscard]] GuestOut<T> out() const { return GuestOut<T>(this->address_); }
    [[nodiscard]] GuestInOut offset(u64 items) const { return GuestInOut(this->address_ + items * sizeof(T)); }
    Status write(const T& value) const { return out().write(value); }
};

/// The structure at `address`.
template <typename T> Result<T> read_guest(u64 address) {
    T value;
    TRY(GuestIn<T>(address).read(value));
    return value;
}

} // namespace hv
