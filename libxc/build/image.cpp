// SPDX-License-Identifier: MIT
#include "xc/image.hpp"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <xen/elfnote.h>

#include "build/decompress.hpp"

namespace hospes::xc {
namespace {

constexpr std::size_t file_limit = 1U << 30;
constexpr std::uint64_t image_limit = 1U << 30; // physical extent of the loaded kernel

template <typename T> bool read_at(std::span<const std::uint8_t> data, std::uint64_t at, T& out) {
    if (at > data.size() || data.size() - at < sizeof(T)) return false;
    std::memcpy(&out, data.data() + at, sizeof(T));
    return true;
}

/// Linux boot protocol (Documentation/x86/boot.rst): the compressed kernel inside a bzImage,
/// protocol 2.08 and later.
Result<std::span<const std::uint8_t>> bzimage_payload(std::span<const std::uint8_t> file, const std::string& name) {
    std::uint16_t version = 0;
    std::uint32_t offset = 0, length = 0;
    if (!read_at(file, 0x206, version) || !read_at(file, 0x248, offset) || !read_at(file, 0x24c, length))
        return error("read kernel " + name, 0, "the bzImage header is cut short");
    if (version < 0x208)
        return error("read kernel " + name, 0, "boot protocol older than 2.08 has no payload to extract");
    const unsigned setup_sectors = file[0x1f1] ? file[0x1f1] : 4;
    const std::uint64_t start = (setup_sectors + 1ULL) * 512 + offset;
    if (start > file.size() || length > file.size() - start)
        return error("read kernel " + name, 0, "the bzImage is truncated");
    return file.subspan(start, length);
}

} // namespace

/// Reads headers, notes and segments of either ELF class into one form.
class ElfParser {
  public:
    ElfParser(KernelImage& image, const std::string& name) : image_(image), name_(name), elf_(image.elf_) {}

    Status run() {
        if (elf_.size() < EI_NIDENT || std::memcmp(elf_.data(), ELFMAG, SELFMAG) != 0)
            return fail("it is neither a bzImage nor an ELF file");
        image_.is64_ = elf_[EI_CLASS] == ELFCLASS64;
        return image_.is64_ ? parse<Elf64_Ehdr, Elf64_Phdr, Elf64_Shdr>() : parse<Elf32_Ehdr, Elf32_Phdr, Elf32_Shdr>();
    }

  private:
    Error fail(const char* why) const { return error("read kernel " + name_, 0, why); }

    template <typename Ehdr, typename Phdr, typename Shdr> Status parse() {
        Ehdr header;
        if (!read_at(elf_, 0, header)) return fail("the ELF header is cut short");
        if (header.e_machine != EM_X86_64 && header.e_machine != EM_386) return fail("it is for another processor");
        image_.entry_ = header.e_entry;
        image_.start_ = ~std::uint64_t{0};
        bool have_notes = false;
        for (unsigned i = 0; i < header.e_phnum; ++i) {
            Phdr program;
            if (!read_at(elf_, header.e_phoff + std::uint64_t{i} * header.e_phentsize, program))
                return fail("the program headers are cut short");
            if (program.p_type == PT_NOTE) have_notes |= notes(program.p_offset, program.p_filesz);
            if (program.p_type == PT_LOAD && program.p_memsz)
                if (Status added = segment(program); !added) return added;
        }
        if (image_.segments_.empty()) return fail("it has nothing to load");
        if (!have_notes) section_notes<Shdr>(header.e_shoff, header.e_shnum, header.e_shentsize);
        return {};
    }

    template <typename Phdr> Status segment(const Phdr& program) {
        if (program.p_offset > elf_.size() || program.p_filesz > elf_.size() - program.p_offset)
            return fail("a segment lies outside the file");
        if (program.p_filesz > program.p_memsz) return fail("a segment is larger in the file than in memory");
        const std::uint64_t start = program.p_paddr, size = program.p_memsz;
        if (size > image_limit || start > ~size) return fail("a segment is impossibly large");
        image_.start_ = std::min(image_.start_, start);
        image_.end_ = std::max(image_.end_, start + size);
        if (image_.end_ - image_.start_ > image_limit) return fail("its segments are too far apart");
        image_.segments_.push_back({start, program.p_offset, program.p_filesz, size});
        return {};
    }

    template <typename Shdr> void section_notes(std::uint64_t table, unsigned count, unsigned entry_size) {
        for (unsigned i = 0; i < count; ++i) {
            Shdr section;
            if (!read_at(elf_, table + std::uint64_t{i} * entry_size, section)) return;
            if (section.sh_type == SHT_NOTE) notes(section.sh_offset, section.sh_size);
        }
    }

