// SPDX-License-Identifier: MIT
// A guest kernel: bzImage or ELF, compressed or not, with the Xen ELF notes (xen/elfnote.h) that
// say how it wants to be started. The file is hostile: every offset and length is checked here,
// once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "xc/content.hpp"

namespace hospes::xc {

struct Segment {
    std::uint64_t physical = 0; ///< p_paddr
    std::uint64_t file_offset = 0, file_size = 0, memory_size = 0;
};

struct XenNotes {
    std::optional<std::uint64_t> entry, hypercall_page, virt_base, paddr_offset, init_p2m, phys32_entry;
    bool mod_start_is_pfn = false; ///< MOD_START_PFN: the ramdisk need not be mapped
    std::string guest_os, guest_version, xen_version, loader, features;
    std::uint32_t supported_features = 0; ///< XEN_ELFNOTE_SUPPORTED_FEATURES, first word
};

class KernelImage {
  public:
    /// Reads the file's headers and expands it if need be: once, see build/kernel_cache.hpp. Errors name the file, the
    /// format and what is wrong with it.
    static Result<KernelImage> load(const std::string& path, const std::string& cache = "/var/cache/hospes");
    /// `limit`: what it may expand to.
    static Result<KernelImage> parse(std::vector<std::uint8_t> file, const std::string& name,
                                     std::size_t limit = 1U << 30);

    [[nodiscard]] const XenNotes& notes() const { return notes_; }
    [[nodiscard]] const std::vector<Segment>& segments() const { return segments_; }
    [[nodiscard]] Content content(const Segment& s) const { return elf_.part(s.file_offset, s.file_size); }
    [[nodiscard]] std::uint64_t physical_start() const { return start_; }
    [[nodiscard]] std::uint64_t physical_end() const { return end_; }
    [[nodiscard]] std::uint64_t elf_entry() const { return entry_; }
    [[nodiscard]] const std::string& format() const { return format_; } ///< "bzImage (LZ4)", "ELF"
    [[nodiscard]] bool supports_pv() const { return is64_ && notes_.virt_base && !notes_.loader.empty(); }
    [[nodiscard]] bool supports_pvh() const { return notes_.phys32_entry.has_value(); }
    [[nodiscard]] bool is64() const { return is64_; }

  private:
    static Result<KernelImage> read(const Content& file, const std::string& name, std::size_t limit,
                                    const std::string& cache);
    Content elf_;
    std::vector<Segment> segments_;
    XenNotes notes_;
    std::uint64_t start_ = 0, end_ = 0, entry_ = 0;
    std::string format_;
    bool is64_ = true;
    friend class ElfParser;
};

} // namespace hospes::xc
