// SPDX-License-Identifier: MIT
// Type-checked text formatting: "{}" in order, "{:x}" hexadecimal with 0x, "{:016x}" zero-padded, "{:8}"/"{:-8}" width.
// Never allocates; output that does not fit is cut.
#pragma once

#include <type_traits>

#include "lib/strong.hpp"

namespace hv {

class FormatArg {
  public:
    enum class Kind : u8 { unsigned_int, signed_int, string, pointer, character, boolean };
    template <typename T>
    requires std::is_integral_v<T> FormatArg(T v) // NOLINT: implicit by purpose
        : kind_(std::is_same_v<T, bool>   ? Kind::boolean
                : std::is_same_v<T, char> ? Kind::character
                : std::is_signed_v<T>     ? Kind::signed_int
                                          : Kind::unsigned_int),
          value_(static_cast<u64>(v)) {}
    template <typename T>
    requires std::is_enum_v<T> FormatArg(T v) : FormatArg(static_cast<std::underlying_type_t<T>>(v)) {} // NOLINT
    template <typename Tag, typename Rep> FormatArg(Strong<Tag, Rep> v) : FormatArg(v.raw()) {}         // NOLINT
    FormatArg(const char* s) : kind_(Kind::string), value_(reinterpret_cast<u64>(s)) {}                 // NOLINT
    FormatArg(const void* p) : kind_(Kind::pointer), value_(reinterpret_cast<u64>(p)) {}                // NOLINT
    [[nodiscard]] Kind kind() const { return kind_; }
    [[nodiscard]] u64 value() const { return value_; }

  private:
    Kind kind_;
    u64 value_;
};

/// Writes at most size-1 characters and a NUL. Returns the number written without the NUL.
usize format_args(char* out, usize size, const char* fmt, const FormatArg* args, usize count);

template <typename... Args> usize format(char* out, usize size, const char* fmt, const Args&... args) {
    const FormatArg list[sizeof...(Args) + 1] = {FormatArg(args)..., FormatArg(0)};
    return format_args(out, size, fmt, list, sizeof...(Args));
}

} // namespace hv
