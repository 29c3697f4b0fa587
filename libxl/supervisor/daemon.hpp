// SPDX-License-Identifier: MIT
// The supervisor: acts for domains that end, and removes what killed processes leave. It knows nothing that is not in
// the store, in the hypervisor or on disk, so it can be killed and started at any time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "libxl/daemon/store_link.hpp"
#include "libxl/domain/supervise.hpp"

namespace hospes::xl::supervisor {

struct Options {
    std::string socket = supervisor_socket(); ///< answers that somebody is there
    std::string store;                        ///< empty: as clients find it
    std::string log_dir = "/var/log/xen";     ///< xl-NAME.log for each domain, as the stock xl writes it
    std::string pid_file;
    bool foreground = false;
    unsigned retry_seconds = 30; ///< after something could not be done
    std::chrono::milliseconds pause = restart_pause;
    /// How the world is reached; tests bring their own.
    std::function<std::unique_ptr<Host>()> make_host = [] { return std::make_unique<Host>(); };
    /// Work is done by a child process each, so that a slow device keeps nobody else waiting. Tests do it at once.
    bool fork_workers = true;
};

class Daemon {
  public:
    Daemon(boost::asio::io_context& io, Options options);
    Status start();
    /// Looks at everything and does what is due.
    void scan();
    [[nodiscard]] std::size_t workers() const { return workers_.size(); }

  private:
    using Job = std::function<Status(Host&, const LifecycleLog&)>;
    struct Due {
        std::string key;    ///< the same work is not begun twice
        std::string domain; ///< whose log it belongs to
        Job job;
    };
    void accept();
    Status watch(xs::Client& store);
    void start_over();
    void wait_children();
    void reap_children();
    void wait_death(const std::string& identity);
    Result<std::vector<Due>> what_is_due();
    Status add_ends(std::vector<Due>& due);
    Status add_leftovers(std::vector<Due>& due);
    void begin(Due due);
    Status work(const Due& due, Host& host);
    void finished(const std::string& key, bool well);

    boost::asio::io_context& io_;
    Options options_;
    std::unique_ptr<Host> host_;
    daemon::StoreLink link_; ///< a connection for watches alone
    boost::asio::local::stream_protocol::acceptor acceptor_;
    boost::asio::signal_set children_;
    boost::asio::steady_timer retry_;    ///< jobs that failed
    std::map<std::string, int> workers_; ///< pid by key
    std::set<std::string> failed_;       ///< keys that wait for the timer
    std::map<std::string, std::unique_ptr<boost::asio::posix::stream_descriptor>> deaths_; ///< by identity
    std::set<std::string> awaited_; ///< those of them that the last scan had a use for
};

} // namespace hospes::xl::supervisor
