// SPDX-License-Identifier: MIT
// Kernel payloads: gzip, XZ, LZMA, ZSTD, LZ4 (legacy frame), LZO (lzop), bzip2, by Debian's libraries.
#pragma once

#include "lib/types.hpp"

namespace hv {

enum class Compression : u8 { none, gzip, xz, lzma, zstd, lz4, lzo, bzip2 };
Compression compression_of(const u8* data, u64 size);
const char* compression_name(Compression kind);

/// Bytes after unpacking as the kernel's build appends them (little-endian u32 at the end); 0: implausible.
u64 unpacked_size(const u8* data, u64 size);
/// Unpacks all of it into exactly `out_size` bytes. nullptr, or what went wrong.
/// Interrupts are off meanwhile: the libraries use the red zone below the stack pointer.
const char* decompress(Compression kind, const u8* data, u64 size, u8* out, u64 out_size);
/// The same without preparing the CPU (the caller may be an ordinary program).
const char* decompress_with(Compression kind, const u8* data, u64 size, u8* out, u64 out_size);

} // namespace hv
