// SPDX-License-Identifier: MIT
// What the boot loader handed over, independent of its protocol (multiboot 1, multiboot 2 on BIOS or UEFI).
#pragma once

#include "lib/types.hpp"

namespace hv {

/// One e820 range as in the BIOS call, multiboot and XENMEM_machine_memory_map (20 bytes).
struct [[gnu::packed]] E820Entry {
    u64 address;
    u64 size;
    u32 type; ///< 1 RAM, 2 reserved, 3 ACPI reclaimable, 4 ACPI NVS, 5 unusable
};
static_assert(sizeof(E820Entry) == 20);

struct BootModule {
    u64 start; ///< machine address
    u64 size;
    const char* cmdline;
};

struct BootInfo {
    const char* loader_name = "";
    const char* cmdline = "";
    E820Entry memory[256];
    u32 memory_count = 0;
    BootModule modules[8];
    u32 module_count = 0;
    u64 rsdp = 0; ///< machine address when the loader told it, else 0
    u64 efi_system_table = 0;
    u64 efi_tables = 0; ///< its configuration tables, which dom0 finds the RSDP by
    u32 efi_table_count = 0;
    u32 efi_revision = 0;
    bool efi = false;
    bool has_console_vga = false;
};
extern BootInfo boot_info;

} // namespace hv
