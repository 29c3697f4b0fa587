// SPDX-License-Identifier: MIT
#include "libxl/supervisor/daemon.hpp"

#include <csignal>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libxl/core/identity.hpp"
#include "libxl/core/paths.hpp"
#include "libxl/daemon/log.hpp"
#include "libxl/daemon/names.hpp"
#include "libxl/device/spec_text.hpp"

namespace hospes::xl::supervisor {

namespace asio = boost::asio;
namespace log = daemon::log;

Daemon::Daemon(asio::io_context& io, Options options)
    : io_(io), options_(std::move(options)), link_(io, options_.store,
                                                   {[this](xs::Client& store) { return watch(store); },
                                                    [this](const auto&) { scan(); }, [this] { start_over(); }}),
      acceptor_(io), children_(io), retry_(io) {}

Status Daemon::start() {
    if (options_.fork_workers) {
        children_.add(SIGCHLD);
        wait_children();
    }
    HOSPES_TRY(daemon::listen_at(acceptor_, options_.socket));
    accept();
    HOSPES_TRY(link_.open());
    scan();
    return {};
}

void Daemon::accept() {
    acceptor_.async_accept([this](const auto& e, asio::local::stream_protocol::socket) {
        if (e == asio::error::operation_aborted) return;
        accept(); // whoever connected has had his answer
    });
}

// --- the store

Status Daemon::watch(xs::Client& store) {
    for (const char* path : {"@introduceDomain", "@releaseDomain", creations_path})
        HOSPES_TRY(store.watch(path, "hospes-supervisor"));
    host_ = options_.make_host();
    return {};
}

void Daemon::start_over() {
    failed_.clear();
    scan();
}

// --- what is due

Status Daemon::add_ends(std::vector<Due>& due) {
    xc::Control* const control = HOSPES_TRY(host_->control());
    xs::Client* const store = HOSPES_TRY(host_->store());
    std::set<std::string> alive;
    for (const xc::DomainInfo& info : HOSPES_TRY(control->list())) {
        const DomainState state = state_of(info);
        if (!state.dying) alive.insert(std::to_string(info.domain));
        if (!state.shut_down || state.dying || info.domain == 0 || state.reason == ShutdownReason::suspend) continue;
        const auto supervision = HOSPES_TRY(supervision_of(*host_, info.domain));
        if (!supervision) continue;
        if (process_lives(*supervision)) wait_death(*supervision);
        if (!is_supervisors(*supervision)) continue;
        const xc::DomId domain = info.domain;
        const Job act = [domain, pause = options_.pause](Host& host, const LifecycleLog& log) -> Status {
            const auto after = act_on_end(host, domain, Supervision::daemon, log, pause);
            return after ? Status() : Status(after.problem());
        };
        due.push_back({"end " + std::to_string(domain), host_->name_of(domain), act});
    }
    // Domains of ours that have nodes and are no more: whoever destroyed them did not get to the end.
    const auto known = store->directory("/libxl");
    if (!known && known.problem().code != ENOENT) return known.problem();
    for (const std::string& id : known ? *known : std::vector<std::string>()) {
        const auto domain = to_number<xc::DomId>(id);
        if (!domain || alive.count(id)) continue;
        if (!HOSPES_TRY(supervision_of(*host_, *domain))) continue;
        if (HOSPES_TRY(store->try_read(path::libxl(*domain) + "/creating"))) continue; // its mark decides
        const Job reap = [d = *domain](Host& host, const LifecycleLog& log) -> Status {
            xc::Control* const hypervisor = HOSPES_TRY(host.control());
            if (const auto now = hypervisor->info(d); now && !state_of(*now).dying) return {}; // a new one of this id
            log("Domain " + std::to_string(d) + " is gone; removing what it left");
            Status done = destroy_domain(host, d);
            return done || done.problem().code == ESRCH ? Status() : done;
        };
        // Its name may have gone already; then the story is the supervisor's own.
        const auto name = HOSPES_TRY(store->try_read(path::domain(*domain) + "/name"));
        due.push_back({"reap " + id, name.value_or("supervisor"), reap});
    }
    return {};
}

Status Daemon::add_leftovers(std::vector<Due>& due) {
    for (const UnfinishedCreation& creation : HOSPES_TRY(unfinished_creations(*host_))) {
        if (process_lives(creation.creator)) {
            wait_death(creation.creator);
            continue;
        }
        const Job job = [creation](Host& host, const LifecycleLog& log) {
            log("the process that was creating " +
                (creation.domain ? "domain " + std::to_string(*creation.domain) : std::string("a domain")) +
                " is dead; taking back what it did");
            return roll_back(host, creation);
        };
        due.push_back({"creation " + creation.tag, "supervisor", job});
    }
    for (const PendingRestart& restart : HOSPES_TRY(pending_restarts())) {
        if (process_lives(restart.owner)) {
            wait_death(restart.owner);
            continue;
        }
        const Job job = [restart](Host& host, const LifecycleLog& log) -> Status {
            const auto after = finish_restart(host, restart, Supervision::daemon, log);
            return after ? Status() : Status(after.problem());
        };
        due.push_back({"restart " + to_string(restart.config.c_info.uuid), restart.config.c_info.name, job});
    }
    return {};
}

Result<std::vector<Daemon::Due>> Daemon::what_is_due() {
    std::vector<Due> due;
    HOSPES_TRY(add_leftovers(due));
    HOSPES_TRY(add_ends(due));
    return due;
}

void Daemon::scan() {
    if (!link_.client()) return; // a scan follows when the store is back
    awaited_.clear();
    auto due = what_is_due();
    if (!due) {
        log::warn(due.problem().text());
        host_ = options_.make_host();
        return;
    }
    std::erase_if(deaths_, [this](const auto& death) { return !awaited_.count(death.first); });
    for (Due& one : *due)
        if (!workers_.count(one.key) && !failed_.count(one.key)) begin(std::move(one));
}

/// Looks again when a process that has something under way is gone.
void Daemon::wait_death(const std::string& identity) {
    awaited_.insert(identity);
    if (deaths_.count(identity)) return;
    const int fd = static_cast<int>(::syscall(SYS_pidfd_open, process_number(identity), 0));
    if (fd < 0) return; // gone this moment: the next event shows it
    auto& slot = deaths_[identity];
    slot = std::make_unique<asio::posix::stream_descriptor>(io_, fd);
    slot->async_wait(asio::posix::stream_descriptor::wait_read, [this, identity](const auto& e) {
        if (e) return;
        deaths_.erase(identity);
        scan();
    });
}

// --- doing it

Status Daemon::work(const Due& due, Host& host) {
    const std::string file = options_.log_dir + "/xl-" + daemon::file_name_of(due.domain) + ".log";
    const int fd = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    Status done = due.job(host, [fd](const std::string& line) { log::append_line(fd >= 0 ? fd : 2, line); });
    if (!done) log::append_line(fd >= 0 ? fd : 2, done.problem().text());
    if (fd >= 0) ::close(fd);
    return done;
}

void Daemon::begin(Due due) {
    if (!options_.fork_workers) {
        workers_[due.key] = 0;
        const auto host = options_.make_host();
        return finished(due.key, work(due, *host).ok());
    }
    const pid_t parent = ::getpid(), child = ::fork();
    if (child < 0) return log::warn("cannot start a worker for " + due.key);
    if (child > 0) {
        workers_[due.key] = child;
        return;
    }
    // A worker ends with its supervisor: the next one finds what it left and starts over.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    const auto host = options_.make_host();
    ::_exit(work(due, *host) ? 0 : 1);
}

void Daemon::wait_children() {
    children_.async_wait([this](const auto& e, int) {
        if (e) return;
        wait_children();
        reap_children();
    });
}

void Daemon::reap_children() {
    int status = 0;
    for (pid_t child; (child = ::waitpid(-1, &status, WNOHANG)) > 0;)
        for (const auto& [key, pid] : workers_)
            if (pid == child) {
                finished(std::string(key), WIFEXITED(status) && WEXITSTATUS(status) == 0);
                break;
            }
    scan(); // what a worker made may be due for something already
}

void Daemon::finished(const std::string& key, bool well) {
    workers_.erase(key);
    if (well) return;
    log::warn("could not " + key + "; see the log of the domain");
    failed_.insert(key);
    retry_.expires_after(std::chrono::seconds(options_.retry_seconds));
    retry_.async_wait([this](const auto& e) {
        if (e) return;
        failed_.clear();
        scan();
    });
}

} // namespace hospes::xl::supervisor
