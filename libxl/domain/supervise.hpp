// SPDX-License-Identifier: MIT
// What follows a domain's end: on_poweroff, on_reboot, on_crash, on_watchdog, on_soft_reset. Done by the supervisor
// daemon (libxl/supervisor), or by the xl that created the domain when there is none.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "libxl/domain/intent.hpp"
#include "libxl/domain/lifecycle.hpp"

namespace hospes::xl {

/// Told what happens, one line each, in the words of the stock xl where it has some.
using LifecycleLog = std::function<void(const std::string& line)>;

/// A supervisor listens. ($HOSPES_SUPERVISOR_SOCKET, else /run/xen/supervisor.sock)
bool supervisor_runs();
std::string supervisor_socket();
/// Starts one if there is none: systemd's unit where that is, else the program beside our own.
Status ensure_supervisor();

struct AfterEnd {
    std::optional<xc::DomId> successor; ///< the domain that was started in its place
    bool remains = false;               ///< it was left as it is
};
/// Between the end of a domain that did not live for 10 s and its successor, so that one that crashes again and again
/// leaves the host time for others. (The stock xl waits as long before every restart.)
inline constexpr std::chrono::milliseconds restart_pause{2000};
/// Acts for a domain that has shut down. Successors are created for `supervision`. EAGAIN: it has not shut down.
Result<AfterEnd> act_on_end(Host& host, xc::DomId domain, Supervision supervision, const LifecycleLog& log,
                            std::chrono::milliseconds pause = restart_pause);

/// Stays with a domain and its successors until there is nothing left to do: it is gone, or remains for someone to
/// look at. With `cancel` requested it returns at once and the domain lives on without supervision.
Status watch_over(Host& host, xc::DomId domain, const LifecycleLog& log, const Cancel* cancel = nullptr);

/// What was begun by a process that is dead.
Result<AfterEnd> finish_restart(Host& host, const PendingRestart& restart, Supervision supervision,
                                const LifecycleLog& log);

} // namespace hospes::xl
