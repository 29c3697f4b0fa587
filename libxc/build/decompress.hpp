// SPDX-License-Identifier: MIT
// Kernel payload decompression by the formats' own libraries. Input is hostile: output is bounded, and leaves in
// pieces, so that nobody needs memory for all of it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "xc/result.hpp"

namespace hospes::xc {

enum class Compression { none, gzip, bzip2, xz, lzma, lzo, lz4, zstd };

/// By magic number (Documentation/x86/boot.rst of Linux names them); none when it is not
/// compressed.
Compression detect_compression(std::span<const std::uint8_t> data);
std::string_view name_of(Compression method);

/// Takes the next piece of what was expanded.
using Sink = std::function<Status(std::span<const std::uint8_t>)>;

/// Fails when the data are damaged or would expand beyond the limit, or with the sink's own error. Bytes after the
/// compressed stream are ignored (a Linux payload carries its expanded length there).
Status expand(std::span<const std::uint8_t> data, Compression method, std::size_t limit, const Sink& sink);
/// The same into memory.
Result<std::vector<std::uint8_t>> decompress(std::span<const std::uint8_t> data, Compression method, std::size_t limit);

} // namespace hospes::xc
