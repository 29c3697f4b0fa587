// SPDX-License-Identifier: MIT
// JSON output of commands that print data (--json).
#pragma once

#include <yajl/yajl_gen.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace hospes::output {

/// Writes one value to a stream when destroyed.
class Json {
  public:
    explicit Json(std::FILE* to) : to_(to), gen_(yajl_gen_alloc(nullptr)) {
        yajl_gen_config(gen_, yajl_gen_beautify, 1);
    }
    Json(const Json&) = delete;
    Json& operator=(const Json&) = delete;
    ~Json() {
        const unsigned char* text = nullptr;
        std::size_t length = 0;
        yajl_gen_get_buf(gen_, &text, &length);
        std::fwrite(text, 1, length, to_);
        yajl_gen_free(gen_);
    }

    void open_map() { yajl_gen_map_open(gen_); }
    void close_map() { yajl_gen_map_close(gen_); }
    void open_array() { yajl_gen_array_open(gen_); }
    void close_array() { yajl_gen_array_close(gen_); }
    void text(std::string_view value) {
        yajl_gen_string(gen_, reinterpret_cast<const unsigned char*>(value.data()), value.size());
    }
    void number(std::uint64_t value) {
        const std::string digits = std::to_string(value);
        yajl_gen_number(gen_, digits.data(), digits.size());
    }
    void field(std::string_view key, std::string_view value) {
        text(key);
        text(value);
    }
    void field(std::string_view key, std::uint64_t value) {
        text(key);
        number(value);
    }

  private:
    std::FILE* to_;
    yajl_gen gen_;
};

} // namespace hospes::output
