// SPDX-License-Identifier: MIT
#include "build/kernel_cache.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace hospes::xc {
namespace {

constexpr const char* suffix = ".elf";

/// The name of its image, if the file has been left alone long enough for one to be kept.
std::optional<std::string> key_of(int fd, std::time_t settled) {
    struct stat s {};
    timespec now{};
    if (fd < 0 || ::fstat(fd, &s) != 0 || ::clock_gettime(CLOCK_REALTIME, &now) != 0) return std::nullopt;
    if (s.st_ctim.tv_sec > now.tv_sec - settled || s.st_mtim.tv_sec > now.tv_sec - settled) return std::nullopt;
    char text[160];
    std::snprintf(text, sizeof(text), "%llx-%llx-%llx-%llx.%lx-%llx.%lx%s", static_cast<unsigned long long>(s.st_dev),
                  static_cast<unsigned long long>(s.st_ino), static_cast<unsigned long long>(s.st_size),
                  static_cast<unsigned long long>(s.st_mtim.tv_sec), static_cast<unsigned long>(s.st_mtim.tv_nsec),
                  static_cast<unsigned long long>(s.st_ctim.tv_sec), static_cast<unsigned long>(s.st_ctim.tv_nsec),
                  suffix);
    return text;
}

/// A kept image that nobody but us can have written.
std::optional<Content> kept(const std::string& file, std::size_t limit, const std::string& name) {
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return std::nullopt;
    struct stat s {};
    const bool ours = ::fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && s.st_uid == ::geteuid() &&
                      (s.st_mode & (S_IWGRP | S_IWOTH)) == 0 && static_cast<std::uint64_t>(s.st_size) <= limit;
    if (!ours) {
        ::close(fd);
        return std::nullopt;
    }
    ::futimens(fd, nullptr); // make_room() takes the one that was longest not wanted
    return Content::adopt(fd, static_cast<std::size_t>(s.st_size), name);
}

/// Whether the name still stands for this file: whoever took us for dead has made a new one under it.
bool stands_for(const std::string& file, int fd) {
    struct stat a {
    }, b{};
    return ::fstat(fd, &a) == 0 && ::lstat(file.c_str(), &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

Status write_at(int fd, std::uint64_t at, std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return error("keep the expanded image", n < 0 ? errno : EIO);
        at += static_cast<std::uint64_t>(n);
        bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return {};
}

bool all_zero(std::span<const std::uint8_t> bytes) {
    return bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

/// Leaves holes where the image is zero, a third of a Linux kernel: they need not be read to be cleared. What is
/// smaller is not worth a hole, which makes two pieces of one.
constexpr std::uint64_t hole_unit = 64 << 10;
Status write_sparsely(int fd, std::uint64_t at, std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
        const auto piece = bytes.first(std::min<std::uint64_t>(bytes.size(), hole_unit - at % hole_unit));
        if (!all_zero(piece)) HOSPES_TRY(write_at(fd, at, piece));
        at += piece.size();
        bytes = bytes.subspan(piece.size());
    }
    return {};
}

/// With those above it; false if it is not there afterwards.
bool make_directory(const std::string& path) {
    if (::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return true;
    const std::size_t slash = path.find_last_of('/');
    const bool more = errno == ENOENT && slash != std::string::npos && slash != 0;
    return more && make_directory(path.substr(0, slash)) && (::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST);
}

struct CloseDirectory {
    void operator()(DIR* d) const { ::closedir(d); }
};

} // namespace

Result<Content> KernelCache::expand_to(int fd, const Content& payload, Compression method, std::size_t limit,
                                       const std::string& name) const {
    if (fd < 0) return error("expand kernel " + name, errno);
    std::size_t size = 0;
    Content image = Content::adopt(fd, 0, name); // closes it, come what may
    const auto packed = HOSPES_TRY(payload.all());
    HOSPES_TRY(expand(packed, method, limit, [&](std::span<const std::uint8_t> piece) {
        const std::size_t at = std::exchange(size, size + piece.size());
        return write_sparsely(fd, at, piece);
    }));
    if (::ftruncate(fd, static_cast<off_t>(size)) != 0) return error("keep the expanded image", errno);
    return image.part(0, size);
}

/// A new file beside `file`; -1 when there can be none.
int KernelCache::create(const std::string& file) const {
    const auto open = [&file] {
        return ::open((file + ".new").c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    };
    int fd = open();
    if (fd < 0 && errno == ENOENT && make_directory(directory_)) fd = open();
    if (fd < 0 && errno == EEXIST) { // of somebody who is at it, or who died: the next one then has a free way
        struct stat s {};
        const bool old = ::stat((file + ".new").c_str(), &s) == 0 && s.st_mtime < std::time(nullptr) - 60;
        if (old && ::unlink((file + ".new").c_str()) == 0) fd = open();
    }
    return fd;
}

/// Removes the images that were longest not wanted, until `bytes` more are within the limit.
void KernelCache::make_room(std::uint64_t bytes) const {
    for (;;) {
        const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(directory_.c_str()));
        if (!directory) return;
        const int at = ::dirfd(directory.get());
        std::uint64_t sum = bytes;
        std::string oldest;
        timespec when{};
        while (const dirent* const entry = ::readdir(directory.get())) {
            struct stat s {};
            if (!std::string_view(entry->d_name).ends_with(suffix) || ::fstatat(at, entry->d_name, &s, 0) != 0)
                continue;
            sum += static_cast<std::uint64_t>(s.st_size);
            const bool older =
                s.st_mtim.tv_sec < when.tv_sec || (s.st_mtim.tv_sec == when.tv_sec && s.st_mtim.tv_nsec < when.tv_nsec);
            if (!oldest.empty() && !older) continue;
            when = s.st_mtim;
            oldest = entry->d_name;
        }
        if (sum <= limit_ || oldest.empty() || ::unlinkat(at, oldest.c_str(), 0) != 0) return;
    }
}

Result<Content> KernelCache::image(const Content& kernel, const Content& payload, Compression method, std::size_t limit,
                                   const std::string& name) const {
    const auto key = directory_.empty() ? std::nullopt : key_of(kernel.fd(), settled_);
    if (key) {
        const std::string file = directory_ + "/" + *key;
        if (auto found = kept(file, limit, name)) return *std::move(found);
        if (const int fd = create(file); fd >= 0) {
            const std::string fresh = file + ".new";
            auto image = expand_to(fd, payload, method, limit, name);
            if (image) {
                make_room(image->size());
                // Had the kernel's file changed meanwhile, this would be the image of neither.
                const bool same = key == key_of(kernel.fd(), settled_);
                if (!stands_for(fresh, image->fd())) return image;
                if (!same || image->size() > limit_ || ::rename(fresh.c_str(), file.c_str()) != 0)
                    ::unlink(fresh.c_str());
                return image;
            }
            ::unlink(fresh.c_str());
            if (!image.problem().code) return image; // the kernel is to blame, not the disk
        }
    }
    return expand_to(::memfd_create("kernel", MFD_CLOEXEC), payload, method, limit, name);
}

} // namespace hospes::xc
