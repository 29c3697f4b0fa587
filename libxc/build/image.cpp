// SPDX-License-Identifier: MIT
#include "xc/image.hpp"

#include <elf.h>

#include <algorithm>

#include <xen/elfnote.h>

#include "build/kernel_cache.hpp"

namespace hospes::xc {
namespace {

constexpr std::size_t file_limit = 1U << 30;
constexpr std::uint64_t image_limit = 1U << 30; // physical extent of the loaded kernel

/// Reads small things here and there, most of them near the one before.
class Reader {
  public:
    explicit Reader(Content content) : content_(std::move(content)) {}
    [[nodiscard]] std::uint64_t size() const { return content_.size(); }

    /// False when it lies outside, or cannot be read.
    bool read(std::uint64_t at, std::span<std::uint8_t> out) {
        if (at > size() || size() - at < out.size()) return false;
        if (out.size() > most) return content_.read(at, out).ok();
        if (at < start_ || at + out.size() > start_ + window_.size()) {
            window_.resize(std::min<std::uint64_t>(most, size() - at));
            start_ = at;
            if (!content_.read(at, window_)) {
                window_.clear();
                return false;
            }
        }
        std::memcpy(out.data(), window_.data() + (at - start_), out.size());
        return true;
    }
    template <typename T> bool read_as(std::uint64_t at, T& out) {
        return read(at, {reinterpret_cast<std::uint8_t*>(&out), sizeof(T)});
    }

  private:
    static constexpr std::size_t most = 4096;
    Content content_;
    std::vector<std::uint8_t> window_;
    std::uint64_t start_ = 0;
};

/// Linux boot protocol (Documentation/x86/boot.rst): the compressed kernel inside a bzImage,
/// protocol 2.08 and later.
Result<Content> bzimage_payload(const Content& file, const std::string& name) {
    Reader header(file);
    std::uint8_t setup_sectors = 0;
    std::uint16_t version = 0;
    std::uint32_t offset = 0, length = 0;
    if (!header.read_as(0x1f1, setup_sectors) || !header.read_as(0x206, version) || !header.read_as(0x248, offset) ||
        !header.read_as(0x24c, length))
        return error("read kernel " + name, 0, "the bzImage header is cut short");
    if (version < 0x208)
        return error("read kernel " + name, 0, "boot protocol older than 2.08 has no payload to extract");
    const std::uint64_t start = ((setup_sectors ? setup_sectors : 4) + 1ULL) * 512 + offset;
    if (start > file.size() || length > file.size() - start)
        return error("read kernel " + name, 0, "the bzImage is truncated");
    return file.part(start, length);
}

} // namespace

/// Reads headers, notes and segments of either ELF class into one form.
class ElfParser {
  public:
    ElfParser(KernelImage& image, const std::string& name) : image_(image), name_(name), elf_(image.elf_) {}

    Status run() {
        unsigned char ident[EI_NIDENT];
        if (!elf_.read_as(0, ident) || std::memcmp(ident, ELFMAG, SELFMAG) != 0)
            return fail("it is neither a bzImage nor an ELF file");
        image_.is64_ = ident[EI_CLASS] == ELFCLASS64;
        return image_.is64_ ? parse<Elf64_Ehdr, Elf64_Phdr, Elf64_Shdr>() : parse<Elf32_Ehdr, Elf32_Phdr, Elf32_Shdr>();
    }

  private:
    Error fail(const char* why) const { return error("read kernel " + name_, 0, why); }

    template <typename Ehdr, typename Phdr, typename Shdr> Status parse() {
        Ehdr header;
        if (!elf_.read_as(0, header)) return fail("the ELF header is cut short");
        if (header.e_machine != EM_X86_64 && header.e_machine != EM_386) return fail("it is for another processor");
        image_.entry_ = header.e_entry;
        image_.start_ = ~std::uint64_t{0};
        bool have_notes = false;
        for (unsigned i = 0; i < header.e_phnum; ++i) {
            Phdr program;
            if (!elf_.read_as(header.e_phoff + std::uint64_t{i} * header.e_phentsize, program))
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
            if (!elf_.read_as(table + std::uint64_t{i} * entry_size, section)) return;
            if (section.sh_type == SHT_NOTE) notes(section.sh_offset, section.sh_size);
        }
    }

    /// Returns whether there was a Xen note among them.
    bool notes(std::uint64_t offset, std::uint64_t size) {
        if (offset > elf_.size() || size > elf_.size() - offset) return false;
        const std::uint64_t end = offset + size;
        bool found = false;
        for (std::uint64_t at = offset; end - at >= sizeof(Elf64_Nhdr);) {
            Elf64_Nhdr note;
            if (!elf_.read_as(at, note)) return found;
            at += sizeof(note);
            const std::uint64_t name_size = (note.n_namesz + 3ULL) & ~3ULL, data_size = (note.n_descsz + 3ULL) & ~3ULL;
            if (name_size > end - at || data_size > end - at - name_size) return found;
            char name[4];
            if (note.n_namesz == sizeof(name) && elf_.read_as(at, name) && std::memcmp(name, "Xen", 4) == 0) {
                std::vector<std::uint8_t> data(std::min(note.n_descsz, largest_note));
                if (!elf_.read(at + name_size, data)) return found;
                take(note.n_type, data);
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
    Reader elf_;
    static constexpr std::uint32_t largest_note = 4096; // what is longer is cut: a text of no meaning to us
};

Result<KernelImage> KernelImage::read(const Content& file, const std::string& name, std::size_t limit,
                                      const std::string& cache) {
    KernelImage image;
    Content payload = file;
    std::uint32_t magic = 0;
    const bool bzimage = Reader(file).read_as(0x202, magic) && magic == 0x53726448; // "HdrS"
    if (bzimage) payload = HOSPES_TRY(bzimage_payload(file, name));
    std::uint8_t start[16];
    const std::size_t known = std::min<std::uint64_t>(sizeof(start), payload.size());
    HOSPES_TRY(payload.read(0, std::span(start, known)));
    const Compression method = detect_compression({start, known});
    image.format_ = bzimage ? "bzImage" : "ELF";
    if (method != Compression::none) image.format_ += " (" + std::string(name_of(method)) + ")";
    if (method == Compression::none) {
        image.elf_ = std::move(payload);
    } else {
        auto expanded = KernelCache(cache).image(file, payload, method, limit, name);
        if (!expanded) return std::move(expanded).problem().within("read kernel " + name);
        image.elf_ = *std::move(expanded);
    }
    if (Status parsed = ElfParser(image, name).run(); !parsed) return std::move(parsed).problem();
    return image;
}

Result<KernelImage> KernelImage::parse(std::vector<std::uint8_t> file, const std::string& name, std::size_t limit) {
    return read(Content(std::move(file)), name, limit, {});
}

Result<KernelImage> KernelImage::load(const std::string& path, const std::string& cache) {
    auto file = Content::open(path, file_limit);
    if (!file) return std::move(file).problem().within("read kernel");
    return read(*file, path, image_limit, cache);
}

} // namespace hospes::xc
