// SPDX-License-Identifier: MIT
#include "lib/string.hpp"

namespace hv {

usize string_copy(char* to, usize size, const char* from, usize length) {
    usize n = 0;
    for (; n + 1 < size && n < length && from[n]; ++n)
        to[n] = from[n];
    if (size) to[n] = '\0';
    return n;
}

usize string_copy(char* to, usize size, const char* from) { return string_copy(to, size, from, ~usize{0}); }

static unsigned digit_of(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? static_cast<unsigned>(lower - 'a' + 10) : 99;
}

bool parse_u64(const char*& s, u64& out, unsigned base) {
    const char* p = s;
    if ((base == 0 || base == 16) && p[0] == '0' && (p[1] | 0x20) == 'x' && digit_of(p[2]) < 16) {
        base = 16;
        p += 2;
    } else if (base == 0) {
        base = p[0] == '0' && digit_of(p[1]) < 8 ? 8 : 10;
    }
    u64 value = 0;
    if (digit_of(*p) >= base) return false;
    for (; digit_of(*p) < base; ++p)
        if (__builtin_mul_overflow(value, u64{base}, &value) ||
            __builtin_add_overflow(value, u64{digit_of(*p)}, &value))
            return false;
    out = value;
    s = p;
    return true;
}

bool parse_size(const char*& s, u64& out, u64 default_unit) {
    u64 value, unit = default_unit;
    const char* p = s;
    if (!parse_u64(p, value)) return false;
    switch (*p | 0x20) {
    case 't': unit = u64{1} << 40; break;
    case 'g': unit = u64{1} << 30; break;
    case 'm': unit = u64{1} << 20; break;
    case 'k': unit = u64{1} << 10; break;
    case 'b': unit = 1; break;
    default: --p;
    }
    ++p;
    if (__builtin_mul_overflow(value, unit, &value)) return false;
    out = value;
    s = p;
    return true;
}

} // namespace hv
