// SPDX-License-Identifier: MIT
// loglvl= and guest_loglvl=: `<always>[/<rate-limited>]` with none, error, warning, info, debug, all.
#pragma once

#include "lib/types.hpp"

namespace hv {

/// Levels below `always` are printed, levels below `limited` are printed at a limited rate.
struct LogThreshold {
    u8 always, limited;
};
bool log_threshold_parse(const char* text, LogThreshold& out);

/// At most `burst` events at once, refilled one by one every `interval_ns`.
class RateLimit {
  public:
    constexpr RateLimit(u32 burst, u64 interval_ns) : burst_(burst), interval_(interval_ns), tokens_(burst) {}
    /// May this event pass? Otherwise it is counted.
    bool pass(u64 now) {
        const u64 gained = (now - last_) / interval_;
        if (gained) {
            tokens_ = gained > burst_ - tokens_ ? burst_ : tokens_ + static_cast<u32>(gained);
            last_ += gained * interval_;
        }
        if (!tokens_) {
            ++missed_;
            return false;
        }
        --tokens_;
        return true;
    }
    u32 take_missed() {
        const u32 n = missed_;
        missed_ = 0;
        return n;
    }

  private:
    u32 burst_;
    u64 interval_;
    u32 tokens_;
    u64 last_ = 0;
    u32 missed_ = 0;
};

} // namespace hv
