// SPDX-License-Identifier: MIT
#include "xc/image.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <random>

#include "packed.hpp"
#include "sample_kernel.hpp"

using namespace hospes::xc;
using sample::Bytes;
using sample::gzip;
using sample::text;

namespace {

Bytes sample_elf() { return sample::elf(); }

std::string failure(Bytes file) {
    const auto result = KernelImage::parse(std::move(file), "k");
    return result ? "" : result.problem().text();
}

} // namespace

TEST_CASE("an ELF kernel with notes") {
    const auto image = KernelImage::parse(sample_elf(), "k");
    REQUIRE(image);
    CHECK(image->supports_pv());
    CHECK(image->supports_pvh());
    CHECK(*image->notes().phys32_entry == 0x1000010);
    CHECK(image->notes().mod_start_is_pfn);
    CHECK(image->physical_start() == 0x1000000);
    CHECK(image->physical_end() == 0x1003000);
    REQUIRE(image->segments().size() == 1);
    CHECK(image->content(image->segments()[0]).all()->front() == 0x90);
}

TEST_CASE("a gzip'd ELF and a bzImage around it") {
    const auto plain = KernelImage::parse(gzip(sample_elf()), "k");
    REQUIRE(plain);
    CHECK(plain->format() == "ELF (gzip)");

    const Bytes payload = gzip(sample_elf());
    Bytes file(5 * 512);
    file[0x1f1] = 4;
    std::memcpy(&file[0x202], "HdrS", 4);
    file[0x206] = 0x0d;
    file[0x207] = 0x02;
    const auto length = static_cast<std::uint32_t>(payload.size());
    std::memcpy(&file[0x24c], &length, 4);
    file.insert(file.end(), payload.begin(), payload.end());
    const auto image = KernelImage::parse(file, "k");
    REQUIRE(image);
    CHECK(image->format() == "bzImage (gzip)");
    file.resize(file.size() - 10);
    CHECK(failure(file) == "read kernel k: the bzImage is truncated");
    file[0x206] = 0x01;
    CHECK(failure(file).find("older than 2.08") != std::string::npos);
}

TEST_CASE("broken images are refused with a reason") {
    CHECK(failure({}) == "read kernel k: it is neither a bzImage nor an ELF file");
    CHECK(failure(text("#!/bin/sh")) == "read kernel k: it is neither a bzImage nor an ELF file");
    Bytes elf = sample_elf();
    elf.resize(0x1800);
    CHECK(failure(elf) == "read kernel k: a segment lies outside the file");
    elf = sample_elf();
    elf[18] = EM_AARCH64;
    CHECK(failure(elf) == "read kernel k: it is for another processor");
    elf = sample_elf();
    elf[offsetof(Elf64_Ehdr, e_phnum)] = 0;
    CHECK(failure(elf) == "read kernel k: it has nothing to load");
    Bytes packed = gzip(sample_elf());
    packed[packed.size() / 2] ^= 0xff;
    packed.resize(packed.size() / 2 + 8);
    CHECK(failure(packed).find("damaged") != std::string::npos);
}

TEST_CASE("expansion stops at the limit") {
    const Bytes bomb = gzip(Bytes(1 << 20));
    CHECK(decompress(bomb, Compression::gzip, 1 << 20).ok());
    CHECK(decompress(bomb, Compression::gzip, (1 << 20) - 1).problem().cause == "it is larger than the limit");
}

TEST_CASE("random damage never crashes the parser") {
    std::mt19937 random(7);
    const Bytes elf = sample_elf(), packed = gzip(elf);
    for (int round = 0; round < 1000; ++round) {
        Bytes file = round % 2 ? elf : packed;
        for (int hits = 0; hits < 8; ++hits)
            file[random() % std::min<std::size_t>(file.size(), 0x300)] = static_cast<std::uint8_t>(random());
        static_cast<void>(KernelImage::parse(std::move(file), "k"));
    }
    constexpr const char* magics[] = {"BZh9",
                                      ("\xfd"
                                       "7zXZ"),
                                      "\x5d\0\0",
                                      "\x89LZO\0\r\n\x1a\n",
                                      "\x02\x21\x4c\x18",
                                      "\x28\xb5\x2f\xfd"};
    for (const char* magic : magics)
        for (int round = 0; round < 100; ++round) {
            Bytes file(magic, magic + std::strlen(magic));
            for (int i = 0; i < 200; ++i)
                file.push_back(static_cast<std::uint8_t>(random()));
            static_cast<void>(decompress(file, detect_compression(file), 1 << 22));
        }
}
