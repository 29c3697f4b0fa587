// SPDX-License-Identifier: MIT
// Expanded kernels, kept as files, so that the second guest of a kernel need not wait for the decompressor. A file is
// found by what the kernel's own file is (device, inode, size, times): a kernel that was replaced or changed is another
// one. Without a place to keep them everything works as well, through an unnamed file.
#pragma once

#include <ctime>

#include "build/decompress.hpp"
#include "xc/content.hpp"

namespace hospes::xc {

class KernelCache {
  public:
    /// `settled`: seconds since the last change of a kernel's file before its image is kept; a file's times are too
    /// coarse to tell two changes apart that follow each other at once.
    explicit KernelCache(std::string directory, std::uint64_t limit = 1U << 30, std::time_t settled = 2)
        : directory_(std::move(directory)), limit_(limit), settled_(settled) {}

    /// The image of `kernel`: as it is kept, or expanded from `payload` by `method`.
    Result<Content> image(const Content& kernel, const Content& payload, Compression method, std::size_t limit,
                          const std::string& name) const;

  private:
    Result<Content> expand_to(int fd, const Content& payload, Compression method, std::size_t limit,
                              const std::string& name) const;
    int create(const std::string& file) const;
    void make_room(std::uint64_t bytes) const;

    std::string directory_;
    std::uint64_t limit_;
    std::time_t settled_;
};

} // namespace hospes::xc
