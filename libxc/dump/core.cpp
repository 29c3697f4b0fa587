// SPDX-License-Identifier: MIT
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include <xen/elfnote.h>

#include "dump/pages.hpp"
#include "xc/dump.hpp"

namespace hospes::xc {
namespace {

constexpr std::uint64_t magic_pv = 0xf00febed, magic_hvm = 0xf00febee; // xch_magic of the header note
constexpr std::uint64_t format_version = 1;                            // 0.1

struct HeaderNote {
    std::uint64_t magic, vcpus, pages, page_size;
};
struct VersionNote {
    std::uint64_t major, minor;
    xen_extraversion_t extra;
    xen_compile_info_t compile_info;
    xen_capabilities_info_t capabilities;
    xen_changeset_info_t changeset;
    xen_platform_parameters_t platform;
    std::uint64_t page_size;
};

using Bytes = std::vector<std::uint8_t>;

template <typename T> void append(Bytes& out, const T& value) {
    const auto* const from = reinterpret_cast<const std::uint8_t*>(&value);
    out.insert(out.end(), from, from + sizeof(T));
}
void append_note(Bytes& out, std::uint32_t type, std::uint32_t size) {
    append(out, Elf64_Nhdr{4, size, type});
    append(out, "Xen");
}

/// The file while it is being written beside its final name.
class CoreFile {
  public:
    explicit CoreFile(std::string path) : path_(std::move(path)), temporary_(path_ + ".XXXXXX") {}
    CoreFile(const CoreFile&) = delete;
    CoreFile& operator=(const CoreFile&) = delete;
    ~CoreFile() {
        if (fd_ < 0) return;
        ::close(fd_);
        if (!done_) ::unlink(temporary_.c_str());
    }
    [[nodiscard]] Error failed(int code) const { return error("write " + path_, code); }
    Status open() {
        // It takes the place of a file, never of a device or a folder.
        struct stat old {};
        if (::stat(path_.c_str(), &old) == 0 && !S_ISREG(old.st_mode))
            return error("write " + path_, S_ISDIR(old.st_mode) ? EISDIR : EINVAL, "it is not a plain file");
        fd_ = ::mkostemp(temporary_.data(), O_CLOEXEC);
        return fd_ < 0 ? Status(failed(errno)) : Status();
    }
    Status write(std::uint64_t at, const void* data, std::size_t bytes) const {
        const auto* from = static_cast<const char*>(data);
        while (bytes) {
            const ssize_t n = ::pwrite(fd_, from, bytes, static_cast<off_t>(at));
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) return failed(n ? errno : ENOSPC);
            from += n;
            at += static_cast<std::uint64_t>(n);
            bytes -= static_cast<std::size_t>(n);
        }
        return {};
    }
    Status finish(std::uint64_t size) {
        if (::ftruncate(fd_, static_cast<off_t>(size)) < 0 || ::rename(temporary_.c_str(), path_.c_str()) < 0)
            return failed(errno);
        done_ = true;
        return {};
    }

  private:
    std::string path_, temporary_;
    int fd_ = -1;
    bool done_ = false;
};

bool all_zero(const std::uint8_t* page) { return page[0] == 0 && std::memcmp(page, page + 1, page_size - 1) == 0; }

class Dump {
  public:
    Dump(Control& control, DomId domain, const std::string& path, const DumpProgress& progress)
        : control_(control), domain_(domain), file_(path), progress_(progress) {}

    Result<CoreDump> run() {
        HOSPES_TRY(file_.open());
        info_ = HOSPES_TRY(control_.info(domain_));
        hvm_ = info_.flags & XEN_DOMINF_hvm_guest;
        HOSPES_TRY(read_registers());
        HOSPES_TRY(read_shared_info());
        pages_at_ = pages_for(pages_end_of_head()) << page_shift;
        HOSPES_TRY(hvm_ ? translated_pages() : pv_pages());
        HOSPES_TRY(write_lists_and_head());
        return CoreDump{written_.size(), static_cast<unsigned>(vcpus_.size())};
    }

  private:
    /// Of the vCPUs that have any: those that were never started have none.
    Status read_registers() {
        for (unsigned vcpu = 0; vcpu <= info_.max_vcpu_id; ++vcpu)
            if (auto context = control_.get_context(domain_, vcpu)) vcpus_.push_back(*context);
        if (vcpus_.empty())
            return error("read the registers of domain " + std::to_string(domain_), ENODATA,
                         "none of its vCPUs was ever started");
        return {};
    }

    Status read_shared_info() {
        const xen_pfn_t frame = info_.shared_info_frame;
        auto mapping = map_frames(control_.transport(), domain_, {&frame, 1}, false);
        if (mapping)
            shared_.assign(mapping->bytes().begin(), mapping->bytes().end());
        else if (!hvm_) // others may not have mapped it anywhere
            return std::move(mapping).problem();
        return {};
    }

