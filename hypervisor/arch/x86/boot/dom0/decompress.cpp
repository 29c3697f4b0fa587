// SPDX-License-Identifier: MIT
#include "boot/dom0/decompress.hpp"

#include "lib/string.hpp"

// Of the libraries' interfaces only what is called: their headers want a hosted C library.
extern "C" {
struct z_stream_s {
    const hv::u8* next_in;
    unsigned avail_in;
    unsigned long total_in;
    hv::u8* next_out;
    unsigned avail_out;
    unsigned long total_out;
    const char* msg;
    void* state;
    void* (*zalloc)(void*, unsigned, unsigned);
    void (*zfree)(void*, void*);
    void* opaque;
    int data_type;
    unsigned long adler, reserved;
};
int inflateInit2_(z_stream_s* stream, int window_bits, const char* version, int stream_size);
int inflate(z_stream_s* stream, int flush);
int inflateEnd(z_stream_s* stream);

struct lzma_stream {
    const hv::u8* next_in;
    hv::usize avail_in;
    hv::u64 total_in;
    hv::u8* next_out;
    hv::usize avail_out;
    hv::u64 total_out;
    const void* allocator;
    void* internal;
    void* reserved_pointers[4];
    hv::u64 seek_position, reserved_int2;
    hv::usize reserved_sizes[2];
    int reserved_enums[2];
};
int lzma_stream_decoder(lzma_stream* stream, hv::u64 memory_limit, hv::u32 flags);
int lzma_alone_decoder(lzma_stream* stream, hv::u64 memory_limit);
int lzma_code(lzma_stream* stream, int action);
void lzma_end(lzma_stream* stream);

hv::usize ZSTD_decompress(void* out, hv::usize out_size, const void* in, hv::usize in_size);
hv::usize ZSTD_findFrameCompressedSize(const void* in, hv::usize in_size);
unsigned ZSTD_isError(hv::usize code);

int LZ4_decompress_safe(const char* in, char* out, int in_size, int out_size);
int lzo1x_decompress_safe(const hv::u8* in, unsigned long in_size, hv::u8* out, unsigned long* out_size, void* work);
int BZ2_bzBuffToBuffDecompress(char* out, unsigned* out_size, char* in, unsigned in_size, int small, int verbosity);
}

