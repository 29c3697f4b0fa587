// SPDX-License-Identifier: MIT
// C strings and memory blocks. The mem* functions are also what the compiler emits calls to.
#pragma once

#include "lib/types.hpp"

extern "C" {
void* memcpy(void* to, const void* from, hv::usize bytes);
void* memmove(void* to, const void* from, hv::usize bytes);
void* memset(void* to, int value, hv::usize bytes);
int memcmp(const void* a, const void* b, hv::usize bytes);
void* memchr(const void* in, int value, hv::usize bytes);
hv::usize strlen(const char* s);
int strcmp(const char* a, const char* b);
int strncmp(const char* a, const char* b, hv::usize max);
}

namespace hv {

/// Whether the CPU moves large blocks best by itself (CPUID's ERMS); set when it is identified.
extern bool fast_strings;

/// Copies at most size-1 characters and always terminates. Returns the length copied.
usize string_copy(char* to, usize size, const char* from);
/// Like it, of a text that need not be terminated.
usize string_copy(char* to, usize size, const char* from, usize length);
inline bool string_equal(const char* a, const char* b) { return strcmp(a, b) == 0; }
inline bool string_starts(const char* s, const char* prefix) { return strncmp(s, prefix, strlen(prefix)) == 0; }
/// Digits in base 0 (0x, 0 prefixes), 10 or 16 from *s, which moves behind them. False: no digit, or overflow.
bool parse_u64(const char*& s, u64& out, unsigned base = 0);
/// A number with an optional binary suffix B K M G T; without one it counts `default_unit` bytes.
bool parse_size(const char*& s, u64& out, u64 default_unit);

template <typename T> constexpr T min_of(T a, T b) { return b < a ? b : a; }
template <typename T> constexpr T max_of(T a, T b) { return a < b ? b : a; }

} // namespace hv
