// SPDX-License-Identifier: MIT
#include "boot/dom0/sizing.hpp"

#include "lib/string.hpp"

namespace hv {

static bool parse_amount(const char*& s, MemoryAmount& out) {
    MemoryAmount amount;
    amount.given = true;
    if (*s == '-') {
        amount.negative = true;
        ++s;
    }
    const char* p = s;
    u64 value;
    if (parse_u64(p, value) && *p == '%') {
        if (value == 0 || value > 100) return false;
        amount.percent = static_cast<u32>(value);
        s = p + 1;
    } else {
        if (!parse_size(s, value, 1024)) return false;
        amount.pages = value >> page_shift;
    }
    out = amount;
    return true;
}

bool dom0_memory_parse(const char* text, Dom0Memory& out) {
    Dom0Memory memory;
    for (const char* s = text;; ++s) {
        MemoryAmount* amount = &memory.size;
        if (string_starts(s, "min:") || string_starts(s, "max:")) {
            amount = s[1] == 'i' ? &memory.min : &memory.max;
            s += 4;
        }
        if (!parse_amount(s, *amount)) return false;
        if (!*s) break;
        if (*s != ',') return false;
    }
    out = memory;
    return true;
}

u64 dom0_memory_pages(const Dom0Memory& asked, u64 available) {
    constexpr u64 most_reserved = (u64{128} << 20) >> page_shift;
    const u64 usable = available - min_of(available / 16, most_reserved);
    u64 pages = asked.size.given ? asked.size.of(available) : usable;
    if (asked.max.given) pages = min_of(pages, asked.max.of(available));
    if (asked.min.given) pages = max_of(pages, asked.min.of(available));
    return min_of(pages, usable);
}

bool dom0_vcpus_parse(const char* text, Dom0Vcpus& out) {
    Dom0Vcpus range;
    u64 value;
    bool any = false;
    if (parse_u64(text, value, 10)) {
        if (value == 0 || value > 0xffff) return false;
        range.min = range.max = static_cast<u32>(value);
        any = true;
    }
    if (*text == '-') {
        ++text;
        range.max = ~0U;
        if (parse_u64(text, value, 10)) {
            if (value < range.min || value > 0xffff) return false;
            range.max = static_cast<u32>(value);
            any = true;
        }
    }
    if (*text || !any) return false;
    out = range;
    return true;
}

} // namespace hv