    [[nodiscard]] std::uint64_t section_count() const { return shared_.empty() ? 6 : 7; }
    [[nodiscard]] static std::uint64_t notes_size() {
        return 4 * (sizeof(Elf64_Nhdr) + 4) + sizeof(HeaderNote) + sizeof(VersionNote) + sizeof(format_version);
    }
    [[nodiscard]] std::uint64_t notes_at() const { return sizeof(Elf64_Ehdr) + section_count() * sizeof(Elf64_Shdr); }
    [[nodiscard]] std::uint64_t registers_at() const { return notes_at() + notes_size(); }
    [[nodiscard]] std::uint64_t shared_at() const {
        return registers_at() + vcpus_.size() * sizeof(vcpu_guest_context_t);
    }
    [[nodiscard]] std::uint64_t pages_end_of_head() const { return shared_at() + shared_.size(); }

    Status pv_pages() {
        const auto& shared = *reinterpret_cast<const shared_info_t*>(shared_.data());
        const auto frames = HOSPES_TRY(pv_frames(control_, info_, shared));
        return write_pages(frames, frames.size());
    }

    Status translated_pages() {
        for (const auto& [first, end] : HOSPES_TRY(translated_ranges(control_, info_)))
            for (xen_pfn_t at = first; at < end && written_.size() < info_.tot_pages; at += batch) {
                std::vector<DumpFrame> frames;
                for (xen_pfn_t frame = at; frame < std::min<xen_pfn_t>(at + batch, end); ++frame)
                    frames.push_back({frame, frame});
                HOSPES_TRY(write_pages(frames, info_.tot_pages));
            }
        return {};
    }

    /// Those that exist; the rest is left out.
    Status write_pages(std::span<const DumpFrame> frames, std::uint64_t total) {
        std::vector<xen_pfn_t> names;
        std::vector<int> errors;
        for (std::size_t done = 0; done < frames.size();) {
            const std::size_t count = std::min(batch, frames.size() - done);
            names.clear();
            errors.assign(count, 0);
            for (std::size_t i = 0; i < count; ++i)
                names.push_back(frames[done + i].gmfn);
            void* const memory = control_.transport().map_foreign(domain_, PROT_READ, names, errors);
            if (!memory) return error("read the memory of domain " + std::to_string(domain_), errno);
            const Mapping mapping(control_.transport(), memory, count);
            HOSPES_TRY(write_batch(mapping, frames.subspan(done, count), errors));
            done += count;
            if (progress_ && !progress_(written_.size(), total))
                return error("dump the core of domain " + std::to_string(domain_), ECANCELED);
        }
        return {};
    }

    /// Neighbours go out in one piece.
    Status write_batch(const Mapping& mapping, std::span<const DumpFrame> frames, std::span<const int> errors) {
        const auto worth_writing = [&](std::size_t i) {
            return !errors[i] && !all_zero(mapping.as<const std::uint8_t>(i));
        };
        for (std::size_t i = 0; i < frames.size();) {
            std::size_t run = 0;
            while (i + run < frames.size() && worth_writing(i + run))
                ++run;
            if (run)
                HOSPES_TRY(file_.write(pages_at_ + (written_.size() << page_shift), mapping.as<const std::uint8_t>(i),
                                       run << page_shift));
            written_.insert(written_.end(), frames.begin() + static_cast<std::ptrdiff_t>(i),
                            frames.begin() + static_cast<std::ptrdiff_t>(i + run));
            i += run;
            if (!run) {
                if (!errors[i]) written_.push_back(frames[i]);
                ++i;
            }
        }
        return {};
    }

    Result<VersionNote> version() {
        Buffer<std::uint8_t> page(control_.transport(), page_size);
        if (!page) return error("read the hypervisor's version", ENOMEM);
        const auto ask = [&](unsigned command) {
            return control_.transport().hypercall(__HYPERVISOR_xen_version,
                                                  {command, reinterpret_cast<std::uint64_t>(page.data())});
        };
        VersionNote out{};
        const long version = ask(XENVER_version);
        if (version < 0) return error("read the hypervisor's version", static_cast<int>(-version));
        out.major = static_cast<std::uint64_t>(version) >> 16;
        out.minor = static_cast<std::uint64_t>(version) & 0xffff;
        const auto field = [&](unsigned command, auto& to) {
            if (ask(command) >= 0) std::memcpy(&to, page.data(), sizeof(to));
        };
        field(XENVER_extraversion, out.extra);
        field(XENVER_compile_info, out.compile_info);
        field(XENVER_capabilities, out.capabilities);
        field(XENVER_changeset, out.changeset);
        field(XENVER_platform_parameters, out.platform);
        out.page_size = page_size;
        return out;
    }

    Result<Bytes> notes() {
        Bytes out;
        append_note(out, XEN_ELFNOTE_DUMPCORE_NONE, 0);
        append_note(out, XEN_ELFNOTE_DUMPCORE_HEADER, sizeof(HeaderNote));
        append(out, HeaderNote{hvm_ ? magic_hvm : magic_pv, vcpus_.size(), written_.size(), page_size});
        append_note(out, XEN_ELFNOTE_DUMPCORE_XEN_VERSION, sizeof(VersionNote));
        append(out, HOSPES_TRY(version()));
        append_note(out, XEN_ELFNOTE_DUMPCORE_FORMAT_VERSION, sizeof(format_version));
        append(out, format_version);
        return out;
    }

