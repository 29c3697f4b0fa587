// SPDX-License-Identifier: MIT
#include "build/decompress.hpp"

#include <bzlib.h>
#include <lz4.h>
#include <lzma.h>
#include <lzo/lzo1x.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>

namespace hospes::xc {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Input = std::span<const std::uint8_t>;

Error damaged(const char* method) { return error(std::string("expand the ") + method + " image", 0, "damaged data"); }
Error too_large(const char* method) {
    return error(std::string("expand the ") + method + " image", 0, "it is larger than the limit");
}

/// Growing output for the streaming libraries: doubles up to the limit.
class Output {
  public:
    Output(std::size_t input, OutputSize size) : limit_(size.limit) {
        // A little more than expected: the libraries report the end only when there is room left. Kernels shrink to
        // about a quarter.
        bytes_.resize(std::min(limit_, (size.expected ? size.expected : input * 4) + 4096));
    }
    [[nodiscard]] std::uint8_t* free_space() { return bytes_.data() + used_; }
    [[nodiscard]] std::size_t room() const { return bytes_.size() - used_; }
    void used(std::size_t n) { used_ += n; }
    /// Makes room; false at the limit.
    bool grow() {
        if (room() > 0) return true;
        if (bytes_.size() >= limit_) return false;
        bytes_.resize(std::min(limit_, bytes_.size() * 2));
        return true;
    }
    Bytes take() {
        bytes_.resize(used_);
        return std::move(bytes_);
    }

  private:
    std::size_t limit_;
    std::size_t used_ = 0;
    Bytes bytes_;
};

Result<Bytes> gunzip(Input in, OutputSize size) {
    z_stream stream{};
    if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) return damaged("gzip");
    stream.next_in = const_cast<Bytef*>(in.data());
    stream.avail_in = static_cast<uInt>(in.size());
    Output out(in.size(), size);
    int state = Z_OK;
    while (state == Z_OK && out.grow()) {
        const std::size_t room = std::min<std::size_t>(out.room(), 1U << 30);
        stream.next_out = out.free_space();
        stream.avail_out = static_cast<uInt>(room);
        state = inflate(&stream, Z_NO_FLUSH);
        out.used(room - stream.avail_out);
    }
    inflateEnd(&stream);
    if (state == Z_OK) return too_large("gzip");
    return state == Z_STREAM_END ? Result<Bytes>(out.take()) : damaged("gzip");
}

Result<Bytes> bunzip2(Input in, OutputSize size) {
    bz_stream stream{};
    if (BZ2_bzDecompressInit(&stream, 0, 0) != BZ_OK) return damaged("bzip2");
    stream.next_in = reinterpret_cast<char*>(const_cast<std::uint8_t*>(in.data()));
    stream.avail_in = static_cast<unsigned>(in.size());
    Output out(in.size(), size);
    int state = BZ_OK;
    bool stuck = false;
    while (state == BZ_OK && !stuck && out.grow()) {
        const std::size_t room = std::min<std::size_t>(out.room(), 1U << 30);
        stream.next_out = reinterpret_cast<char*>(out.free_space());
        stream.avail_out = static_cast<unsigned>(room);
        state = BZ2_bzDecompress(&stream);
        out.used(room - stream.avail_out);
        stuck = stream.avail_in == 0 && stream.avail_out == room; // truncated: it would ask for input forever
    }
    BZ2_bzDecompressEnd(&stream);
    if (state == BZ_OK && !stuck) return too_large("bzip2");
    return state == BZ_STREAM_END ? Result<Bytes>(out.take()) : damaged("bzip2");
}

Result<Bytes> unxz(Input in, OutputSize size, bool alone) {
    const char* const name = alone ? "LZMA" : "XZ";
    lzma_stream stream = LZMA_STREAM_INIT;
    constexpr std::uint64_t memory_limit = 256U << 20;
    const lzma_ret ready =
        alone ? lzma_alone_decoder(&stream, memory_limit) : lzma_stream_decoder(&stream, memory_limit, 0);
    if (ready != LZMA_OK) return damaged(name);
    stream.next_in = in.data();
    stream.avail_in = in.size();
    Output out(in.size(), size);
    lzma_ret state = LZMA_OK;
    while (state == LZMA_OK && out.grow()) {
        const std::size_t room = out.room();
        stream.next_out = out.free_space();
        stream.avail_out = room;
        state = lzma_code(&stream, LZMA_FINISH);
        out.used(room - stream.avail_out);
    }
    lzma_end(&stream);
    if (state == LZMA_OK) return too_large(name);
    return state == LZMA_STREAM_END ? Result<Bytes>(out.take()) : damaged(name);
}

Result<Bytes> unzstd(Input in, OutputSize size) {
    ZSTD_DStream* const stream = ZSTD_createDStream();
    if (!stream) return error("expand the zstd image", ENOMEM);
    ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax,
                           27); // what Linux is compressed with at most
    Output out(in.size(), size);
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    std::size_t state = 1;
    bool full = false;
    while (state != 0 && !ZSTD_isError(state) && !(full = !out.grow())) {
        ZSTD_outBuffer output{out.free_space(), out.room(), 0};
        state = ZSTD_decompressStream(stream, &output, &input);
        out.used(output.pos);
        if (input.pos == input.size && output.pos == 0 && state != 0) break;
    }
    ZSTD_freeDStream(stream);
    if (full) return too_large("zstd");
    return state == 0 ? Result<Bytes>(out.take()) : damaged("zstd");
}

std::uint32_t little32(Input in, std::size_t at) {
    return in[at] | in[at + 1] << 8 | in[at + 2] << 16 | static_cast<std::uint32_t>(in[at + 3]) << 24;
}
std::uint32_t big32(Input in, std::size_t at) { return __builtin_bswap32(little32(in, at)); }

