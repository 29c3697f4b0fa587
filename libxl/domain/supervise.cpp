// SPDX-License-Identifier: MIT
#include "libxl/domain/supervise.hpp"

#include <algorithm>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <thread>

#include "libxl/core/paths.hpp"
#include "libxl/core/process.hpp"
#include "libxl/device/spec_text.hpp"
#include "libxl/domain/create.hpp"
#include "libxl/domain/events.hpp"
#include "libxl/domain/record.hpp"

namespace hospes::xl {
namespace {

/// As xl.cfg writes it, and the stock xl in its logs.
std::string words_of(ActionOnShutdown action) {
    if (action == ActionOnShutdown::restart_rename) return "rename-restart";
    std::string text(to_string(action));
    std::replace(text.begin(), text.end(), '_', '-');
    return text;
}

ActionOnShutdown action_for(const DomainConfig& config, ShutdownReason reason) {
    switch (reason) {
    case ShutdownReason::poweroff: return config.on_poweroff;
    case ShutdownReason::reboot: return config.on_reboot;
    case ShutdownReason::crash: return config.on_crash;
    case ShutdownReason::watchdog: return config.on_watchdog;
    case ShutdownReason::soft_reset: return config.on_soft_reset;
    case ShutdownReason::suspend: // whoever saves it deals with it
    case ShutdownReason::unknown: break;
    }
    return ActionOnShutdown::preserve;
}

std::string utc_suffix() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    char text[32];
    std::strftime(text, sizeof(text), "-%Y%m%dT%H%MZ", gmtime_r(&now, &parts));
    return text;
}

/// One domain that has shut down, and what is to become of it.
class End {
  public:
    End(Host& host, xc::DomId domain, Supervision supervision, const LifecycleLog& log,
        std::chrono::milliseconds pause = {})
        : host_(host), domain_(domain), supervision_(supervision), log_(log), pause_(pause) {}

    Result<AfterEnd> act() {
        xc::Control* const control = HOSPES_TRY(host_.control());
        const DomainState state = state_of(HOSPES_TRY(control->info(domain_)));
        if (!state.shut_down) return error("act for " + name(), EAGAIN, "it has not shut down");
        auto config = retrieve_config(host_, domain_);
        if (!config) {
            say("its configuration is lost (" + config.problem().text() + "); it is destroyed");
            return destroy();
        }
        config_ = *std::move(config);
        ActionOnShutdown action = action_for(config_, state.reason);
        say("has shut down, reason code " + std::to_string(static_cast<int>(state.reason)) + " (" +
            std::string(to_string(state.reason)) + ")");
        if (log_)
            log_("Action for shutdown reason code " + std::to_string(static_cast<int>(state.reason)) + " is " +
                 words_of(action));
        if (action == ActionOnShutdown::coredump_destroy || action == ActionOnShutdown::coredump_restart) dump();
        switch (action) {
        case ActionOnShutdown::destroy:
        case ActionOnShutdown::coredump_destroy: return destroy();
        case ActionOnShutdown::restart:
        case ActionOnShutdown::coredump_restart: return restart();
        case ActionOnShutdown::restart_rename: HOSPES_TRY(step_aside()); return restart();
        case ActionOnShutdown::soft_reset:
            say("a soft reset is not supported in this version; it is left as it is");
            break;
        case ActionOnShutdown::preserve: break;
        }
        HOSPES_TRY(end_supervision(host_, domain_));
        return AfterEnd{std::nullopt, true};
    }

    /// From here on only `config` counts: the old domain may be gone already.
    Result<AfterEnd> start(DomainConfig config) {
        const Uuid uuid = config.c_info.uuid;
        config.c_info.domid = 0;
        CreateOptions options;
        options.supervision = supervision_;
        auto made = create_domain(host_, std::move(config), options);
        // Trying for ever would help nobody; the log says what has to be mended.
        forget_restart(uuid);
        if (!made) {
            say("cannot be started again: " + made.problem().text());
            return made.problem();
        }
        say("runs again as domain " + std::to_string(made->domain));
        return AfterEnd{made->domain, false};
    }

  private:
    [[nodiscard]] std::string name() const { return "Domain " + std::to_string(domain_); }
    void say(const std::string& what) const {
        if (log_) log_(name() + " " + what);
    }

    void dump() const {
        const std::string folder = state_directory() + "/dump";
        ::mkdir(folder.c_str(), 0700);
        const std::string file = folder + "/" + config_.c_info.name;
        say("dumping core to " + file);
        if (const Status done = dump_core(host_, domain_, file); !done)
            say("core dump failed: " + done.problem().text());
    }

    Result<AfterEnd> destroy() const {
        say("needs to be cleaned up: destroying the domain");
        if (Status gone = destroy_domain(host_, domain_); !gone && gone.problem().code != ESRCH)
            return std::move(gone).problem();
        return AfterEnd{};
    }

    Result<AfterEnd> restart() {
        // On disk before the old domain goes: whoever finds that, and no domain, starts it.
        HOSPES_TRY(save_restart(config_));
        const bool soon = ended_soon();
        if (config_.c_info.name != aside_) {
            say("needs to be cleaned up: destroying the domain");
            if (Status gone = destroy_domain(host_, domain_); !gone) {
                forget_restart(config_.c_info.uuid);
                // Somebody was faster and wanted it gone.
                if (gone.problem().code == ESRCH) return AfterEnd{};
                return std::move(gone).problem();
            }
        }
        if (soon) {
            say("lived for a few seconds only; its successor has to wait for " + std::to_string(pause_.count()) +
                " ms");
            std::this_thread::sleep_for(pause_);
        }
        if (log_) log_("Done. Rebooting now");
        return start(config_);
    }

