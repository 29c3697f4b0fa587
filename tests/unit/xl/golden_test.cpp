// SPDX-License-Identifier: MIT
// What Debian's `xl create -n` prints for the same files, byte for byte. tests/golden/json holds both; the
// system scenario config.json_as_stock has the stock xl itself print them.
#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "libxl/types/json.hpp"
#include "xl/config/parser.hpp"
#include "xl/config/to_domain.hpp"

using namespace hospes;

namespace {

const std::filesystem::path golden = HOSPES_GOLDEN_DIR;

std::string contents(const std::filesystem::path& path) {
    std::ifstream in(path);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}
std::string without_final_newlines(std::string text) {
    while (text.ends_with('\n'))
        text.pop_back();
    return text;
}

xl::DomainConfig config_of(const std::filesystem::path& path) {
    auto file = cfg::parse(contents(path), path.filename());
    if (const auto* bad = std::get_if<cfg::Diagnostic>(&file)) FAIL(bad->render());
    auto config = cfg::to_domain_config(std::get<cfg::File>(file), {});
    if (const auto* bad = std::get_if<cfg::Diagnostic>(&config)) FAIL(bad->render());
    return std::get<cfg::Translation>(std::move(config)).config;
}

std::vector<std::filesystem::path> files(const char* extension) {
    std::vector<std::filesystem::path> out;
    for (const auto& entry : std::filesystem::directory_iterator(golden / "json"))
        if (entry.path().extension() == extension) out.push_back(entry.path());
    std::sort(out.begin(), out.end());
    return out;
}

} // namespace

TEST_CASE("the JSON of a configuration is the stock one") {
    const auto configs = files(".cfg");
    REQUIRE(configs.size() >= 10);
    for (const auto& path : configs) {
        INFO(path.filename());
        auto expected = path;
        expected.replace_extension(".json");
        CHECK(without_final_newlines(xl::to_json(config_of(path))) == without_final_newlines(contents(expected)));
    }
}

TEST_CASE("the stock JSON is read without loss") {
    for (const auto& path : files(".json")) {
        INFO(path.filename());
        const std::string text = contents(path);
        const auto config = xl::domain_config_from_json(text);
        if (const auto* bad = std::get_if<xl::JsonError>(&config)) FAIL(bad->where + ": " + bad->what);
        CHECK(without_final_newlines(xl::to_json(std::get<xl::DomainConfig>(config))) == without_final_newlines(text));
    }
}

TEST_CASE("every key of the manual page is known") {
    std::ifstream in(golden / "xl.cfg.keys");
    const auto known = cfg::key_names();
    unsigned seen = 0;
    for (std::string key; std::getline(in, key);) {
        if (key.empty() || key[0] == '#') continue;
        ++seen;
        INFO(key);
        CHECK(std::find(known.begin(), known.end(), key) != known.end());
    }
    CHECK(seen > 140);
    auto names = known;
    std::sort(names.begin(), names.end());
    CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
}
