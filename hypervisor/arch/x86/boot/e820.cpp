// SPDX-License-Identifier: MIT
#include <utility>

#include "boot/multiboot.hpp"
#include "lib/string.hpp"

namespace hv {

namespace {
constexpr u32 max_entries = sizeof(BootInfo::memory) / sizeof(E820Entry);

/// The type of [from, ...) up to the next border: the highest number among the ranges that cover it, 0 = a hole.
u32 type_at(const E820Entry* map, u32 count, u64 from) {
    u32 type = 0;
    for (u32 i = 0; i < count; ++i)
        if (map[i].address <= from && from - map[i].address < map[i].size) type = max_of<u32>(type, map[i].type);
    return type;
}

void sort(u64* values, u32 count) {
    for (u32 i = 1; i < count; ++i)
        for (u32 j = i; j > 0 && values[j] < values[j - 1]; --j)
            std::swap(values[j], values[j - 1]);
}
} // namespace

void e820_sanitise(E820Entry* map, u32& count) {
    static u64 borders[2 * max_entries];
    static E820Entry result[max_entries];
    u32 border_count = 0, used = 0;
    for (u32 i = 0; i < count; ++i) {
        if (!map[i].size || !map[i].type || map[i].address + map[i].size < map[i].address) {
            map[i] = {0, 0, 0};
            continue;
        }
        borders[border_count++] = map[i].address;
        borders[border_count++] = map[i].address + map[i].size;
    }
    sort(borders, border_count);
    for (u32 i = 0; i + 1 < border_count; ++i) {
        const u64 from = borders[i], size = borders[i + 1] - from;
        const u32 type = size ? type_at(map, count, from) : 0;
        if (!type) continue;
        E820Entry* last = used ? &result[used - 1] : nullptr;
        if (last && last->type == type && last->address + last->size == from)
            last->size += size;
        else if (used < max_entries)
            result[used++] = {from, size, type};
    }
    memcpy(map, result, used * sizeof(E820Entry));
    count = used;
}

bool e820_is_ram(const E820Entry* map, u32 count, u64 address, u64 bytes) {
    for (u32 i = 0; i < count; ++i)
        if (map[i].type == 1 && map[i].address <= address && address - map[i].address <= map[i].size &&
            bytes <= map[i].size - (address - map[i].address))
            return true;
    return false;
}

} // namespace hv
