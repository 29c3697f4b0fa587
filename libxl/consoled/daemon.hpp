// SPDX-License-Identifier: MIT
// The console daemon: finds domains through the store, keeps a GuestConsole for each, serves viewers.
//
// Its socket speaks one line and then raw bytes:
//   "attach DOMID [since-boot]\n"  -> "ok NAME\n", then the console both ways
//   "history DOMID\n"              -> "ok NAME\n", then what is kept, also of a dead domain; end
//   "list\n"                       -> "ok\n", then "DOMID live|dead BYTES NAME\n" each; end
// or "error TEXT\n".
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>

#include "libxl/consoled/guest_console.hpp"
#include "libxl/daemon/store_link.hpp"
#include "xc/control.hpp"

namespace hospes::xl::consoled {

/// What the daemon is given of the host.
struct Devices {
    std::unique_ptr<xc::Transport> transport;
    xc::EventChannels events;
    std::optional<xc::GrantDevice> grants; ///< rings are mapped as foreign memory without it
    static Result<Devices> of_this_host();
};

struct Options {
    bool log_guests = false;
    bool log_hypervisor = false;
    std::string log_dir = "/var/log/xen/console";
    LogPolicy guest_log;
    LogPolicy hypervisor_log;
    std::string socket = "/run/xen/consoled.sock";
    std::string store; ///< empty: as clients find it
    std::string pid_file;
    bool foreground = false;
    GuestConsole::Limits limits;
    std::size_t keep_dead = 32; ///< consoles of dead domains that stay readable
    /// Tests bring their own.
    std::function<Result<Devices>()> open_devices = &Devices::of_this_host;
};

class Daemon {
  public:
    Daemon(boost::asio::io_context& io, Options options);
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    Status start();

  private:
    Status watch(xs::Client& store);
    void wait_events();
    void wait_hangup();
    void accept();
    void serve(const std::shared_ptr<Viewer>& viewer, const std::string& line);
    void read_line(const std::shared_ptr<Viewer>& viewer, std::shared_ptr<std::string> line);
    void on_watch(const xs::WatchEvent& event);
    void scan(); ///< compares our domains with the hypervisor's
    void adopt(xc::DomId domid);
    void connect(GuestConsole& console);
    bool map(GuestConsole& console, std::uint64_t frame, std::uint32_t remote_port);
    void bury(xc::DomId domid);
    void log_hypervisor();
    GuestConsole* find(xc::DomId domid);
    xc::EventChannels& events() { return devices_->events; }

    boost::asio::io_context& io_;
    Options options_;
    std::optional<Devices> devices_;
    std::optional<xc::Control> control_;
    daemon::StoreLink link_;
    boost::asio::posix::stream_descriptor event_fd_;
    boost::asio::local::stream_protocol::acceptor acceptor_;
    boost::asio::signal_set hangup_;
    std::map<xc::DomId, std::shared_ptr<GuestConsole>> live_;
    std::deque<std::shared_ptr<GuestConsole>> dead_;
    std::unique_ptr<LogFile> hypervisor_log_;
    std::uint32_t hypervisor_port_ = 0;
    std::uint32_t hypervisor_index_ = 0;
};

} // namespace hospes::xl::consoled
