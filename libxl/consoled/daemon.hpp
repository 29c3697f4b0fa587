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
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>

#include "client/client.hpp"
#include "libxl/consoled/guest_console.hpp"
#include "xc/control.hpp"

namespace hospes::xl::consoled {

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
};

class Daemon {
  public:
    Daemon(boost::asio::io_context& io, Options options)
        : io_(io), options_(std::move(options)), store_fd_(io), event_fd_(io), acceptor_(io), hangup_(io) {}
    ~Daemon();
    Status start();

  private:
    Status open_devices();
    Status listen();
    void wait_store();
    void wait_events();
    void wait_hangup();
    void accept();
    void serve(const std::shared_ptr<Viewer>& viewer, const std::string& line);
    void read_line(const std::shared_ptr<Viewer>& viewer, std::shared_ptr<std::string> line);
    void on_watch(const xs::WatchEvent& event);
    void scan(); ///< compares our domains with the hypervisor's
    void adopt(xc::DomId domid);
    void connect(GuestConsole& console);
    void bury(xc::DomId domid);
    void log_hypervisor();
    GuestConsole* find(xc::DomId domid);

    boost::asio::io_context& io_;
    Options options_;
    std::unique_ptr<xc::Transport> transport_;
    std::optional<xc::Control> control_;
    std::optional<xc::EventChannels> events_;
    std::optional<xc::GrantDevice> grants_;
    std::optional<xs::Client> store_;
    boost::asio::posix::stream_descriptor store_fd_;
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