namespace hv {

namespace {

constexpr const char* broken = "the compressed kernel is damaged";
constexpr const char* too_small = "not enough memory to unpack the kernel";

u32 le32(const u8* p) {
    u32 value;
    memcpy(&value, p, 4);
    return value;
}
u32 be32(const u8* p) { return __builtin_bswap32(le32(p)); }

const char* unpack_gzip(const u8* data, u64 size, u8* out, u64 out_size) {
    z_stream_s stream{};
    stream.next_in = data;
    stream.avail_in = static_cast<unsigned>(size);
    stream.next_out = out;
    stream.avail_out = static_cast<unsigned>(out_size);
    constexpr int gzip_window = 16 + 15, finish = 4, stream_end = 1;
    if (inflateInit2_(&stream, gzip_window, "1", sizeof(stream)) != 0) return too_small;
    const int result = inflate(&stream, finish);
    inflateEnd(&stream);
    return result == stream_end && stream.total_out == out_size ? nullptr : broken;
}

const char* unpack_lzma(bool xz, const u8* data, u64 size, u8* out, u64 out_size) {
    lzma_stream stream{};
    stream.next_in = data;
    stream.avail_in = size;
    stream.next_out = out;
    stream.avail_out = out_size;
    constexpr int finish = 3, stream_end = 1, memory = 5;
    constexpr u64 limit = u64{256} << 20;
    int result = xz ? lzma_stream_decoder(&stream, limit, 0) : lzma_alone_decoder(&stream, limit);
    if (result == 0) result = lzma_code(&stream, finish);
    lzma_end(&stream);
    if (result == memory) return too_small;
    // LZMA_OK with the output full: an .lzma stream need not have an end mark.
    return (result == stream_end || (result == 0 && !xz)) && stream.total_out == out_size ? nullptr : broken;
}

const char* unpack_zstd(const u8* data, u64 size, u8* out, u64 out_size) {
    const usize frame = ZSTD_findFrameCompressedSize(data, size);
    if (ZSTD_isError(frame)) return broken;
    return ZSTD_decompress(out, out_size, data, frame) == out_size ? nullptr : broken;
}

/// Legacy frame: magic, then blocks of at most 8 MiB, each behind its compressed size.
const char* unpack_lz4(const u8* data, u64 size, u8* out, u64 out_size) {
    u64 at = 4, done = 0;
    while (done < out_size) {
        if (size - at < 4) return broken;
        const u32 block = le32(data + at);
        at += 4;
        if (block == 0x184c2102) // frames may follow each other
            continue;
        if (block > size - at || block > 0x7fffffff || out_size - done > 0x7fffffff) return broken;
        const int n = LZ4_decompress_safe(reinterpret_cast<const char*>(data + at), reinterpret_cast<char*>(out + done),
                                          static_cast<int>(block), static_cast<int>(out_size - done));
        if (n <= 0) return broken;
        at += block;
        done += static_cast<u64>(n);
    }
    return nullptr;
}

/// lzop file: magic 9, version.. header with a name, then blocks {unpacked, packed, checksums by flags}, end 0.
const char* unpack_lzo(const u8* data, u64 size, u8* out, u64 out_size) {
    if (size < 39) return broken;
    const u32 version = u32{data[9]} << 8 | data[10];
    u64 at = 9 + 6 + 1 + (version >= 0x940 ? 1 : 0); // versions, method, level
    const u32 flags = be32(data + at);
    at += 4 + (flags & 0x800 ? 4 : 0) + 4 + 4 + (version >= 0x940 ? 4 : 0); // flags, filter, mode, times
    at += 1 + u64{data[at]} + 4;                                            // name, header checksum
    u64 done = 0;
    while (done < out_size) {
        if (at > size || size - at < 24) return broken;
        const u32 unpacked = be32(data + at), packed = be32(data + at + 4);
        at += 8;
        // Checksums of the unpacked data (adler32, crc32), then of the packed data when that differs.
        at += (flags & 0x1 ? 4 : 0) + (flags & 0x100 ? 4 : 0);
        if (packed != unpacked) at += (flags & 0x2 ? 4 : 0) + (flags & 0x200 ? 4 : 0);
        if (at > size || packed > size - at || unpacked > out_size - done || packed > unpacked) return broken;
        unsigned long n = unpacked;
        if (packed == unpacked)
            memcpy(out + done, data + at, unpacked);
        else if (lzo1x_decompress_safe(data + at, packed, out + done, &n, nullptr) != 0 || n != unpacked)
            return broken;
        if (!unpacked) return broken;
        at += packed;
        done += unpacked;
    }
    return nullptr;
}

const char* unpack_bzip2(const u8* data, u64 size, u8* out, u64 out_size) {
    unsigned n = static_cast<unsigned>(out_size);
    const int result =
        BZ2_bzBuffToBuffDecompress(reinterpret_cast<char*>(out), &n, reinterpret_cast<char*>(const_cast<u8*>(data)),
                                   static_cast<unsigned>(size), 0, 0);
    return result == 0 && n == out_size ? nullptr : broken;
}

} // namespace

Compression compression_of(const u8* data, u64 size) {
    const auto starts = [&](const char* magic, u64 n) { return size > n && memcmp(data, magic, n) == 0; };
    if (starts("\x1f\x8b", 2)) return Compression::gzip;
    if (starts("\xfd"
               "7zXZ",
               5))
        return Compression::xz;
    if (starts("\x28\xb5\x2f\xfd", 4)) return Compression::zstd;
    if (starts("\x02\x21\x4c\x18", 4)) return Compression::lz4;
    if (starts("\x89LZO", 4)) return Compression::lzo;
    if (starts("BZh", 3)) return Compression::bzip2;
    const bool lzma = size > 3 && data[0] == 0x5d && data[1] == 0 && data[2] == 0;
    return lzma ? Compression::lzma : Compression::none;
}

const char* compression_name(Compression kind) {
    static constexpr const char* names[] = {"none", "gzip", "XZ", "LZMA", "ZSTD", "LZ4", "LZO", "bzip2"};
    return names[static_cast<u8>(kind)];
}

u64 unpacked_size(const u8* data, u64 size) {
    const u64 value = size < 8 ? 0 : le32(data + size - 4);
    return value <= u64{1} << 30 ? value : 0;
}

const char* decompress_with(Compression kind, const u8* data, u64 size, u8* out, u64 out_size) {
    switch (kind) {
    case Compression::none: break;
    case Compression::gzip: return unpack_gzip(data, size, out, out_size);
    case Compression::xz: return unpack_lzma(true, data, size, out, out_size);
    case Compression::lzma: return unpack_lzma(false, data, size, out, out_size);
    case Compression::zstd: return unpack_zstd(data, size, out, out_size);
    case Compression::lz4: return unpack_lz4(data, size, out, out_size);
    case Compression::lzo: return unpack_lzo(data, size, out, out_size);
    case Compression::bzip2: return unpack_bzip2(data, size, out, out_size);
    }
    return "the kernel's compression is unknown";
}

} // namespace hv
