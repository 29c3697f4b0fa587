// SPDX-License-Identifier: MIT
// Every method that kernels are packed with: it unpacks, stops at the limit, and survives damage.
#include "packed.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "sample_kernel.hpp"

using namespace hospes::xc;
using sample::Bytes;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

/// Something that packs to about half.
Bytes text_like(std::size_t size) {
    std::mt19937 random(3);
    Bytes out(size);
    for (std::size_t i = 0; i < size; ++i)
        out[i] = static_cast<std::uint8_t>(i % 64 < 32 ? 'a' + random() % 16 : 'x');
    return out;
}

} // namespace

TEST_CASE("kernels packed by every method are read, plain and in a bzImage") {
    for (const Compression method : sample::all_methods) {
        const Bytes elf = sample::elf(), packed = sample::pack(method, elf);
        INFO(name_of(method));
        CHECK(detect_compression(packed) == method);
        const auto plain = KernelImage::parse(packed, "k");
        REQUIRE(plain);
        CHECK(plain->supports_pvh());
        CHECK(plain->content(plain->segments()[0]).all()->back() == 0x90);
        const auto image = KernelImage::parse(sample::bzimage(packed, elf.size()), "k");
        REQUIRE(image);
        CHECK(image->format() ==
              (method == Compression::none ? "bzImage" : "bzImage (" + std::string(name_of(method)) + ")"));
        CHECK(image->physical_end() == plain->physical_end());
        // The stated length is a hint only.
        for (const std::size_t lie : {std::size_t{1}, elf.size() - 1, elf.size() * 8, std::size_t{0xffffffff}})
            CHECK(KernelImage::parse(sample::bzimage(packed, lie), "k").ok());
    }
}

TEST_CASE("data of several blocks come back as they were, and not a byte beyond the limit") {
    for (const Compression method : sample::all_methods) {
        // More than one block of each: LZ4's have 8 MiB, LZO's 256 KiB.
        const Bytes data = text_like((method == Compression::lz4 ? 8U << 20 : 600U << 10) + 123);
        const Bytes packed = sample::pack(method, data);
        INFO(name_of(method));
        const auto whole = decompress(packed, method, data.size());
        REQUIRE(whole);
        CHECK(*whole == data);
        CHECK(*decompress(packed, method, 1U << 30) == data);
        const auto more = decompress(packed, method, data.size() - 1);
        REQUIRE_FALSE(more);
        CHECK(more.problem().cause == "it is larger than the limit");
    }
}

TEST_CASE("a stream that is cut off is damaged, wherever it is cut") {
    const Bytes data = text_like(20000);
    for (const Compression method : sample::all_methods) {
        if (method == Compression::none) continue;
        const Bytes packed = sample::pack(method, data);
        INFO(name_of(method));
        for (std::size_t keep = 0; keep + 8 < packed.size(); keep += 97) {
            const auto out = decompress(std::span(packed).first(keep), method, 1U << 20);
            if (out) // LZ4's old frames have no end mark: a whole block is all there is to see
                CHECK((method == Compression::lz4 || method == Compression::lzma));
        }
    }
}

TEST_CASE("the fuzzer's entry, for a while, from good images") {
    std::mt19937 random(11);
    std::vector<Bytes> seeds;
    for (const Compression method : sample::all_methods) {
        const Bytes packed = sample::pack(method, sample::elf({.apart = method != Compression::gzip}));
        const auto as = [&seeds](unsigned choice, const Bytes& body) {
            Bytes seed{static_cast<std::uint8_t>(choice)};
            seed.insert(seed.end(), body.begin(), body.end());
            seeds.push_back(seed);
        };
        as(0, packed);
        as(0, sample::bzimage(packed, sample::elf().size()));
        as(1, packed);
        as(2 + static_cast<unsigned>(method), packed);
    }
    for (const Bytes& seed : seeds)
        for (int round = 0; round < 20; ++round) {
            Bytes file = seed;
            for (int hits = round ? 1 + static_cast<int>(random() % 6) : 0; hits; --hits) {
                const std::size_t at = 1 + random() % std::min<std::size_t>(file.size() - 1, 0x400);
                file[at] = random() % 3 ? static_cast<std::uint8_t>(random()) : std::uint8_t(random() % 2 ? 0xff : 0);
            }
            if (random() % 8 == 0) file.resize(1 + random() % file.size());
            LLVMFuzzerTestOneInput(file.data(), file.size());
        }
    SUCCEED();
}
