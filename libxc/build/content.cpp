// SPDX-License-Identifier: MIT
#include "xc/content.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace hospes::xc {

struct Content::Source {
    explicit Source(std::vector<std::uint8_t> b) : bytes(std::move(b)) {}
    Source(int descriptor, std::string n) : fd(descriptor), name(std::move(n)) {}
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    ~Source() {
        if (fd >= 0) ::close(fd);
    }

    std::vector<std::uint8_t> bytes;
    int fd = -1;
    std::string name;
};

Content::Content(std::vector<std::uint8_t> bytes) : size_(bytes.size()) {
    source_ = std::make_shared<Source>(std::move(bytes));
}

Content Content::adopt(int fd, std::size_t size, std::string name) {
    Content content;
    content.source_ = std::make_shared<Source>(fd, std::move(name));
    content.size_ = size;
    return content;
}

Result<Content> Content::open(const std::string& path, std::size_t limit) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return error(path, errno);
    struct stat info {};
    const int failure = ::fstat(fd, &info) < 0                             ? errno
                        : !S_ISREG(info.st_mode)                           ? EINVAL
                        : static_cast<std::uint64_t>(info.st_size) > limit ? EFBIG
                                                                           : 0;
    if (!failure) return adopt(fd, static_cast<std::size_t>(info.st_size), path);
    ::close(fd);
    return error(path, failure);
}

int Content::fd() const { return source_ ? source_->fd : -1; }

Content Content::part(std::uint64_t at, std::uint64_t bytes) const {
    Content piece = *this;
    piece.start_ += at;
    piece.size_ = bytes;
    return piece;
}

Status Content::read(std::uint64_t at, std::span<std::uint8_t> out) const {
    if (at > size_ || out.size() > size_ - at) return error("read " + (source_ ? source_->name : ""), EINVAL);
    at += start_;
    if (out.empty()) return {};
    if (source_->fd < 0) {
        std::memcpy(out.data(), source_->bytes.data() + at, out.size());
        return {};
    }
    while (!out.empty()) {
        const ssize_t got = ::pread(source_->fd, out.data(), out.size(), static_cast<off_t>(at));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return error("read " + source_->name, errno);
        if (got == 0) return error("read " + source_->name, EIO, "it has become shorter");
        at += static_cast<std::uint64_t>(got);
        out = out.subspan(static_cast<std::size_t>(got));
    }
    return {};
}

Result<std::vector<std::uint8_t>> Content::all() const {
    std::vector<std::uint8_t> bytes(size_);
    HOSPES_TRY(read(0, bytes));
    return bytes;
}

Content::Extent Content::data_from(std::uint64_t at) const {
    if (at >= size_) return {size_, size_};
    const Extent rest{at, size_};
    if (source_->fd < 0) return rest;
    const auto place = [this](std::uint64_t from, int whence) {
        return ::lseek(source_->fd, static_cast<off_t>(from), whence);
    };
    const auto inside = [this](off_t found) { return std::min(static_cast<std::uint64_t>(found) - start_, size_); };
    const off_t begin = place(start_ + at, SEEK_DATA);
    if (begin < 0) {
        // Beyond the last data is a hole, unless the file has become shorter: read() is to say that.
        const bool hole = errno == ENXIO && place(0, SEEK_END) >= static_cast<off_t>(start_ + size_);
        return hole ? Extent{size_, size_} : rest;
    }
    const off_t end = place(static_cast<std::uint64_t>(begin), SEEK_HOLE);
    return end < 0 ? rest : Extent{inside(begin), inside(end)};
}

Result<std::vector<std::uint8_t>> read_file(const std::string& path, std::size_t limit) {
    return HOSPES_TRY(Content::open(path, limit)).all();
}

} // namespace hospes::xc
