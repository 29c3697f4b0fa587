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

/// What the streaming libraries write into: full pieces go to the sink.
class Output {
  public:
    Output(std::size_t limit, const Sink& sink) : left_(limit), sink_(sink), piece_(std::min(piece_size, limit + 1)) {}

    [[nodiscard]] std::uint8_t* free_space() { return piece_.data() + used_; }
    /// Never none: the libraries report the end only when there is room left. A byte too much shows in over().
    [[nodiscard]] std::size_t room() const { return piece_.size() - used_; }
    [[nodiscard]] bool over() const { return used_ > left_; }
    /// False: no more, because of the limit or of the sink.
    bool used(std::size_t n) {
        used_ += n;
        if (over()) return false;
        return used_ < piece_.size() || flush();
    }
    bool flush() {
        if (used_) status_ = sink_({piece_.data(), used_});
        left_ -= used_;
        used_ = 0;
        if (piece_.size() > left_ + 1) piece_.resize(left_ + 1);
        return status_.ok();
    }
    /// How it ended for a library that says that its stream is whole or that it is not.
    Status end(bool whole, const char* method) {
        if (!status_) return std::move(status_);
        if (over()) return too_large(method);
        if (!whole) return damaged(method);
        flush();
        return std::move(status_);
    }

  private:
    static constexpr std::size_t piece_size = 256U << 10;
    std::size_t left_, used_ = 0;
    const Sink& sink_;
    Bytes piece_;
    Status status_;
};

Status gunzip(Input in, std::size_t limit, const Sink& sink) {
    z_stream stream{};
    if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) return damaged("gzip");
    stream.next_in = const_cast<Bytef*>(in.data());
    stream.avail_in = static_cast<uInt>(in.size());
    Output out(limit, sink);
    int state = Z_OK;
    bool more = true;
    while (state == Z_OK && more) {
        const std::size_t room = out.room();
        stream.next_out = out.free_space();
        stream.avail_out = static_cast<uInt>(room);
        state = inflate(&stream, Z_NO_FLUSH);
        more = out.used(room - stream.avail_out);
    }
    inflateEnd(&stream);
    return out.end(state == Z_STREAM_END, "gzip");
}

Status bunzip2(Input in, std::size_t limit, const Sink& sink) {
    bz_stream stream{};
    if (BZ2_bzDecompressInit(&stream, 0, 0) != BZ_OK) return damaged("bzip2");
    stream.next_in = reinterpret_cast<char*>(const_cast<std::uint8_t*>(in.data()));
    stream.avail_in = static_cast<unsigned>(in.size());
    Output out(limit, sink);
    int state = BZ_OK;
    bool more = true;
    while (state == BZ_OK && more) {
        const std::size_t room = out.room();
        stream.next_out = reinterpret_cast<char*>(out.free_space());
        stream.avail_out = static_cast<unsigned>(room);
        state = BZ2_bzDecompress(&stream);
        // Truncated: it would ask for input forever.
        more = out.used(room - stream.avail_out) && !(stream.avail_in == 0 && stream.avail_out == room);
    }
    BZ2_bzDecompressEnd(&stream);
    return out.end(state == BZ_STREAM_END, "bzip2");
}

Status unxz(Input in, bool alone, std::size_t limit, const Sink& sink) {
    const char* const name = alone ? "LZMA" : "XZ";
    lzma_stream stream = LZMA_STREAM_INIT;
    constexpr std::uint64_t memory_limit = 256U << 20;
    const lzma_ret ready =
        alone ? lzma_alone_decoder(&stream, memory_limit) : lzma_stream_decoder(&stream, memory_limit, 0);
    if (ready != LZMA_OK) return damaged(name);
    stream.next_in = in.data();
    stream.avail_in = in.size();
    Output out(limit, sink);
    lzma_ret state = LZMA_OK;
    bool more = true;
    while (state == LZMA_OK && more) {
        const std::size_t room = out.room();
        stream.next_out = out.free_space();
        stream.avail_out = room;
        state = lzma_code(&stream, LZMA_FINISH);
        more = out.used(room - stream.avail_out);
    }
    lzma_end(&stream);
    return out.end(state == LZMA_STREAM_END, name);
}

