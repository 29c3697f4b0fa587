// SPDX-License-Identifier: MIT
// A small ELF kernel with Xen notes, for the tests of what reads and loads one.
#pragma once

#include <elf.h>

#include <cstring>
#include <vector>

#include <xen/elfnote.h>

#include "xc/image.hpp"

namespace hospes::xc::sample {

using Bytes = std::vector<std::uint8_t>;

template <typename T> void append(Bytes& out, const T& value) {
    const auto* from = reinterpret_cast<const std::uint8_t*>(&value);
    out.insert(out.end(), from, from + sizeof(T));
}

inline void append_note(Bytes& out, std::uint32_t type, const Bytes& data) {
    append(out, Elf64_Nhdr{4, static_cast<std::uint32_t>(data.size()), type});
    append(out, "Xen");
    out.insert(out.end(), data.begin(), data.end());
    out.resize((out.size() + 3) & ~std::size_t{3});
}
inline Bytes number(std::uint64_t value) {
    Bytes out;
    append(out, value);
    return out;
}
inline Bytes text(const char* value) { return {value, value + std::strlen(value) + 1}; }

constexpr std::uint64_t virt_base = 0xffffffff80000000;

struct Kind {
    bool pv = true, pvh = true;         ///< the entries it has
    bool apart = true;                  ///< PV: with INIT_P2M and MOD_START_PFN, as Linux has them
    std::uint32_t physical = 0x1000000; ///< where it is loaded
};

/// One loadable segment of 0x1000 file bytes (all 0x90) and 0x3000 memory bytes, and its notes.
inline Bytes elf(const Kind& kind = {}) {
    Bytes notes;
    if (kind.pv) {
        append_note(notes, XEN_ELFNOTE_VIRT_BASE, number(virt_base));
        append_note(notes, XEN_ELFNOTE_ENTRY, number(virt_base + kind.physical));
        append_note(notes, XEN_ELFNOTE_HYPERCALL_PAGE, number(virt_base + kind.physical));
        append_note(notes, XEN_ELFNOTE_LOADER, text("generic"));
    }
    if (kind.pvh) {
        Bytes entry;
        append(entry, kind.physical + 0x10);
        append_note(notes, XEN_ELFNOTE_PHYS32_ENTRY, entry);
    }
    if (kind.pv && kind.apart) {
        append_note(notes, XEN_ELFNOTE_MOD_START_PFN, number(1));
        append_note(notes, XEN_ELFNOTE_INIT_P2M, number(0x8000000000));
    }
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_machine = EM_X86_64;
    header.e_phoff = sizeof(header);
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = 2;
    Elf64_Phdr load{}, note{};
    load.p_type = PT_LOAD;
    load.p_offset = 0x1000;
    load.p_paddr = kind.physical;
    load.p_filesz = 0x1000;
    load.p_memsz = 0x3000;
    note.p_type = PT_NOTE;
    note.p_offset = 0x200;
    note.p_filesz = notes.size();
    Bytes out;
    append(out, header);
    append(out, load);
    append(out, note);
    out.resize(0x200);
    out.insert(out.end(), notes.begin(), notes.end());
    out.resize(0x2000, 0x90);
    return out;
}

} // namespace hospes::xc::sample
