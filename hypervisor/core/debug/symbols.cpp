// SPDX-License-Identifier: MIT
#include "core/debug/symbols.hpp"

#include "boot/image.hpp"
#include "core/debug/printk.hpp"

namespace hv {

struct SymbolAddress {
    u32 offset; ///< from image_text_start
    u32 name;   ///< offset in hv_symbol_names
};
// Written by symbols.py.
extern "C" const u64 hv_symbol_count;
extern "C" const SymbolAddress hv_symbol_addresses[];
extern "C" const char hv_symbol_names[];

bool is_hypervisor_text(u64 address) {
    return address >= reinterpret_cast<u64>(image_text_start) && address < reinterpret_cast<u64>(image_text_end);
}

Symbol symbol_lookup(u64 address) {
    if (!is_hypervisor_text(address) || !hv_symbol_count) return {};
    const u64 offset = address - reinterpret_cast<u64>(image_text_start);
    u64 low = 0, high = hv_symbol_count; // the last entry whose offset is not above
    while (high - low > 1) {
        const u64 middle = (low + high) / 2;
        if (hv_symbol_addresses[middle].offset <= offset)
            low = middle;
        else
            high = middle;
    }
    const SymbolAddress& found = hv_symbol_addresses[low];
    if (found.offset > offset) return {};
    const u64 end = low + 1 < hv_symbol_count ? hv_symbol_addresses[low + 1].offset
                                              : static_cast<u64>(image_text_end - image_text_start);
    return {hv_symbol_names + found.name, offset - found.offset, end - found.offset};
}

u64 symbol_count() { return hv_symbol_count; }

SymbolEntry symbol_by_number(u64 number) {
    if (number >= hv_symbol_count) return {};
    const SymbolAddress& s = hv_symbol_addresses[number];
    return {hv_symbol_names + s.name, reinterpret_cast<u64>(image_text_start) + s.offset};
}

static void print_location(u64 address) {
    const Symbol s = symbol_lookup(address);
    if (s.name)
        log_error("   [<{:016x}>] {}+{:x}/{:x}", address, s.name, s.offset, s.size);
    else
        log_error("   [<{:016x}>] outside the hypervisor", address);
}

void print_backtrace(u64 rip, u64 rbp, u64 rsp) {
    log_error("Call trace:");
    print_location(rip);
    // Frames must stay on the stack block that rsp is in and go upwards: a broken chain ends the trace, not the CPU.
    const u64 stack_end = (rsp | (stack_size - 1)) + 1;
    u64 at = rsp;
    for (unsigned depth = 0; depth < 40 && rbp > at && rbp % 8 == 0 && rbp + 16 <= stack_end; ++depth) {
        const u64* frame = reinterpret_cast<const u64*>(rbp);
        if (!is_hypervisor_text(frame[1])) break;
        print_location(frame[1]);
        at = rbp;
        rbp = frame[0];
    }
}

} // namespace hv