    /// It did not live for 10 s. Not known counts as no.
    [[nodiscard]] bool ended_soon() const {
        const auto store = host_.store();
        if (!store) return false;
        const auto started = (*store)->read(path::vm(to_string(config_.c_info.uuid)) + "/start_time");
        const auto since = started ? to_number<std::time_t>(started->substr(0, started->find('.'))) : std::nullopt;
        const std::time_t now = std::time(nullptr);
        return since && *since <= now && now - *since < 10;
    }

    /// The ended domain stays under another name and UUID, so that its successor can have both.
    Status step_aside() {
        xc::Control* const control = HOSPES_TRY(host_.control());
        xs::Client* const store = HOSPES_TRY(host_.store());
        const std::string other = config_.c_info.name + utc_suffix();
        const Uuid uuid = random_uuid();
        HOSPES_TRY(end_supervision(host_, domain_));
        std::uint8_t handle[16];
        std::copy(uuid.bytes.begin(), uuid.bytes.end(), handle);
        HOSPES_TRY(control->set_handle(domain_, handle));
        const std::string vm = path::vm(to_string(uuid));
        xs::Batch nodes;
        nodes.mkdir(vm);
        nodes.permissions(vm, {{0, 'n'}, {domain_, 'r'}});
        nodes.write(vm + "/uuid", to_string(uuid));
        nodes.write(vm + "/name", other);
        nodes.write(path::domain(domain_) + "/vm", vm);
        nodes.remove(path::vm(to_string(config_.c_info.uuid)));
        HOSPES_TRY(store->commit(nodes));
        HOSPES_TRY(rename_domain(host_, domain_, other));
        DomainConfig old = config_;
        old.c_info.name = other;
        old.c_info.uuid = uuid;
        say("is kept as '" + other + "'");
        aside_ = config_.c_info.name;
        return save_record(domain_, old);
    }

    Host& host_;
    xc::DomId domain_;
    Supervision supervision_;
    const LifecycleLog& log_;
    std::chrono::milliseconds pause_;
    DomainConfig config_;
    std::string aside_; ///< the name that step_aside() freed
};

} // namespace

std::string supervisor_socket() {
    const char* const chosen = std::getenv("HOSPES_SUPERVISOR_SOCKET");
    return chosen ? chosen : "/run/xen/supervisor.sock";
}

bool supervisor_runs() {
    const std::string socket = supervisor_socket();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket.size() >= sizeof(address.sun_path)) return false;
    std::memcpy(address.sun_path, socket.c_str(), socket.size() + 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool there = fd >= 0 && ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    if (fd >= 0) ::close(fd);
    return there;
}

Status ensure_supervisor() {
    if (supervisor_runs()) return {};
    static constexpr const char* unit = "xl-supervisor.service";
    const auto deadline = Clock::now() + std::chrono::seconds(15);
    const bool systemd = ::access("/run/systemd/system", F_OK) == 0;
    if (systemd)
        if (const auto done = run_program({"systemctl", "start", unit}, {}, deadline); done && done->status == 0)
            return {};
    std::string program = "xl-supervisor";
    char own[4096];
    if (const ssize_t n = ::readlink("/proc/self/exe", own, sizeof own); n > 0) {
        const std::string_view self(own, static_cast<std::size_t>(n));
        const std::string beside = std::string(self.substr(0, self.rfind('/') + 1)) + program;
        if (::access(beside.c_str(), X_OK) == 0) program = beside;
    }
    const auto done = run_program({program}, {}, deadline);
    if (!done) return Error(done.problem()).within("start the supervisor");
    // Somebody else may have started one at the same moment: then ours ends, and that one is about to listen.
    while (!supervisor_runs()) {
        if (Clock::now() >= deadline || done->status == 0 || done->output.find("another one") == std::string::npos)
            return error("start the supervisor", ECHILD, done->output);
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return {};
}

Result<AfterEnd> act_on_end(Host& host, xc::DomId domain, Supervision supervision, const LifecycleLog& log,
                            std::chrono::milliseconds pause) {
    return End(host, domain, supervision, log, pause).act();
}

Status watch_over(Host& host, xc::DomId domain, const LifecycleLog& log, const Cancel* cancel) {
    HOSPES_TRY(set_supervision(host, domain, Supervision::self));
    for (;;) {
        DomainEvents events = HOSPES_TRY(DomainEvents::open(host, {domain}));
        auto event = events.next(-1, cancel);
        if (!event) {
            static_cast<void>(set_supervision(host, domain, Supervision::none)); // or it is gone: also fine
            return std::move(event).problem();
        }
        if (!*event || (*event)->kind == DomainEvent::Kind::death) return {};
        const AfterEnd after = HOSPES_TRY(act_on_end(host, domain, Supervision::self, log));
        if (!after.successor) return {};
        domain = *after.successor;
    }
}

Result<AfterEnd> finish_restart(Host& host, const PendingRestart& restart, Supervision supervision,
                                const LifecycleLog& log) {
    xc::Control* const control = HOSPES_TRY(host.control());
    const auto& uuid = restart.config.c_info.uuid.bytes;
    for (const xc::DomainInfo& info : HOSPES_TRY(control->list())) {
        if (!std::equal(uuid.begin(), uuid.end(), std::begin(info.handle)) || state_of(info).dying) continue;
        // The old one is still there and its turn comes; or the new one is there already.
        ::unlink(restart.file.c_str());
        return AfterEnd{info.domain, true};
    }
    HOSPES_TRY(save_restart(restart.config)); // now it is ours
    ::unlink(restart.file.c_str());
    return End(host, 0, supervision, log).start(restart.config);
}

} // namespace hospes::xl