    /// Returns whether there was a Xen note among them.
    bool notes(std::uint64_t offset, std::uint64_t size) {
        if (offset > elf_.size() || size > elf_.size() - offset) return false;
        const std::span<const std::uint8_t> area = std::span<const std::uint8_t>(elf_).subspan(offset, size);
        bool found = false;
        for (std::uint64_t at = 0; at + sizeof(Elf64_Nhdr) <= area.size();) {
            Elf64_Nhdr note;
            read_at(area, at, note);
            at += sizeof(note);
            const std::uint64_t name_size = (note.n_namesz + 3ULL) & ~3ULL, data_size = (note.n_descsz + 3ULL) & ~3ULL;
            if (name_size > area.size() - at || data_size > area.size() - at - name_size) return found;
            if (note.n_namesz == 4 && std::memcmp(area.data() + at, "Xen", 4) == 0) {
                take(note.n_type, area.subspan(at + name_size, note.n_descsz));
                found = true;
            }
            at += name_size + data_size;
        }
        return found;
    }

    static std::optional<std::uint64_t> number(std::span<const std::uint8_t> data) {
        std::uint64_t value = 0;
        if (data.size() != 4 && data.size() != 8) return std::nullopt;
        std::memcpy(&value, data.data(), data.size());
        return value;
    }
    static std::string text(std::span<const std::uint8_t> data) {
        return {data.begin(), std::find(data.begin(), data.end(), 0)};
    }

    void take(unsigned type, std::span<const std::uint8_t> data) {
        XenNotes& n = image_.notes_;
        switch (type) {
        case XEN_ELFNOTE_ENTRY: n.entry = number(data); break;
        case XEN_ELFNOTE_HYPERCALL_PAGE: n.hypercall_page = number(data); break;
        case XEN_ELFNOTE_VIRT_BASE: n.virt_base = number(data); break;
        case XEN_ELFNOTE_PADDR_OFFSET: n.paddr_offset = number(data); break;
        case XEN_ELFNOTE_INIT_P2M: n.init_p2m = number(data); break;
        case XEN_ELFNOTE_PHYS32_ENTRY: n.phys32_entry = number(data); break;
        case XEN_ELFNOTE_MOD_START_PFN: n.mod_start_is_pfn = number(data).value_or(0) != 0; break;
        case XEN_ELFNOTE_SUPPORTED_FEATURES:
            n.supported_features = static_cast<std::uint32_t>(number(data).value_or(0));
            break;
        case XEN_ELFNOTE_GUEST_OS: n.guest_os = text(data); break;
        case XEN_ELFNOTE_GUEST_VERSION: n.guest_version = text(data); break;
        case XEN_ELFNOTE_XEN_VERSION: n.xen_version = text(data); break;
        case XEN_ELFNOTE_LOADER: n.loader = text(data); break;
        case XEN_ELFNOTE_FEATURES: n.features = text(data); break;
        default: break;
        }
    }

    KernelImage& image_;
    const std::string& name_;
    const std::vector<std::uint8_t>& elf_;
};

Result<KernelImage> KernelImage::parse(std::vector<std::uint8_t> file, const std::string& name, std::size_t limit) {
    KernelImage image;
    std::span<const std::uint8_t> payload = file;
    std::uint32_t magic = 0;
    const bool bzimage = read_at(payload, 0x202, magic) && magic == 0x53726448; // "HdrS"
    if (bzimage) payload = HOSPES_TRY(bzimage_payload(file, name));
    const Compression method = detect_compression(payload);
    image.format_ = bzimage ? "bzImage" : "ELF";
    if (method != Compression::none) image.format_ += " (" + std::string(name_of(method)) + ")";
    // The last word of a bzImage's payload is its expanded length: a hint only, the file may lie.
    std::uint32_t stated = 0;
    if (bzimage && payload.size() > sizeof(stated)) read_at(payload, payload.size() - sizeof(stated), stated);
    const std::size_t expected = stated <= 16 * payload.size() ? stated : 0;
    if (method != Compression::none || bzimage) {
        auto expanded = decompress(payload, method, {limit, expected});
        if (!expanded) return std::move(expanded).problem().within("read kernel " + name);
        image.elf_ = *std::move(expanded);
    } else {
        image.elf_ = std::move(file);
    }
    if (Status parsed = ElfParser(image, name).run(); !parsed) return std::move(parsed).problem();
    return image;
}

Result<KernelImage> KernelImage::load(const std::string& path) {
    auto file = read_file(path, file_limit);
    if (!file) return std::move(file).problem().within("read kernel");
    return parse(*std::move(file), path);
}

Result<std::vector<std::uint8_t>> read_file(const std::string& path, std::size_t limit) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return error(path, errno);
    struct stat info {};
    std::vector<std::uint8_t> bytes;
    int failure = ::fstat(fd, &info) < 0 ? errno : 0;
    if (!failure && !S_ISREG(info.st_mode)) failure = EINVAL;
    if (!failure && static_cast<std::uint64_t>(info.st_size) > limit) failure = EFBIG;
    if (!failure) bytes.resize(static_cast<std::size_t>(info.st_size));
    std::size_t done = 0;
    while (!failure && done < bytes.size()) {
        const ssize_t got = ::read(fd, bytes.data() + done, bytes.size() - done);
        if (got > 0)
            done += static_cast<std::size_t>(got);
        else if (got == 0)
            bytes.resize(done); // shrank while we read
        else if (errno != EINTR)
            failure = errno;
    }
    ::close(fd);
    if (failure) return error(path, failure);
    return bytes;
}

} // namespace hospes::xc