    Status write_lists_and_head() {
        const std::uint64_t list_at = pages_at_ + (written_.size() << page_shift);
        std::uint64_t list_size = written_.size() * sizeof(DumpFrame);
        if (hvm_) { // only the guest frame of each
            std::vector<std::uint64_t> names;
            for (const DumpFrame& frame : written_)
                names.push_back(frame.pfn);
            list_size = names.size() * sizeof(std::uint64_t);
            HOSPES_TRY(file_.write(list_at, names.data(), list_size));
        } else {
            HOSPES_TRY(file_.write(list_at, written_.data(), list_size));
        }
        Bytes names(1), sections(sizeof(Elf64_Shdr));
        const auto section = [&](std::string_view name, std::uint32_t type, std::uint64_t at, std::uint64_t size,
                                 std::uint64_t alignment, std::uint64_t entry) {
            Elf64_Shdr header{};
            header.sh_name = static_cast<Elf64_Word>(names.size());
            header.sh_type = type;
            header.sh_offset = at;
            header.sh_size = size;
            header.sh_addralign = alignment;
            header.sh_entsize = entry;
            append(sections, header);
            names.insert(names.end(), name.begin(), name.end());
            names.push_back(0);
        };
        section(".shstrtab", SHT_STRTAB, list_at + list_size, 0, 0, 0);
        section(".note.Xen", SHT_NOTE, notes_at(), notes_size(), 0, 0);
        section(".xen_prstatus", SHT_PROGBITS, registers_at(), vcpus_.size() * sizeof(vcpu_guest_context_t),
                alignof(vcpu_guest_context_t), sizeof(vcpu_guest_context_t));
        if (!shared_.empty())
            section(".xen_shared_info", SHT_PROGBITS, shared_at(), page_size, alignof(shared_info_t), page_size);
        section(".xen_pages", SHT_PROGBITS, pages_at_, written_.size() << page_shift, page_size, page_size);
        const std::uint64_t entry = hvm_ ? sizeof(std::uint64_t) : sizeof(DumpFrame);
        section(hvm_ ? ".xen_pfn" : ".xen_p2m", SHT_PROGBITS, list_at, list_size, alignof(DumpFrame), entry);
        const std::uint64_t names_size = names.size();
        std::memcpy(sections.data() + sizeof(Elf64_Shdr) + offsetof(Elf64_Shdr, sh_size), &names_size,
                    sizeof(names_size));

        Bytes head;
        append(head, elf_header());
        head.insert(head.end(), sections.begin(), sections.end());
        const Bytes note_bytes = HOSPES_TRY(notes());
        head.insert(head.end(), note_bytes.begin(), note_bytes.end());
        for (const vcpu_guest_context_t& vcpu : vcpus_)
            append(head, vcpu);
        head.insert(head.end(), shared_.begin(), shared_.end());
        HOSPES_TRY(file_.write(0, head.data(), head.size()));
        HOSPES_TRY(file_.write(list_at + list_size, names.data(), names.size()));
        return file_.finish(list_at + list_size + names.size());
    }

    [[nodiscard]] Elf64_Ehdr elf_header() const {
        Elf64_Ehdr header{};
        std::memcpy(header.e_ident, ELFMAG, SELFMAG);
        header.e_ident[EI_CLASS] = ELFCLASS64;
        header.e_ident[EI_DATA] = ELFDATA2LSB;
        header.e_ident[EI_VERSION] = EV_CURRENT;
        header.e_ident[EI_ABIVERSION] = EV_CURRENT; // what Xen's own files say
        header.e_type = ET_CORE;
        header.e_machine = EM_X86_64;
        header.e_version = EV_CURRENT;
        header.e_shoff = sizeof(header);
        header.e_ehsize = sizeof(header);
        header.e_phentsize = sizeof(Elf64_Phdr);
        header.e_shentsize = sizeof(Elf64_Shdr);
        header.e_shnum = static_cast<Elf64_Half>(section_count());
        header.e_shstrndx = 1;
        return header;
    }

    static constexpr std::size_t batch = 1024; // frames mapped at a time
    Control& control_;
    DomId domain_;
    CoreFile file_;
    const DumpProgress& progress_;
    DomainInfo info_{};
    bool hvm_ = false;
    std::vector<vcpu_guest_context_t> vcpus_;
    Bytes shared_;
    std::uint64_t pages_at_ = 0;
    std::vector<DumpFrame> written_;
};

} // namespace

Result<CoreDump> dump_core(Control& control, DomId domain, const std::string& path, const DumpProgress& progress) {
    auto done = Dump(control, domain, path, progress).run();
    if (!done) return std::move(done).problem().within("dump the core of domain " + std::to_string(domain));
    return done;
}

} // namespace hospes::xc
