// SPDX-License-Identifier: MIT
// Multiboot 1 (specification 0.6.96, section 3.3) and what both versions share.
#include "boot/multiboot.hpp"

#include "lib/string.hpp"

namespace hv {

namespace {

struct Mb1Info {
    u32 flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4], mmap_length, mmap_addr,
        drives_length, drives_addr, config_table, boot_loader_name;
};
struct Mb1Module {
    u32 start, end, string, reserved;
};
struct [[gnu::packed]] Mb1Range {
    u32 size; ///< of what follows
    u64 address, length;
    u32 type;
};
constexpr u32 has_memory = 1, has_cmdline = 4, has_modules = 8, has_mmap = 64, has_loader_name = 512;

template <typename T> bool read_at(const BootMemory& memory, u64 maddr, T& out) {
    const u8* p = memory.at(maddr, sizeof(T));
    if (p) memcpy(&out, p, sizeof(T));
    return p != nullptr;
}

/// GRUB 2 passes arguments only; every other loader puts the image's name in front.
bool is_grub2(const char* loader) { return string_starts(loader, "GRUB ") && loader[5] != '0'; }

const char* without_image_name(const char* s, const char* loader) {
    while (*s == ' ')
        ++s;
    if (is_grub2(loader)) return s;
    while (*s && *s != ' ')
        ++s;
    while (*s == ' ')
        ++s;
    return s;
}

const char* read_mb1_map(const Mb1Info& info, const BootMemory& memory, BootInfo& out) {
    if (!(info.flags & has_mmap)) {
        if (!(info.flags & has_memory)) return "the boot loader gave no memory map";
        boot_memory_add(out, 0, u64{info.mem_lower} << 10, 1);
        boot_memory_add(out, 1 << 20, u64{info.mem_upper} << 10, 1);
        return nullptr;
    }
    for (u64 at = info.mmap_addr, end = at + info.mmap_length; at < end;) {
        Mb1Range range;
        if (end - at < sizeof(range) || !read_at(memory, at, range) || range.size < sizeof(range) - 4)
            return "the Multiboot memory map is malformed";
        boot_memory_add(out, range.address, range.length, range.type);
        at += u64{range.size} + 4;
    }
    return nullptr;
}

} // namespace

const char* boot_text_add(BootText& text, const BootMemory& memory, u64 maddr, u64 limit) {
    const usize room = sizeof(text.text) - text.used;
    usize n = 0;
    for (; n < limit; ++n) {
        const u8* c = memory.at(maddr + n, 1);
        if (!c || n + 1 >= room) return nullptr;
        text.text[text.used + n] = static_cast<char>(*c);
        if (!*c) break;
    }
    const char* start = text.text + text.used;
    text.text[text.used + n] = '\0';
    text.used += n + 1;
    return start;
}

void boot_memory_add(BootInfo& out, u64 address, u64 size, u32 type) {
    if (out.memory_count < sizeof(out.memory) / sizeof(out.memory[0]))
        out.memory[out.memory_count++] = {address, size, type > 5 || type == 0 ? 2 : type};
}

const char* boot_module_add(BootInfo& out, u64 start, u64 end, const char* cmdline) {
    if (!cmdline) return "a module's command line is unterminated or too long";
    if (end < start) return "a module ends before it starts";
    if (out.module_count == sizeof(out.modules) / sizeof(out.modules[0])) return "there are more modules than expected";
    out.modules[out.module_count++] = {start, end - start, cmdline};
    return nullptr;
}

const char* multiboot1_parse(u64 address, const BootMemory& memory, BootText& text, BootInfo& out) {
    Mb1Info info;
    if (!read_at(memory, address, info)) return "the Multiboot information is out of reach";
    if (info.flags & has_loader_name)
        if (const char* name = boot_text_add(text, memory, info.boot_loader_name, 256)) out.loader_name = name;
    if (info.flags & has_cmdline) {
        out.cmdline = boot_text_add(text, memory, info.cmdline, ~u64{0});
        if (!out.cmdline) return "the command line is unterminated or too long";
    }
    const u32 modules = info.flags & has_modules ? info.mods_count : 0;
    for (u32 i = 0; i < modules; ++i) {
        Mb1Module module;
        if (!read_at(memory, info.mods_addr + u64{i} * sizeof(module), module))
            return "the Multiboot module list is out of reach";
        const char* line = module.string ? boot_text_add(text, memory, module.string, ~u64{0}) : "";
        if (const char* bad = boot_module_add(out, module.start, module.end, line)) return bad;
    }
    return read_mb1_map(info, memory, out);
}

const char* multiboot_parse(u32 magic, u64 info, const BootMemory& memory, BootText& text, BootInfo& out) {
    const char* bad = magic == multiboot1_magic   ? multiboot1_parse(info, memory, text, out)
                      : magic == multiboot2_magic ? multiboot2_parse(info, memory, text, out)
                                                  : "started by something that is no Multiboot loader";
    if (bad) return bad;
    out.cmdline = without_image_name(out.cmdline, out.loader_name);
    for (u32 i = 0; i < out.module_count; ++i)
        out.modules[i].cmdline = without_image_name(out.modules[i].cmdline, out.loader_name);
    e820_sanitise(out.memory, out.memory_count);
    for (u32 i = 0; i < out.module_count; ++i)
        if (!e820_is_ram(out.memory, out.memory_count, out.modules[i].start, out.modules[i].size))
            return "a module lies outside the machine's memory";
    return nullptr;
}

} // namespace hv
