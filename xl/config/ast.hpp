// SPDX-License-Identifier: MIT
// A parsed xl.cfg(5) file: settings in file order, each with the place it came from.
#pragma once

#include <string>
#include <variant>
#include <vector>

namespace hospes::cfg {

struct Place {
    unsigned line = 0;
    unsigned column = 0; ///< both from 1
};

struct Value;
using List = std::vector<Value>;

/// A string (numbers and bare words are kept as written) or a list of values.
struct Value {
    std::variant<std::string, List> data;
    Place place;
    bool quoted = false; ///< a string literal, not a bare number
    [[nodiscard]] bool is_list() const { return std::holds_alternative<List>(data); }
    [[nodiscard]] const std::string& text() const { return std::get<std::string>(data); }
    [[nodiscard]] const List& list() const { return std::get<List>(data); }
};

struct Setting {
    std::string name;
    Value value;
    Place place;
};

struct File {
    std::string name;               ///< for messages: path, "<command line>"...
    std::vector<std::string> lines; ///< the source, for messages
    std::vector<Setting> settings;  ///< a name set twice stands once, with the later value

    [[nodiscard]] const Setting* find(std::string_view setting) const {
        for (const Setting& s : settings)
            if (s.name == setting) return &s;
        return nullptr;
    }
};

struct Diagnostic {
    std::string file;
    Place place;
    std::string message;
    std::string source_line; ///< empty when unknown
    std::string hint;

    /// "FILE:LINE:COLUMN: message", the line with a marker, and the hint: what the user sees.
    [[nodiscard]] std::string render() const;
};

} // namespace hospes::cfg
