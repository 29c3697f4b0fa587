// SPDX-License-Identifier: MIT
// dom0's kernel image: ELF with Xen notes, bzImage, compression.
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <bzlib.h>
#include <lz4.h>
#include <lzma.h>
#include <lzo/lzo1x.h>
#include <zlib.h>
#include <zstd.h>

#include <catch2/catch.hpp>

#include "boot/dom0/decompress.hpp"
#include "boot/dom0/elf.hpp"

using hv::Compression;
using hv::PvKernel;
using hv::u16;
using hv::u32;
using hv::u64;
using Bytes = std::vector<unsigned char>;

namespace {

template <typename T> void put(Bytes& b, u64 at, const T& value) {
    if (b.size() < at + sizeof(T)) b.resize(at + sizeof(T));
    memcpy(b.data() + at, &value, sizeof(T));
}

void put_header(Bytes& b, u64 index, u32 type, u64 offset, u64 paddr, u64 filesz, u64 memsz) {
    const u64 at = 64 + index * 56;
    put(b, at, type);
    put(b, at + 8, offset);
    put(b, at + 16, u64{0});
    put(b, at + 24, paddr);
    put(b, at + 32, filesz);
    put(b, at + 40, memsz);
}

void put_note(Bytes& b, u32 type, u64 value) {
    const u64 at = b.size();
    put(b, at, u32{4});
    put(b, at + 4, u32{8});
    put(b, at + 8, type);
    memcpy((b.resize(at + 16), b.data() + at + 12), "Xen", 4);
    put(b, at + 16, value);
}

constexpr u64 base = 0xffffffff80000000;

/// Two segments and the notes of a Linux kernel.
Bytes kernel() {
    Bytes b(0x1000);
    memcpy(b.data(), "\177ELF\2\1\1", 7);
    put(b, 16, u16{2});
    put(b, 18, u16{62});
    put(b, 24, u64{0x1000});
    put(b, 32, u64{64});
    put(b, 54, u16{56});
    put(b, 56, u16{3});
    put_header(b, 0, 1, 0x1000, 0x1000000, 0x800, 0x2000);
    put_header(b, 1, 1, 0x1800, 0x1002000, 0x100, 0x100000);
    b.resize(0x2000);
    const u64 notes = b.size();
    put_note(b, 1, base + 0x1000100); // entry
    put_note(b, 2, base + 0x1001000); // hypercall page
    put_note(b, 3, base);             // virt_base
    put_note(b, 15, 0x8000000000);    // init_p2m
    put_note(b, 16, 1);               // mod_start_pfn
    put_note(b, 17, u64{1} << 11);    // supported: dom0
    put_header(b, 2, 4, notes, 0, b.size() - notes, 0);
    return b;
}

const char* parse(const Bytes& b, PvKernel& out) { return hv::pv_kernel_parse(b.data(), b.size(), out); }

Bytes sample() {
    Bytes b;
    std::mt19937 random(1);
    for (int i = 0; i < 300000; ++i)
        b.push_back(static_cast<unsigned char>(i % 7 ? i / 100 : random()));
    return b;
}

void put_be32(Bytes& b, u32 v) {
    for (int shift = 24; shift >= 0; shift -= 8)
        b.push_back(static_cast<unsigned char>(v >> shift));
}

/// The lzop file format, which is what the kernel's LZO payload has.
Bytes pack_lzo(const Bytes& in) {
    Bytes out(in.size() + 100000);
    Bytes b = {0x89, 'L', 'Z', 'O', 0, '\r', '\n', 0x1a, '\n', 0x10, 0x30, 0x20, 0x80, 0x09, 0x40, 1, 5};
    put_be32(b, 0x1); // adler32 of the unpacked data follows the sizes
    put_be32(b, 0);
    put_be32(b, 0);
    put_be32(b, 0);
    b.push_back(0);
    put_be32(b, 0);
    Bytes work(LZO1X_1_MEM_COMPRESS);
    REQUIRE(lzo_init() == LZO_E_OK);
    for (size_t at = 0; at < in.size(); at += 0x10000) {
        const lzo_uint part = std::min<lzo_uint>(0x10000, in.size() - at);
        lzo_uint size = 0;
        lzo1x_1_compress(in.data() + at, part, out.data(), &size, work.data());
        put_be32(b, static_cast<u32>(part));
        put_be32(b, static_cast<u32>(size < part ? size : part));
        put_be32(b, 0);
        const auto* from = size < part ? out.data() : in.data() + at;
        b.insert(b.end(), from, from + (size < part ? size : part));
    }
    put_be32(b, 0);
    return b;
}

Bytes pack(Compression kind, const Bytes& in) {
    Bytes out(in.size() + 100000);
    size_t n = 0;
    switch (kind) {
    case Compression::gzip: {
        z_stream s{};
        deflateInit2(&s, 6, Z_DEFLATED, 16 + 15, 8, Z_DEFAULT_STRATEGY);
        s.next_in = const_cast<Bytef*>(in.data());
        s.avail_in = static_cast<uInt>(in.size());
        s.next_out = out.data();
        s.avail_out = static_cast<uInt>(out.size());
        deflate(&s, Z_FINISH);
        n = s.total_out;
        deflateEnd(&s);
        break;
    }
    case Compression::xz:
        lzma_easy_buffer_encode(3, LZMA_CHECK_CRC32, nullptr, in.data(), in.size(), out.data(), &n, out.size());
        break;
    case Compression::lzma: {
        lzma_stream s = LZMA_STREAM_INIT;
        lzma_options_lzma options;
        lzma_lzma_preset(&options, 3);
        REQUIRE(lzma_alone_encoder(&s, &options) == LZMA_OK);
        s.next_in = in.data();
        s.avail_in = in.size();
        s.next_out = out.data();
        s.avail_out = out.size();
        REQUIRE(lzma_code(&s, LZMA_FINISH) == LZMA_STREAM_END);
        n = s.total_out;
        lzma_end(&s);
        break;
    }
    case Compression::zstd: n = ZSTD_compress(out.data(), out.size(), in.data(), in.size(), 3); break;
    case Compression::lz4: {
        Bytes b;
        put(b, 0, u32{0x184c2102});
        for (size_t at = 0; at < in.size(); at += 100000) { // several blocks
            const int part = static_cast<int>(std::min<size_t>(100000, in.size() - at));
            const int size =
                LZ4_compress_default(reinterpret_cast<const char*>(in.data() + at), reinterpret_cast<char*>(out.data()),
                                     part, static_cast<int>(out.size()));
            put(b, b.size(), static_cast<u32>(size));
            b.insert(b.end(), out.begin(), out.begin() + size);
        }
        return b;
    }
    case Compression::lzo: return pack_lzo(in);
    case Compression::bzip2: {
        unsigned size = static_cast<unsigned>(out.size());
        BZ2_bzBuffToBuffCompress(reinterpret_cast<char*>(out.data()), &size,
                                 reinterpret_cast<char*>(const_cast<unsigned char*>(in.data())),
                                 static_cast<unsigned>(in.size()), 9, 0, 0);
        n = size;
        break;
    }
    case Compression::none: break;
    }
    out.resize(n);
    return out;
}

constexpr Compression kinds[] = {Compression::gzip, Compression::xz,  Compression::lzma, Compression::zstd,
                                 Compression::lz4,  Compression::lzo, Compression::bzip2};

} // namespace

