// SPDX-License-Identifier: MIT
// Addresses to names: the table is generated from the first link and linked into the second.
#pragma once

#include "cpu/cpu_info.hpp"
#include "lib/types.hpp"

namespace hv {

struct Symbol {
    const char* name; ///< nullptr: not in the image's text
    u64 offset, size;
};
Symbol symbol_lookup(u64 address);
struct SymbolEntry {
    const char* name; ///< nullptr: there is no such number
    u64 address;
};
u64 symbol_count();
SymbolEntry symbol_by_number(u64 number);
/// Does this address lie in the hypervisor's code?
bool is_hypervisor_text(u64 address);
/// Walks the frame pointers from `rbp` (this function's caller when 0) and prints "address function+off/size" lines.
void print_backtrace(u64 rip, u64 rbp, u64 rsp);

} // namespace hv
