// SPDX-License-Identifier: MIT
// Large blocks by `rep movsb` where the CPU says that it is fast, which an emulator does not: it goes round for every
// element. Attributes keep the compiler from turning the bodies into calls to themselves.
#include "lib/string.hpp"

#define HV_MEM extern "C" [[gnu::optimize("no-tree-loop-distribute-patterns")]]
#ifdef __clang__
#undef HV_MEM
#define HV_MEM extern "C" __attribute__((no_builtin))
#endif

using hv::u64;
using hv::u8;
using hv::usize;

using Loose = u64 __attribute__((aligned(1), may_alias));

bool hv::fast_strings;

HV_MEM void* memcpy(void* to, const void* from, usize bytes) {
    u8* out = static_cast<u8*>(to);
    const u8* in = static_cast<const u8*>(from);
    if (hv::fast_strings && bytes > 128) {
        asm volatile("rep movsb" : "+D"(out), "+S"(in), "+c"(bytes)::"memory");
        return to;
    }
    for (; bytes >= 32; bytes -= 32, out += 32, in += 32) {
        const Loose* words = reinterpret_cast<const Loose*>(in);
        const u64 a = words[0], b = words[1], c = words[2], d = words[3]; // all before any is written: memmove()
        Loose* copied = reinterpret_cast<Loose*>(out);
        copied[0] = a, copied[1] = b, copied[2] = c, copied[3] = d;
    }
    for (; bytes >= 8; bytes -= 8, out += 8, in += 8)
        *reinterpret_cast<Loose*>(out) = *reinterpret_cast<const Loose*>(in);
    while (bytes--)
        *out++ = *in++;
    return to;
}

HV_MEM void* memmove(void* to, const void* from, usize bytes) {
    if (reinterpret_cast<u64>(to) - reinterpret_cast<u64>(from) >= bytes) return memcpy(to, from, bytes);
    u8* out = static_cast<u8*>(to);
    const u8* in = static_cast<const u8*>(from);
    for (usize i = bytes; i-- > 0;)
        out[i] = in[i];
    return to;
}

HV_MEM void* memset(void* to, int value, usize bytes) {
    void* out = to;
    usize words = bytes / 8;
    const u64 pattern = 0x0101010101010101ULL * static_cast<u8>(value);
    asm volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(pattern) : "memory");
    bytes &= 7;
    asm volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(pattern) : "memory");
    return out;
}

HV_MEM int memcmp(const void* a, const void* b, usize bytes) {
    const u8* x = static_cast<const u8*>(a);
    const u8* y = static_cast<const u8*>(b);
    for (usize i = 0; i < bytes; ++i)
        if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
    return 0;
}

HV_MEM void* memchr(const void* in, int value, usize bytes) {
    const u8* p = static_cast<const u8*>(in);
    for (usize i = 0; i < bytes; ++i)
        if (p[i] == static_cast<u8>(value)) return const_cast<u8*>(p + i);
    return nullptr;
}

HV_MEM usize strlen(const char* s) {
    usize n = 0;
    while (s[n])
        ++n;
    return n;
}

HV_MEM int strcmp(const char* a, const char* b) {
    while (*a && *a == *b)
        ++a, ++b;
    return static_cast<u8>(*a) - static_cast<u8>(*b);
}

HV_MEM int strncmp(const char* a, const char* b, usize max) {
    for (; max; ++a, ++b, --max)
        if (*a != *b || !*a) return static_cast<u8>(*a) - static_cast<u8>(*b);
    return 0;
}
