// SPDX-License-Identifier: MIT
// JSON output of commands that print data (--json).
#pragma once

#include <yajl/yajl_gen.h>

#include <concepts>
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

    void value(std::string_view text) {
        yajl_gen_string(gen_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    }
    void value(const char* text) { value(std::string_view(text)); }
    void value(const std::string& text) { value(std::string_view(text)); }
    template <std::same_as<bool> Flag> void value(Flag flag) { yajl_gen_bool(gen_, flag); }
    template <std::integral Number>
    requires(!std::same_as<Number, bool>) void value(Number number) { literal(std::to_string(number)); }
    void null() { yajl_gen_null(gen_); }
    /// A finished JSON value, such as a configuration's own form.
    void literal(std::string_view json) { yajl_gen_number(gen_, json.data(), json.size()); }

    void key(std::string_view name) { value(name); }
    template <typename T> void field(std::string_view name, const T& content) {
        key(name);
        value(content);
    }

    // Kept for callers that name the kind of value.
    void text(std::string_view content) { value(content); }
    void number(std::uint64_t content) { value(content); }

  private:
    std::FILE* to_;
    yajl_gen gen_;
};

} // namespace hospes::output
