// SPDX-License-Identifier: MIT
// One domain's console: its ring, its history from the first byte, its log, a pseudo terminal for
// stock `xenconsole`, and whoever attached over the daemon's socket.
#pragma once

#include <boost/asio/io_context.hpp>

#include <array>
#include <memory>
#include <set>
#include <string>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "libxl/consoled/console_ring.hpp"
#include "libxl/consoled/history.hpp"
#include "libxl/consoled/log_file.hpp"
#include "xc/evtchn.hpp"
#include "xc/gnttab.hpp"
#include "xc/transport.hpp"

namespace hospes::xl::consoled {

/// The ring page, by grant or by foreign mapping; unmapped when destroyed.
struct RingMemory {
    xc::GrantedPage granted;
    xc::Mapping foreign;
    xencons_interface* page() const {
        return granted ? granted.as<xencons_interface>() : foreign.as<xencons_interface>();
    }
};

/// Somebody attached over the socket.
class Viewer : public std::enable_shared_from_this<Viewer> {
  public:
    using Socket = boost::asio::local::stream_protocol::socket;
    explicit Viewer(Socket its_socket) : socket(std::move(its_socket)) {}
    /// Queues bytes; a viewer that does not read loses the oldest.
    void send(std::string_view bytes);
    void finish(); ///< closes once everything is sent

    Socket socket;

  private:
    void pump();
    std::string pending_;
    bool writing_ = false;
    bool finishing_ = false;
};

class GuestConsole : public std::enable_shared_from_this<GuestConsole> {
  public:
    struct Limits {
        std::size_t history = std::size_t{256} << 10;
        std::size_t pty = std::size_t{1} << 20;
    };

    GuestConsole(boost::asio::io_context& io, xc::EventChannels& events, xc::DomId domid, std::string name,
                 Limits limits);

    /// An error if the pseudo terminal cannot be had.
    Status open_terminal();
    const std::string& terminal() const { return terminal_name_; }
    void set_log(std::unique_ptr<LogFile> log) { log_ = std::move(log); }
    LogFile* log() { return log_.get(); }

    void connect(RingMemory memory, std::uint32_t local_port);
    bool connected() const { return memory_.page() != nullptr; }
    std::uint32_t port() const { return port_; }
    void on_event(); ///< its event channel fired (and is masked)
    /// The domain is gone: takes the last words, lets the ring go, keeps the history.
    void bury();
    bool dead() const { return dead_; }

    void attach(std::shared_ptr<Viewer> viewer, bool since_boot);
    xc::DomId domid() const { return domid_; }
    const std::string& name() const { return name_; }
    const History& history() const { return history_; }

    std::uint64_t ring_ref = 0; ///< as the store has it
    std::uint32_t remote_port = 0;
    bool announced = false; ///< its terminal, in the store, by this daemon

  private:
    void said(std::string_view text);
    void typed(std::string_view text);
    void pump_input();
    void write_terminal();
    void read_terminal();
    void read_viewer(const std::shared_ptr<Viewer>& viewer);

    static constexpr unsigned allowance = 30;  ///< events per period
    static constexpr unsigned period_ms = 200; ///< then others get the processor
    static constexpr std::size_t input_limit = 4096;

    xc::EventChannels& events_;
    xc::DomId domid_;
    std::string name_;
    Limits limits_;
    History history_;
    std::unique_ptr<LogFile> log_;
    RingMemory memory_;
    std::uint32_t port_ = 0;
    bool dead_ = false;
    boost::asio::posix::stream_descriptor terminal_;
    boost::asio::posix::stream_descriptor terminal_peer_; ///< kept open: else reading would fail
    std::string terminal_name_;
    std::string terminal_pending_;
    bool terminal_writing_ = false;
    bool terminal_reading_ = false;
    std::array<char, 512> typed_buffer_;
    std::string input_;
    boost::asio::steady_timer throttle_;
    bool throttled_ = false;
    unsigned events_in_period_ = 0;
    std::uint64_t period_start_ = 0;
    std::set<std::shared_ptr<Viewer>> viewers_;
};

} // namespace hospes::xl::consoled
