// SPDX-License-Identifier: MIT
#include "xc/resident.hpp"

#include <cstddef>
#include <cstdint>

#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

namespace hospes::xc {

/// Of the first object, which is the program. What is not writable was never written: the file has it all.
static int forget_segments(dl_phdr_info* program, std::size_t, void*) {
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    for (int i = 0; i < program->dlpi_phnum; ++i) {
        const ElfW(Phdr)& p = program->dlpi_phdr[i];
        if (p.p_type != PT_LOAD || (p.p_flags & PF_W) != 0) continue;
        const std::uintptr_t at = program->dlpi_addr + p.p_vaddr, begin = at & ~(page - 1);
        ::madvise(reinterpret_cast<void*>(begin), at + p.p_memsz - begin, MADV_DONTNEED);
    }
    return 1;
}

void forget_start() { ::dl_iterate_phdr(forget_segments, nullptr); }

} // namespace hospes::xc
