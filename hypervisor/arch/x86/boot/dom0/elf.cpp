// SPDX-License-Identifier: MIT
#include "boot/dom0/elf.hpp"

#include <xen/elfnote.h>
#include <xen/features.h>

#include "lib/string.hpp"

namespace hv {

namespace {

struct ElfHeader {
    u8 ident[16];
    u16 type, machine;
    u32 version;
    u64 entry, phoff, shoff;
    u32 flags;
    u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
struct ProgramHeader {
    u32 type, flags;
    u64 offset, vaddr, paddr, filesz, memsz, align;
};
struct Note {
    u32 name_size, desc_size, type;
};
constexpr u32 pt_load = 1, pt_note = 4;

template <typename T> T read(const u8* at) {
    T value;
    memcpy(&value, at, sizeof(T));
    return value;
}

ProgramHeader program_header(const u8* image, const ElfHeader& header, u32 index) {
    return read<ProgramHeader>(image + header.phoff + u64{index} * header.phentsize);
}

void take_note(PvKernel& out, u32 type, const u8* desc, u32 size) {
    u64 number = 0;
    memcpy(&number, desc, size < 8 ? size : 8);
    switch (type) {
    case XEN_ELFNOTE_ENTRY: out.entry = number; break;
    case XEN_ELFNOTE_HYPERCALL_PAGE: out.hypercall_page = number; break;
    case XEN_ELFNOTE_VIRT_BASE: out.virt_base = number; break;
    case XEN_ELFNOTE_PADDR_OFFSET: out.paddr_offset = number; break;
    case XEN_ELFNOTE_INIT_P2M: out.init_p2m = number; break;
    case XEN_ELFNOTE_MOD_START_PFN: out.mod_start_pfn = number != 0; break;
    case XEN_ELFNOTE_SUPPORTED_FEATURES:
        out.supported_features = number;
        out.has_supported_features = true;
        break;
    case XEN_ELFNOTE_GUEST_OS:
        string_copy(out.guest_os, sizeof(out.guest_os), reinterpret_cast<const char*>(desc), size);
        break;
    default: break;
    }
}

void take_notes(PvKernel& out, const u8* at, u64 size) {
    while (size >= sizeof(Note)) {
        const Note note = read<Note>(at);
        const u64 name = align_up(u64{note.name_size}, 4), desc = align_up(u64{note.desc_size}, 4);
        if (name + desc > size - sizeof(Note)) return;
        if (note.name_size == 4 && memcmp(at + sizeof(Note), "Xen", 4) == 0) {
            out.has_xen_notes = true;
            take_note(out, note.type, at + sizeof(Note) + name, note.desc_size);
        }
        at += sizeof(Note) + name + desc;
        size -= sizeof(Note) + name + desc;
    }
}

const char* check_header(const u8* image, u64 size, ElfHeader& header) {
    if (size < sizeof(header)) return "the kernel image is too small";
    header = read<ElfHeader>(image);
    if (memcmp(header.ident, "\177ELF", 4) != 0) return "the kernel is neither ELF nor a known bzImage";
    if (header.ident[4] != 2 || header.ident[5] != 1 || header.machine != 62)
        return "the kernel is no x86-64 ELF: 32-bit PV is not supported";
    if (header.phentsize < sizeof(ProgramHeader) || header.phoff > size ||
        u64{header.phnum} * header.phentsize > size - header.phoff)
        return "the kernel's program headers lie outside the file";
    return nullptr;
}

/// Where a segment goes: by physical address above the kernel's base.
u64 load_address(const PvKernel& kernel, const ProgramHeader& ph) {
    return ph.paddr - kernel.paddr_offset + kernel.virt_base;
}

const char* check_segments(const u8* image, const ElfHeader& header, PvKernel& out) {
    constexpr u64 most = u64{1} << 30;
    u64 low = ~u64{0}, high = 0;
    for (u32 i = 0; i < header.phnum; ++i) {
        const ProgramHeader ph = program_header(image, header, i);
        if (ph.type != pt_load || !ph.memsz) continue;
        const u64 at = load_address(out, ph);
        if (ph.filesz > ph.memsz || ph.memsz > most || at < out.virt_base || at - out.virt_base > most)
            return "a kernel segment lies outside the initial mapping";
        low = min_of(low, at);
        high = max_of(high, at + ph.memsz);
    }
    if (low >= high) return "the kernel has no loadable segment";
    out.start = low;
    out.end = high;
    const auto inside = [&](u64 address, u64 bytes) { return address >= low && address <= high - bytes; };
    if (!inside(out.entry, 1)) return "the kernel's entry point lies outside its segments";
    if (out.hypercall_page != PvKernel::unset &&
        (!inside(out.hypercall_page, page_size) || out.hypercall_page % page_size))
        return "the kernel's hypercall page lies outside its segments";
    return nullptr;
}

} // namespace

const char* pv_kernel_parse(const u8* image, u64 size, PvKernel& out) {
    ElfHeader header;
    if (const char* bad = check_header(image, size, header)) return bad;
    out = {};
    for (u32 i = 0; i < header.phnum; ++i) {
        const ProgramHeader ph = program_header(image, header, i);
        if (ph.type != pt_load && ph.type != pt_note) continue;
        if (ph.offset > size || ph.filesz > size - ph.offset) return "a kernel segment lies outside the file";
        if (ph.type == pt_note) take_notes(out, image + ph.offset, ph.filesz);
    }
    if (!out.has_xen_notes) return "the kernel has no Xen notes: it is not built for PV";
    if (out.has_supported_features && !(out.supported_features >> XENFEAT_dom0 & 1))
        return "the kernel cannot be dom0 (no XENFEAT_dom0)";
    // The notes' defaults (xen/elfnote.h).
    if (out.virt_base == PvKernel::unset) out.virt_base = 0;
    if (out.paddr_offset == PvKernel::unset) out.paddr_offset = 0;
    if (out.entry == PvKernel::unset) out.entry = header.entry;
    return check_segments(image, header, out);
}

void pv_kernel_segments(const u8* image, const PvKernel& kernel, SegmentSink put, void* context) {
    const ElfHeader header = read<ElfHeader>(image);
    for (u32 i = 0; i < header.phnum; ++i) {
        const ProgramHeader ph = program_header(image, header, i);
        if (ph.type == pt_load && ph.memsz)
            put(context, load_address(kernel, ph), image + ph.offset, ph.filesz, ph.memsz);
    }
}

bool bzimage_payload(const u8* image, u64 size, const u8*& payload, u64& payload_size) {
    constexpr u64 sectors_at = 0x1f1, magic_at = 0x202, version_at = 0x206, offset_at = 0x248, length_at = 0x24c;
    if (size < 0x250 || memcmp(image + magic_at, "HdrS", 4) != 0 || read<u16>(image + version_at) < 0x208) return false;
    const u64 sectors = image[sectors_at] ? image[sectors_at] : 4;
    const u64 start = (sectors + 1) * 512 + read<u32>(image + offset_at);
    payload_size = read<u32>(image + length_at);
    if (start > size || payload_size > size - start || payload_size < 8) return false;
    payload = image + start;
    return true;
}

} // namespace hv
