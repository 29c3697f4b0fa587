// SPDX-License-Identifier: MIT
#include "core/debug/printk.hpp"

#include "core/debug/console.hpp"
#include "core/debug/loglevel.hpp"
#include "core/init/cmdline.hpp"
#include "core/time/timer.hpp"
#include "lib/spinlock.hpp"
#include "lib/string.hpp"

namespace hv {

namespace {

LogThreshold host_threshold{3, 3};  // up to info
LogThreshold guest_threshold{0, 2}; // errors and warnings, rate-limited
RateLimit guest_rate(10, 500'000'000);
SpinLock rate_lock{LockRank::leaf};

bool parse_into(LogThreshold& threshold, const char* value, bool negated) {
    return !negated && log_threshold_parse(value, threshold);
}
CustomOption loglvl("loglvl", [](Option&, const char* v, bool n) { return parse_into(host_threshold, v, n); });
CustomOption guest_loglvl("guest_loglvl",
                          [](Option&, const char* v, bool n) { return parse_into(guest_threshold, v, n); });
HV_OPTION(loglvl);
HV_OPTION(guest_loglvl);

constexpr const char prefix[] = "(Hospes) ";

/// One message, each of its lines with the prefix, exactly one line end behind it.
void emit(const char* text) {
    char out[512];
    usize n = 0;
    do {
        const char* line_end = text;
        while (*line_end && *line_end != '\n')
            ++line_end;
        n += string_copy(out + n, sizeof(out) - n, prefix);
        n += string_copy(out + n, sizeof(out) - n - 1, text, static_cast<usize>(line_end - text));
        out[n++] = '\n';
        text = *line_end ? line_end + 1 : line_end;
    } while (*text && n + sizeof(prefix) + 2 < sizeof(out));
    console_write(out, n);
}

/// Level filter and rate limit. Announces what was held back once messages pass again.
bool passes(LogLevel level, bool guest) {
    const LogThreshold& threshold = guest ? guest_threshold : host_threshold;
    const u8 n = static_cast<u8>(level);
    if (n < threshold.always) return true;
    if (n >= threshold.limited) return false;
    u32 missed = 0;
    {
        const IrqGuard guard(rate_lock);
        if (!guest_rate.pass(now_ns())) return false;
        missed = guest_rate.take_missed();
    }
    if (missed) {
        char note[64];
        format(note, sizeof(note), "({} messages suppressed)", missed);
        emit(note);
    }
    return true;
}

} // namespace

u8 console_log_threshold(bool guest) { return (guest ? guest_threshold : host_threshold).always; }
void console_set_log_threshold(bool guest, u8 level) {
    LogThreshold& threshold = guest ? guest_threshold : host_threshold;
    threshold.always = level;
    threshold.limited = max_of(threshold.limited, level);
}

void printk_args(LogLevel level, bool guest, const char* fmt, const FormatArg* args, usize count) {
    if (!passes(level, guest)) return;
    char text[400];
    format_args(text, sizeof(text), fmt, args, count);
    emit(text);
}

} // namespace hv