TEST_CASE("dom0 kernel: notes and segments") {
    PvKernel k;
    REQUIRE(parse(kernel(), k) == nullptr);
    CHECK(k.entry == base + 0x1000100);
    CHECK(k.hypercall_page == base + 0x1001000);
    CHECK(k.init_p2m == 0x8000000000);
    CHECK(k.mod_start_pfn);
    CHECK(k.start == base + 0x1000000);
    CHECK(k.end == base + 0x1102000);
    std::vector<std::pair<u64, u64>> seen;
    const Bytes b = kernel();
    hv::pv_kernel_segments(
        b.data(), k,
        [](void* c, u64 address, const hv::u8*, u64, u64 memory) {
            static_cast<decltype(seen)*>(c)->emplace_back(address, memory);
        },
        &seen);
    CHECK(seen == std::vector<std::pair<u64, u64>>{{base + 0x1000000, 0x2000}, {base + 0x1002000, 0x100000}});
}

TEST_CASE("dom0 kernel: what cannot be dom0 is refused") {
    PvKernel k;
    Bytes b = kernel();
    put(b, 4, static_cast<unsigned char>(1)); // ELF32
    CHECK(parse(b, k) != nullptr);
    b = kernel();
    put(b, 56, u16{2}); // the note segment is gone
    CHECK(parse(b, k) != nullptr);
    b = kernel();
    put(b, 64 + 8, u64{0x100000}); // offset outside
    CHECK(parse(b, k) != nullptr);
    b = kernel();
    put(b, 64 + 40, ~u64{0}); // memory size
    CHECK(parse(b, k) != nullptr);
    b = kernel();
    put(b, 64 + 24, u64{0x8000000000000000}); // address
    CHECK(parse(b, k) != nullptr);
    b = kernel();
    put(b, 0x2000 + 16, u64{0x1234}); // entry
    CHECK(parse(b, k) != nullptr);
    b = kernel();
    put(b, 0x2000 + 24 + 16, base + 0x1001008); // hypercall page
    CHECK(parse(b, k) != nullptr);
    b = kernel();
    put(b, 0x2000 + 5 * 24 + 16, u64{1}); // no XENFEAT_dom0
    CHECK(parse(b, k) != nullptr);
}