/// LZ4 "legacy" frames (lz4_Frame_format.md, Legacy frame): magic, then blocks of [u32 size][data],
/// 8 MiB each.
Result<Bytes> unlz4(Input in, OutputSize limits) {
    constexpr std::size_t block = 8U << 20;
    Bytes out;
    out.reserve(limits.expected);
    for (std::size_t at = 4; at + 4 <= in.size();) {
        const std::uint32_t size = little32(in, at);
        at += 4;
        if (size == 0x184C2102U) // a further frame
            continue;
        // The payload's length word follows the last block: no block can be as large as what it
        // says.
        if (size == 0 || size > in.size() - at) break;
        if (out.size() >= limits.limit) return too_large("LZ4");
        const std::size_t start = out.size(), most = std::min(block, limits.limit - start);
        // What is expected may be a lie: then with room for a whole block.
        std::size_t room = limits.expected > start ? std::min(most, limits.expected - start) : most;
        const auto expand = [&] {
            out.resize(start + room);
            return LZ4_decompress_safe(reinterpret_cast<const char*>(in.data() + at),
                                       reinterpret_cast<char*>(out.data() + start), static_cast<int>(size),
                                       static_cast<int>(room));
        };
        int got = expand();
        if (got < 0 && room < most) {
            room = most;
            got = expand();
        }
        if (got < 0) return most < block ? too_large("LZ4") : damaged("LZ4");
        out.resize(start + static_cast<std::size_t>(got));
        at += size;
    }
    return out.empty() ? Result<Bytes>(damaged("LZ4")) : Result<Bytes>(std::move(out));
}

/// The lzop file format: a header of variable length, then blocks of
/// [expanded][packed][checksum(s)][data], big endian.
Result<Bytes> unlzo(Input in, OutputSize size) {
    if (lzo_init() != LZO_E_OK) return damaged("LZO");
    // After the 9 magic bytes: version u16, library u16, needed u16 (from 0x940), method u8, level
    // u8, flags u32, [filter u32], mode u32, mtime u32, mtime high u32 (from 0x940), name length u8
    // + name, header checksum u32.
    if (in.size() < 40) return damaged("LZO");
    const unsigned version = static_cast<unsigned>(in[9] << 8 | in[10]);
    std::size_t at = 9 + 4 + (version >= 0x940 ? 2 : 0) + 1 + (version >= 0x940 ? 1 : 0);
    const std::uint32_t flags = big32(in, at);
    at += 4 + (flags & 0x800 ? 4 : 0) + 4 + 4 + (version >= 0x940 ? 4 : 0);
    if (at >= in.size()) return damaged("LZO");
    at += 1U + in[at] + 4U;
    Bytes out;
    for (;;) {
        if (at > in.size() || in.size() - at < 4) return damaged("LZO");
        const std::uint32_t expanded = big32(in, at);
        if (expanded == 0) return out;
        if (in.size() - at < 12) return damaged("LZO");
        const std::uint32_t packed = big32(in, at + 4);
        at += 8;
        at += (flags & 0x1 ? 4 : 0) + (flags & 0x100 ? 4 : 0);                        // checksums of the expanded data
        if (packed < expanded) at += (flags & 0x2 ? 4 : 0) + (flags & 0x200 ? 4 : 0); // and of the packed data
        if (at > in.size() || packed > in.size() - at || packed > expanded || expanded > (64U << 20))
            return damaged("LZO");
        if (expanded > size.limit - std::min(size.limit, out.size())) return too_large("LZO");
        const std::size_t start = out.size();
        out.resize(start + expanded);
        lzo_uint got = expanded;
        if (packed == expanded)
            std::memcpy(out.data() + start, in.data() + at, packed);
        else if (lzo1x_decompress_safe(in.data() + at, packed, out.data() + start, &got, nullptr) != LZO_E_OK ||
                 got != expanded)
            return damaged("LZO");
        at += packed;
    }
}

struct Magic {
    Compression method;
    std::string_view name;
    std::string_view bytes;
};
using namespace std::string_view_literals;
constexpr Magic magics[] = {
    {Compression::gzip, "gzip", "\x1f\x8b"sv},          {Compression::bzip2, "bzip2", "BZh"sv},
    {Compression::xz, "XZ", "\xfd\x37zXZ\0"sv},         {Compression::lzma, "LZMA", "\x5d\0\0"sv},
    {Compression::lzo, "LZO", "\x89LZO\0\r\n\x1a\n"sv}, {Compression::lz4, "LZ4", "\x02\x21\x4c\x18"sv},
    {Compression::zstd, "zstd", "\x28\xb5\x2f\xfd"sv},
};

} // namespace

Compression detect_compression(std::span<const std::uint8_t> data) {
    for (const Magic& magic : magics)
        if (data.size() >= magic.bytes.size() && std::memcmp(data.data(), magic.bytes.data(), magic.bytes.size()) == 0)
            return magic.method;
    return Compression::none;
}

std::string_view name_of(Compression method) {
    for (const Magic& magic : magics)
        if (magic.method == method) return magic.name;
    return "uncompressed";
}

Result<Bytes> decompress(Input data, Compression method, OutputSize size) {
    switch (method) {
    case Compression::gzip: return gunzip(data, size);
    case Compression::bzip2: return bunzip2(data, size);
    case Compression::xz: return unxz(data, size, false);
    case Compression::lzma: return unxz(data, size, true);
    case Compression::lzo: return unlzo(data, size);
    case Compression::lz4: return unlz4(data, size);
    case Compression::zstd: return unzstd(data, size);
    case Compression::none: break;
    }
    if (data.size() > size.limit) return too_large("plain");
    return Bytes(data.begin(), data.end());
}

} // namespace hospes::xc
