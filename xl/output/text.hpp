// SPDX-License-Identifier: MIT
// printf into a string: the tables of xl are defined by its formats.
#pragma once

#include <cstdarg>
#include <cstdio>
#include <string>

namespace hospes::output {

[[gnu::format(printf, 2, 3)]] inline void append(std::string& to, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    const int length = std::vsnprintf(nullptr, 0, format, arguments);
    va_end(arguments);
    if (length > 0) {
        const std::size_t before = to.size();
        to.resize(before + static_cast<std::size_t>(length) + 1); // vsnprintf ends with a zero
        std::vsnprintf(to.data() + before, static_cast<std::size_t>(length) + 1, format, again);
        to.pop_back();
    }
    va_end(again);
}

} // namespace hospes::output
