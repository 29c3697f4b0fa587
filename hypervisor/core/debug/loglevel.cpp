// SPDX-License-Identifier: MIT
#include "core/debug/loglevel.hpp"

#include "lib/string.hpp"

namespace hv {

bool log_threshold_parse(const char* text, LogThreshold& out) {
    static constexpr const char* names[] = {"none", "error", "warning", "info", "debug", "all"};
    u8 levels[2];
    unsigned count = 0;
    for (; count < 2; ++count) {
        unsigned i = 0;
        for (; i < 6; ++i)
            if (string_starts(text, names[i])) break;
        if (i == 6) return false;
        text += strlen(names[i]);
        levels[count] = static_cast<u8>(i > 4 ? 4 : i);
        if (*text != '/') break;
        ++text;
    }
    if (*text || (count == 1 && levels[1] < levels[0])) return false;
    out = {levels[0], levels[count ? 1 : 0]};
    return true;
}

} // namespace hv