Status unzstd(Input in, std::size_t limit, const Sink& sink) {
    ZSTD_DStream* const stream = ZSTD_createDStream();
    if (!stream) return error("expand the zstd image", ENOMEM);
    ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax,
                           27); // what Linux is compressed with at most
    Output out(limit, sink);
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    std::size_t state = 1;
    bool more = true;
    while (state != 0 && !ZSTD_isError(state) && more) {
        ZSTD_outBuffer output{out.free_space(), out.room(), 0};
        state = ZSTD_decompressStream(stream, &output, &input);
        more = out.used(output.pos) && !(input.pos == input.size && output.pos == 0);
    }
    ZSTD_freeDStream(stream);
    return out.end(state == 0, "zstd");
}

std::uint32_t little32(Input in, std::size_t at) {
    return in[at] | in[at + 1] << 8 | in[at + 2] << 16 | static_cast<std::uint32_t>(in[at + 3]) << 24;
}
std::uint32_t big32(Input in, std::size_t at) { return __builtin_bswap32(little32(in, at)); }

/// LZ4 "legacy" frames (lz4_Frame_format.md, Legacy frame): magic, then blocks of [u32 size][data],
/// 8 MiB each.
Status unlz4(Input in, std::size_t limit, const Sink& sink) {
    constexpr std::size_t block = 8U << 20;
    Bytes out(std::min(block, limit));
    bool any = false;
    for (std::size_t at = 4; at + 4 <= in.size();) {
        const std::uint32_t size = little32(in, at);
        at += 4;
        if (size == 0x184C2102U) // a further frame
            continue;
        // The payload's length word follows the last block: no block can be as large as what it
        // says.
        if (size == 0 || size > in.size() - at) break;
        if (limit == 0) return too_large("LZ4");
        const std::size_t room = std::min(block, limit);
        const int got =
            LZ4_decompress_safe(reinterpret_cast<const char*>(in.data() + at), reinterpret_cast<char*>(out.data()),
                                static_cast<int>(size), static_cast<int>(room));
        if (got < 0) return room < block ? too_large("LZ4") : damaged("LZ4");
        HOSPES_TRY(sink(std::span(out).first(static_cast<std::size_t>(got))));
        any = any || got > 0;
        limit -= static_cast<std::size_t>(got);
        at += size;
    }
    return any ? Status() : damaged("LZ4");
}

/// The lzop file format: a header of variable length, then blocks of
/// [expanded][packed][checksum(s)][data], big endian.
Status unlzo(Input in, std::size_t limit, const Sink& sink) {
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
        if (expanded == 0) return {};
        if (in.size() - at < 12) return damaged("LZO");
        const std::uint32_t packed = big32(in, at + 4);
        at += 8;
        at += (flags & 0x1 ? 4 : 0) + (flags & 0x100 ? 4 : 0);                        // checksums of the expanded data
        if (packed < expanded) at += (flags & 0x2 ? 4 : 0) + (flags & 0x200 ? 4 : 0); // and of the packed data
        if (at > in.size() || packed > in.size() - at || packed > expanded || expanded > (64U << 20))
            return damaged("LZO");
        if (expanded > limit) return too_large("LZO");
        if (out.size() < expanded) out.resize(expanded);
        lzo_uint got = expanded;
        if (packed != expanded &&
            (lzo1x_decompress_safe(in.data() + at, packed, out.data(), &got, nullptr) != LZO_E_OK || got != expanded))
            return damaged("LZO");
        HOSPES_TRY(sink(packed == expanded ? in.subspan(at, packed) : std::span<const std::uint8_t>(out).first(got)));
        limit -= expanded;
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

Status expand(Input data, Compression method, std::size_t limit, const Sink& sink) {
    switch (method) {
    case Compression::gzip: return gunzip(data, limit, sink);
    case Compression::bzip2: return bunzip2(data, limit, sink);
    case Compression::xz: return unxz(data, false, limit, sink);
    case Compression::lzma: return unxz(data, true, limit, sink);
    case Compression::lzo: return unlzo(data, limit, sink);
    case Compression::lz4: return unlz4(data, limit, sink);
    case Compression::zstd: return unzstd(data, limit, sink);
    case Compression::none: break;
    }
    return data.size() > limit ? too_large("plain") : sink(data);
}

Result<Bytes> decompress(Input data, Compression method, std::size_t limit) {
    Bytes all;
    HOSPES_TRY(expand(data, method, limit, [&all](Input piece) {
        all.insert(all.end(), piece.begin(), piece.end());
        return Status();
    }));
    return all;
}

} // namespace hospes::xc