TEST_CASE("dom0 kernel: cut or damaged images never read outside (run under ASan)") {
    const Bytes good = kernel();
    PvKernel k;
    for (size_t size = 0; size < good.size(); size += size < 300 ? 1 : 37) {
        const Bytes cut(good.begin(), good.begin() + static_cast<long>(size));
        CHECK(parse(cut, k) != nullptr);
    }
    std::mt19937 random(7);
    for (int round = 0; round < 20000; ++round) {
        Bytes b = good;
        for (int hits = 0; hits < 4; ++hits)
            b[random() & 1 ? random() % 256 : 0x2000 + random() % 144] = static_cast<unsigned char>(random());
        if (parse(b, k) != nullptr) continue;
        u64 sum = 0;
        hv::pv_kernel_segments(
            b.data(), k,
            [](void* c, u64, const hv::u8* bytes, u64 file, u64) {
                for (u64 i = 0; i < file; i += 64)
                    *static_cast<u64*>(c) += bytes[i];
            },
            &sum);
    }
}

TEST_CASE("bzImage: the payload's place is checked") {
    Bytes b(0x4000);
    b[0x1f1] = 3;
    memcpy(b.data() + 0x202, "HdrS", 4);
    put(b, 0x206, u16{0x20f});
    put(b, 0x248, u32{0x100});
    put(b, 0x24c, u32{0x1000});
    const hv::u8* payload = nullptr;
    u64 size = 0;
    REQUIRE(hv::bzimage_payload(b.data(), b.size(), payload, size));
    CHECK(payload == b.data() + 2048 + 0x100);
    CHECK(size == 0x1000);
    for (u32 bad : {0x4000U, 0xffffffffU, 7U}) {
        put(b, 0x24c, bad);
        CHECK_FALSE(hv::bzimage_payload(b.data(), b.size(), payload, size));
    }
    put(b, 0x24c, u32{0x1000});
    put(b, 0x248, ~u32{0});
    CHECK_FALSE(hv::bzimage_payload(b.data(), b.size(), payload, size));
    put(b, 0x248, u32{0});
    put(b, 0x206, u16{0x207});
    CHECK_FALSE(hv::bzimage_payload(b.data(), b.size(), payload, size));
    CHECK_FALSE(hv::bzimage_payload(b.data(), 0x200, payload, size));
}

TEST_CASE("decompression: every format round-trips behind the kernel's size word") {
    const Bytes in = sample();
    for (Compression kind : kinds) {
        Bytes packed = pack(kind, in);
        CAPTURE(hv::compression_name(kind));
        CHECK(hv::compression_of(packed.data(), packed.size()) == kind);
        put(packed, packed.size(), static_cast<u32>(in.size()));
        REQUIRE(hv::unpacked_size(packed.data(), packed.size()) == in.size());
        Bytes out(in.size());
        const char* bad = hv::decompress_with(kind, packed.data(), packed.size(), out.data(), out.size());
        CHECK(std::string(bad ? bad : "") == "");
        CHECK(out == in);
    }
}

TEST_CASE("decompression: damage is reported, never written past the output (run under ASan)") {
    const Bytes full = sample();
    const Bytes part(full.begin(), full.begin() + 20000);
    std::mt19937 random(3);
    for (Compression kind : kinds) {
        const Bytes packed = pack(kind, part);
        CAPTURE(hv::compression_name(kind));
        for (size_t size : {size_t{9}, packed.size() / 2}) {
            Bytes out(part.size());
            const Bytes cut(packed.begin(), packed.begin() + static_cast<long>(size));
            CHECK(hv::decompress_with(kind, cut.data(), cut.size(), out.data(), out.size()) != nullptr);
        }
        Bytes small(part.size() / 2);
        if (kind != Compression::lzma) // has no end mark: full is full
            CHECK(hv::decompress_with(kind, packed.data(), packed.size(), small.data(), small.size()) != nullptr);
        for (int round = 0; round < 200; ++round) {
            Bytes b = packed, out(part.size());
            b[random() % b.size()] ^= static_cast<unsigned char>(1U << (random() % 8));
            static_cast<void>(hv::decompress_with(kind, b.data(), b.size(), out.data(), out.size()));
        }
    }
}
