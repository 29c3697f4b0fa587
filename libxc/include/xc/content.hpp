// SPDX-License-Identifier: MIT
// Bytes that are read by position where they are wanted: of a file, which then need not be held in memory (a guest's
// kernel goes from the page cache straight into the guest), or of memory.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "xc/result.hpp"

namespace hospes::xc {

class Content {
  public:
    Content() = default;
    explicit Content(std::vector<std::uint8_t> bytes);
    /// A regular file of at most `limit` bytes.
    static Result<Content> open(const std::string& path, std::size_t limit);
    /// The first `size` bytes of a file, whose descriptor is closed with the last copy.
    static Content adopt(int fd, std::size_t size, std::string name);

    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    /// -1: in memory.
    [[nodiscard]] int fd() const;
    /// The range must lie within.
    [[nodiscard]] Content part(std::uint64_t at, std::uint64_t bytes) const;
    /// Fills `out`; an error also when the file has become shorter.
    Status read(std::uint64_t at, std::span<std::uint8_t> out) const;
    [[nodiscard]] Result<std::vector<std::uint8_t>> all() const;

    struct Extent {
        std::uint64_t begin, end;
    };
    /// The next bytes at or after `at` that the file holds; up to them it has a hole, which reads as zeros. Both are
    /// size() when none follow. What is in memory has no holes.
    [[nodiscard]] Extent data_from(std::uint64_t at) const;

  private:
    struct Source;
    std::shared_ptr<const Source> source_;
    std::uint64_t start_ = 0, size_ = 0;
};

/// A whole regular file of at most `limit` bytes.
Result<std::vector<std::uint8_t>> read_file(const std::string& path, std::size_t limit);

} // namespace hospes::xc
