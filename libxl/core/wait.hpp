// SPDX-License-Identifier: MIT
// Waiting on the store with a deadline, and giving up when the user says so.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/client.hpp"

namespace hospes::xl {

/// A request to stop what is being done. Long operations look at it between steps and while they wait; they
/// then undo what they did and answer ECANCELED.
class Cancel {
  public:
    /// Turns SIGINT, SIGTERM and SIGHUP into such a request while the object lives (one at a time per process).
    /// A second signal of the same kind acts as it always did.
    static std::unique_ptr<Cancel> on_signals();
    Cancel();
    ~Cancel();
    Cancel(const Cancel&) = delete;
    Cancel& operator=(const Cancel&) = delete;

    void request();
    [[nodiscard]] bool requested() const;
    /// Readable once requested; for poll().
    [[nodiscard]] int fd() const { return read_; }
    /// An ECANCELED error once requested.
    [[nodiscard]] Status check() const;

  private:
    int read_ = -1, write_ = -1;
    bool signals_ = false;
};

using Clock = std::chrono::steady_clock;

/// Waits until `done` holds or `deadline` passes (then the answer is false). `done` runs at once and after every
/// event on one of the `watches`; nothing is missed, because a watch fires when it is set. It also runs when
/// `also`, a descriptor, is readable, and has to end the wait then.
/// Errors: ECANCELED, and whatever the store or `done` answers.
Result<bool> wait_until(xs::Client& store, const std::vector<std::string>& watches, Clock::time_point deadline,
                        const std::function<Result<bool>()>& done, const Cancel* cancel = nullptr, int also = -1);

} // namespace hospes::xl
