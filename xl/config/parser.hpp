// SPDX-License-Identifier: MIT
// xl.cfg syntax (xl.cfg(5), "Config File Syntax"): `name = value`, values are strings in ' or ",
// numbers (decimal, 0x, 0) and [ lists ]; `+=` appends; a statement ends at the end of its line or
// at `;`; # starts a comment.
#pragma once

#include <string_view>
#include <variant>

#include "xl/config/ast.hpp"

namespace hospes::cfg {

/// Parses `text`; the first error ends it. `extra` settings are parsed after it and win (`xl create
/// FILE key=value`).
std::variant<File, Diagnostic> parse(std::string_view text, std::string file_name);
/// Adds the settings of `text` (one command-line argument) to `file`.
std::variant<std::monostate, Diagnostic> parse_override(File& file, std::string_view text);

/// The closest of `known` to a mistyped name, or empty when nothing is close (edit distance at most
/// a third).
std::string closest_name(std::string_view wrong, const std::vector<std::string_view>& known);

} // namespace hospes::cfg
