// SPDX-License-Identifier: MIT
// Kernel payload decompression by the formats' own libraries. Input is hostile: output is bounded.
#pragma once

#include <cstdint>
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

struct OutputSize {
    std::size_t limit = 0;    ///< never more than this
    std::size_t expected = 0; ///< if known (0: not), the buffer is made once in this size
};
/// Fails when the data are damaged or would expand beyond the limit. Bytes after the compressed stream are ignored (a
/// Linux payload carries its expanded length there).
Result<std::vector<std::uint8_t>> decompress(std::span<const std::uint8_t> data, Compression method, OutputSize size);

} // namespace hospes::xc
