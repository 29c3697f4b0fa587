// SPDX-License-Identifier: MIT
// Multiboot 2 (specification 2.0, section 3.6): a sequence of tags, 8-byte aligned.
#include "boot/multiboot.hpp"
#include "lib/string.hpp"

namespace hv {

namespace {

struct Tag {
    u32 type, size;
};
constexpr u32 tag_end = 0, tag_cmdline = 1, tag_loader = 2, tag_module = 3, tag_mmap = 6, tag_efi64 = 12,
              tag_rsdp_old = 14, tag_rsdp_new = 15, tag_efi_mmap = 17;

/// UEFI 2.9 section 7.2: EFI_MEMORY_DESCRIPTOR, types to e820.
struct EfiDescriptor {
    u32 type, pad;
    u64 physical, virt, pages, attributes;
};
u32 e820_type_of(const EfiDescriptor& d) {
    switch (d.type) {
    case 1:
    case 2:
    case 3:
    case 4:
    case 7: return d.attributes & 8 ? 1 : 2; // loader, boot services, free; write-back
    case 8: return 5;
    case 9: return 3;
    case 10: return 4;
    default: return 2;
    }
}

class Parser {
  public:
    Parser(const BootMemory& memory, BootText& text, BootInfo& out) : memory_(memory), text_(text), out_(out) {}

    const char* tag(const Tag& tag, u64 at) {
        constexpr u32 with_two_words = 1U << tag_module | 1U << tag_mmap | 1U << tag_efi_mmap | 1U << tag_efi64;
        if (tag.type < 32 && (with_two_words >> tag.type & 1)) {
            if (tag.size < 16) return "a Multiboot2 tag is too short";
            memcpy(words_, memory_.at(at + 8, 8), 8);
        }
        switch (tag.type) {
        case tag_cmdline:
            out_.cmdline = boot_text_add(text_, memory_, at + 8, tag.size - 8);
            return out_.cmdline ? nullptr : "the command line is unterminated or too long";
        case tag_loader:
            if (const char* name = boot_text_add(text_, memory_, at + 8, tag.size - 8)) out_.loader_name = name;
            return nullptr;
        case tag_module: return module(tag, at);
        case tag_mmap: return memory_map(tag, at);
        case tag_efi_mmap: return efi_map(tag, at);
        case tag_efi64:
            memcpy(&out_.efi_system_table, words_, 8);
            out_.efi = true;
            return nullptr;
        case tag_rsdp_old:
        case tag_rsdp_new: return rsdp(tag, at);
        default: return nullptr;
        }
    }
    /// GRUB gives both maps on EFI; its own is already in e820 terms, so EFI's only stands in for a missing one.
    void finish() {
        if (!have_map_)
            for (u32 i = 0; i < efi_count_; ++i)
                boot_memory_add(out_, efi_[i].address, efi_[i].size, efi_[i].type);
    }

  private:
    const char* module(const Tag& tag, u64 at) {
        return boot_module_add(out_, words_[0], words_[1], boot_text_add(text_, memory_, at + 16, tag.size - 16));
    }

    const char* memory_map(const Tag& tag, u64 at) {
        const u32 entry = words_[0];
        if (entry < sizeof(E820Entry)) return "the Multiboot2 memory map is malformed";
        for (u64 offset = 16; offset + entry <= tag.size; offset += entry) {
            E820Entry range;
            memcpy(&range, memory_.at(at + offset, sizeof(range)), sizeof(range));
            boot_memory_add(out_, range.address, range.size, range.type);
        }
        have_map_ = true;
        return nullptr;
    }

    const char* efi_map(const Tag& tag, u64 at) {
        const u32 entry = words_[0];
        if (entry < sizeof(EfiDescriptor)) return "the EFI memory map is malformed";
        out_.efi = true;
        for (u64 offset = 16; offset + entry <= tag.size; offset += entry) {
            EfiDescriptor d;
            memcpy(&d, memory_.at(at + offset, sizeof(d)), sizeof(d));
            if (efi_count_ < max_efi && d.pages < u64{1} << 52)
                efi_[efi_count_++] = {d.physical, d.pages << page_shift, e820_type_of(d)};
        }
        return nullptr;
    }

    const char* rsdp(const Tag& tag, u64 at) {
        // The new form, when both are there, wins: it has the XSDT.
        if (text_.has_rsdp && tag.type == tag_rsdp_old) return nullptr;
        const u32 bytes = min_of<u32>(tag.size - 8, sizeof(text_.rsdp));
        memset(text_.rsdp, 0, sizeof(text_.rsdp));
        memcpy(text_.rsdp, memory_.at(at + 8, bytes), bytes);
        text_.has_rsdp = true;
        return nullptr;
    }

    static constexpr u32 max_efi = 256;
    static inline E820Entry efi_[max_efi];
    u32 words_[2] = {}; ///< behind the tag's head: a module's range, or an entry's size and version
    u32 efi_count_ = 0;
    bool have_map_ = false;
    const BootMemory& memory_;
    BootText& text_;
    BootInfo& out_;
};

} // namespace

/// What dom0 asks for by platform_op: read now, the table's memory is not mapped later (UEFI 2.9 section 4.3).
static void read_efi_system_table(const BootMemory& memory, BootInfo& out) {
    constexpr u64 table_bytes = 120, signature = 0x5453595320494249; // "IBI SYST"
    const u8* table = memory.at(out.efi_system_table, table_bytes);
    u64 found = 0, count = 0;
    if (table) memcpy(&found, table, 8);
    if (found != signature) return;
    memcpy(&out.efi_revision, table + 8, 4);
    memcpy(&count, table + 104, 8);
    memcpy(&out.efi_tables, table + 112, 8);
    out.efi_table_count = static_cast<u32>(min_of<u64>(count, 1024));
}

const char* multiboot2_parse(u64 info, const BootMemory& memory, BootText& text, BootInfo& out) {
    const u8* header = memory.at(info, 8);
    u32 total = 0;
    if (header) memcpy(&total, header, 4);
    if (total < 16 || !memory.at(info, total)) return "the Multiboot2 information is out of reach";
    Parser parser(memory, text, out);
    for (u64 at = info + 8, end = info + total;;) {
        Tag tag;
        if (end - at < sizeof(tag)) return "the Multiboot2 tag list has no end";
        memcpy(&tag, memory.at(at, sizeof(tag)), sizeof(tag));
        if (tag.type == tag_end) break;
        if (tag.size < 8 || tag.size > end - at) return "a Multiboot2 tag's size is wrong";
        if (const char* bad = parser.tag(tag, at)) return bad;
        const u64 step = align_up(tag.size, 8);
        if (step > end - at) return "the Multiboot2 tag list has no end";
        at += step;
    }
    parser.finish();
    read_efi_system_table(memory, out);
    return out.memory_count ? nullptr : "the boot loader gave no memory map";
}

} // namespace hv
