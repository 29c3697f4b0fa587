// SPDX-License-Identifier: MIT
// Data packed by each of the methods that kernels are packed with, by the formats' own libraries.
#pragma once

#include <bzlib.h>
#include <lz4.h>
#include <lzma.h>
#include <lzo/lzo1x.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "build/decompress.hpp"

namespace hospes::xc::sample {

using Bytes = std::vector<std::uint8_t>;

inline void require(bool holds) {
    if (!holds) std::abort(); // the library that packs is broken
}

inline Bytes gzip(const Bytes& in) {
    z_stream stream{};
    require(deflateInit2(&stream, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    Bytes out(in.size() + 1024);
    stream.next_in = const_cast<std::uint8_t*>(in.data());
    stream.avail_in = static_cast<unsigned>(in.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<unsigned>(out.size());
    require(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

inline Bytes bzip2(const Bytes& in) {
    Bytes out(in.size() + in.size() / 100 + 1024);
    auto size = static_cast<unsigned>(out.size());
    require(BZ2_bzBuffToBuffCompress(reinterpret_cast<char*>(out.data()), &size,
                                     reinterpret_cast<char*>(const_cast<std::uint8_t*>(in.data())),
                                     static_cast<unsigned>(in.size()), 1, 0, 0) == BZ_OK);
    out.resize(size);
    return out;
}

/// XZ as kernels have it (CRC32), or the older LZMA "alone" format.
inline Bytes xz(const Bytes& in, bool alone) {
    lzma_options_lzma options;
    require(!lzma_lzma_preset(&options, 0));
    lzma_stream stream = LZMA_STREAM_INIT;
    require((alone ? lzma_alone_encoder(&stream, &options) : lzma_easy_encoder(&stream, 0, LZMA_CHECK_CRC32)) ==
            LZMA_OK);
    Bytes out(in.size() + in.size() / 3 + 1024);
    stream.next_in = in.data();
    stream.avail_in = in.size();
    stream.next_out = out.data();
    stream.avail_out = out.size();
    require(lzma_code(&stream, LZMA_FINISH) == LZMA_STREAM_END);
    out.resize(stream.total_out);
    lzma_end(&stream);
    return out;
}

inline Bytes zstd(const Bytes& in) {
    Bytes out(ZSTD_compressBound(in.size()));
    const std::size_t size = ZSTD_compress(out.data(), out.size(), in.data(), in.size(), 1);
    require(!ZSTD_isError(size));
    out.resize(size);
    return out;
}

inline void put32(Bytes& out, std::uint32_t value, bool big) {
    for (int i = 0; i < 4; ++i)
        out.push_back(static_cast<std::uint8_t>(value >> 8 * (big ? 3 - i : i)));
}

/// The "legacy" frame that the kernel's build makes: blocks of at most 8 MiB.
inline Bytes lz4(const Bytes& in) {
    constexpr std::size_t block = 8U << 20;
    Bytes out{0x02, 0x21, 0x4c, 0x18};
    for (std::size_t at = 0; at < in.size(); at += block) {
        const std::size_t part = std::min(block, in.size() - at);
        Bytes packed(static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(part))));
        const int size =
            LZ4_compress_default(reinterpret_cast<const char*>(in.data() + at), reinterpret_cast<char*>(packed.data()),
                                 static_cast<int>(part), static_cast<int>(packed.size()));
        require(size > 0);
        put32(out, static_cast<std::uint32_t>(size), false);
        out.insert(out.end(), packed.begin(), packed.begin() + size);
    }
    return out;
}

/// An lzop file (version 1.030, flags 0): blocks of at most 256 KiB.
inline Bytes lzo(const Bytes& in) {
    require(lzo_init() == LZO_E_OK);
    constexpr std::size_t block = 256U << 10;
    Bytes out{0x89, 'L', 'Z', 'O', 0, '\r', '\n', 0x1a, '\n', 0x10, 0x30, 0x20, 0xa0, 0x09, 0x40, 1, 5};
    for (int i = 0; i < 4; ++i) // flags, mode, time low and high
        put32(out, 0, true);
    out.push_back(0);    // no name
    put32(out, 0, true); // the header's checksum
    Bytes work(LZO1X_1_MEM_COMPRESS);
    for (std::size_t at = 0; at < in.size(); at += block) {
        const std::size_t part = std::min(block, in.size() - at);
        Bytes packed(part + part / 16 + 64 + 3);
        lzo_uint size = packed.size();
        require(lzo1x_1_compress(in.data() + at, part, packed.data(), &size, work.data()) == LZO_E_OK);
        const bool stored = size >= part; // what would grow is stored as it is
        put32(out, static_cast<std::uint32_t>(part), true);
        put32(out, static_cast<std::uint32_t>(stored ? part : size), true);
        const std::uint8_t* const from = stored ? in.data() + at : packed.data();
        out.insert(out.end(), from, from + (stored ? part : size));
    }
    put32(out, 0, true);
    return out;
}

inline Bytes pack(Compression method, const Bytes& in) {
    switch (method) {
    case Compression::gzip: return gzip(in);
    case Compression::bzip2: return bzip2(in);
    case Compression::xz: return xz(in, false);
    case Compression::lzma: return xz(in, true);
    case Compression::lzo: return lzo(in);
    case Compression::lz4: return lz4(in);
    case Compression::zstd: return zstd(in);
    case Compression::none: break;
    }
    return in;
}

constexpr Compression all_methods[] = {Compression::none, Compression::gzip, Compression::bzip2, Compression::xz,
                                       Compression::lzma, Compression::lzo,  Compression::lz4,   Compression::zstd};

/// A bzImage of boot protocol 2.13 around a payload, which ends with the kernel's own length as Linux has it.
inline Bytes bzimage(Bytes payload, std::size_t expanded) {
    put32(payload, static_cast<std::uint32_t>(expanded), false);
    Bytes file(5 * 512);
    file[0x1f1] = 4;
    const Bytes magic{'H', 'd', 'r', 'S', 0x0d, 0x02};
    std::copy(magic.begin(), magic.end(), file.begin() + 0x202);
    Bytes length;
    put32(length, static_cast<std::uint32_t>(payload.size()), false);
    std::copy(length.begin(), length.end(), file.begin() + 0x24c);
    file.insert(file.end(), payload.begin(), payload.end());
    return file;
}

} // namespace hospes::xc::sample
