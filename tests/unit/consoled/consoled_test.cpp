// SPDX-License-Identifier: MIT
#include "libxl/consoled/console_ring.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>

#include "libxl/consoled/history.hpp"
#include "libxl/consoled/log_file.hpp"

using namespace hospes::xl::consoled;

namespace {

std::string contents(const std::string& path) {
    std::ostringstream s;
    s << std::ifstream(path).rdbuf();
    return s.str();
}

struct Directory {
    std::filesystem::path path;
    Directory() {
        std::string name = (std::filesystem::temp_directory_path() / "consoled-XXXXXX").string();
        path = ::mkdtemp(name.data());
    }
    ~Directory() { std::filesystem::remove_all(path); }
};

} // namespace

TEST_CASE("history keeps the newest bytes and counts the others") {
    std::mt19937 rng(9);
    for (const std::size_t limit : {std::size_t{1}, std::size_t{7}, std::size_t{64}}) {
        History h(limit);
        std::string all;
        for (int i = 0; i < 300; ++i) {
            std::string piece(rng() % (limit * 2 + 1), 'x');
            for (char& c : piece)
                c = static_cast<char>('a' + rng() % 26);
            h.append(piece);
            all += piece;
            const std::string want = all.size() > limit ? all.substr(all.size() - limit) : all;
            REQUIRE(h.text() == want);
            REQUIRE(h.dropped() == all.size() - want.size());
        }
    }
}

TEST_CASE("the ring gives each byte once, in both directions, across wraps of its indices") {
    auto page = std::make_unique<xencons_interface>();
    page->out_cons = page->out_prod = page->in_cons = page->in_prod = 0xfffffff0U;
    ConsoleRing ring(*page);
    std::mt19937 rng(4);
    std::string said, heard, typed, received;
    for (int i = 0; i < 2000; ++i) {
        for (unsigned n = rng() % 700; n > 0 && page->out_prod - page->out_cons < 2048; --n) {
            const char c = static_cast<char>(rng() % 256);
            page->out[MASK_XENCONS_IDX(page->out_prod++, page->out)] = c;
            said += c;
        }
        heard += ring.take();
        const std::string text(rng() % 600, static_cast<char>('a' + i % 26));
        typed += text.substr(0, ring.give(text));
        for (unsigned n = rng() % 900; n > 0 && page->in_cons != page->in_prod; --n)
            received += page->in[MASK_XENCONS_IDX(page->in_cons++, page->in)];
    }
    CHECK(heard == said);
    while (page->in_cons != page->in_prod)
        received += page->in[MASK_XENCONS_IDX(page->in_cons++, page->in)];
    CHECK(received == typed);
}

TEST_CASE("a guest's nonsense indices harm nobody") {
    auto page = std::make_unique<xencons_interface>();
    ConsoleRing ring(*page);
    page->out_prod = 5'000'000;
    CHECK(ring.take().size() == sizeof page->out);
    CHECK(page->out_cons == page->out_prod);
    page->in_cons = 77;
    CHECK(ring.give("x") == 0);
    page->in_cons = page->in_prod;
    CHECK(ring.give(std::string(2000, 'y')) == sizeof page->in);
}

TEST_CASE("logs rotate by size at line ends and keep as many as asked") {
    const Directory dir;
    const std::string path = (dir.path / "guest-x.log").string();
    LogFile log(path, {100, 2, false});
    REQUIRE(log.ok());
    for (int i = 0; i < 40; ++i)
        log.write("line number " + std::to_string(100 + i) + "\n");
    CHECK(contents(path).find("line number 139") != std::string::npos);
    CHECK(std::filesystem::file_size(path + ".1") >= 100);
    CHECK(std::filesystem::exists(path + ".2"));
    CHECK_FALSE(std::filesystem::exists(path + ".3"));
    CHECK(contents(path + ".1").back() == '\n');
    log.write(std::string(250, 'e')); // a line without end is cut in the end
    log.write(std::string(10, 'f'));
    CHECK(contents(path) == std::string(10, 'f'));
}

TEST_CASE("time stamps stand at line starts only") {
    const Directory dir;
    const std::string path = (dir.path / "x.log").string();
    LogFile log(path, {1000, 1, true});
    log.write("one ");
    log.write("line\nnext");
    const std::string text = contents(path);
    CHECK(std::count(text.begin(), text.end(), '[') == 2);
    CHECK(text.find("] one line\n[") != std::string::npos);
}
