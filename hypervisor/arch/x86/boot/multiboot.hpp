// SPDX-License-Identifier: MIT
// Reading what the boot loader left in memory. Everything in it is checked: offsets, sizes, counts, terminators.
#pragma once

#include "core/init/boot_info.hpp"

namespace hv {

inline constexpr u32 multiboot1_magic = 0x2badb002, multiboot2_magic = 0x36d76289;

/// Machine memory [0, size) as readable bytes (the direct map at boot, a buffer in tests).
struct BootMemory {
    const u8* base;
    u64 size;
    /// nullptr unless [maddr, maddr + bytes) lies inside.
    [[nodiscard]] const u8* at(u64 maddr, u64 bytes) const {
        return maddr && maddr <= size && bytes <= size - maddr ? base + maddr : nullptr;
    }
};

/// Storage that outlives the loader's: strings and the RSDP copy.
struct BootText {
    char text[6144];
    usize used = 0;
    alignas(16) u8 rsdp[36];
    bool has_rsdp = false;
};

/// nullptr: `out` is filled. Otherwise what is wrong, as one line.
const char* multiboot_parse(u32 magic, u64 info, const BootMemory& memory, BootText& text, BootInfo& out);
const char* multiboot1_parse(u64 info, const BootMemory& memory, BootText& text, BootInfo& out);
const char* multiboot2_parse(u64 info, const BootMemory& memory, BootText& text, BootInfo& out);

/// Sorts, drops empty and wrapped ranges, resolves overlaps (the less usable type wins), joins neighbours.
void e820_sanitise(E820Entry* map, u32& count);
/// Is the whole range RAM?
bool e820_is_ram(const E820Entry* map, u32 count, u64 address, u64 bytes);

// Shared by the two parsers.
const char* boot_text_add(BootText& text, const BootMemory& memory, u64 maddr, u64 limit);
const char* boot_module_add(BootInfo& out, u64 start, u64 end, const char* cmdline);
void boot_memory_add(BootInfo& out, u64 address, u64 size, u32 type);

} // namespace hv
