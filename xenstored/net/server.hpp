// SPDX-License-Identifier: MIT
// The daemon's heart: turns readiness of sockets and event channels into engine calls, in turns, so
// that no client starves another, and sends what comes out.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <unordered_map>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "engine/engine.hpp"
#include "net/session.hpp"
#include "net/slots.hpp"
#include "net/uring.hpp"
#include "net/xen_gate.hpp"
#include "state/engine_state.hpp"
#include "state/state_file.hpp"

struct epoll_event;

namespace hospes::xs {

class SocketSession;
class DomainSession;

struct ServerOptions {
    std::string socket_path = "/run/xenstored/socket";
    std::string state_dir;  ///< empty: a crash loses everything
    bool own_domain = true; ///< connect the control domain's kernel
    bool io_uring = true;   ///< where the kernel has it
    bool linger = false;    ///< wait for clients without Asio while nothing else is to be done
};

class Server final : public Host, private state::TransportLoader {
  public:
    Server(boost::asio::io_context& io, ServerOptions options, std::unique_ptr<XenGate> gate);
    ~Server() override;

    Engine& engine() { return engine_; }
    /// Takes up what an earlier process left, opens the socket, connects the control domain. False
    /// with the reason logged.
    bool start();
    /// The same after a live update: everything comes from the stream.
    bool resume(std::string_view stream);
    /// Whether resume() could read the stream; this process must not go on as a daemon afterwards.
    bool readable(std::string_view stream) { return state::load(engine_, stream, this); }
    /// All state as a stream for the next program, whose descriptors (listed in `keep`) stay open.
    std::string save(std::vector<int>& keep);

    // --- Host
    int introduce(Domid domid, std::uint64_t gfn, std::uint32_t port) override;
    void release(Domid domid) override;
    ControlReply control(Connection& conn, const Header& header, const std::vector<std::string_view>& words) override;
    std::string control_help() const override;
    void warn(const std::string& text) override;

    /// Extra CONTROL commands (live-update), set by the daemon.
    std::function<ControlReply(const std::vector<std::string_view>&)> on_live_update;

    /// What else Asio waits for in this process: a descriptor that, when readable, must not wait for clients to be
    /// idle.
    void also_wait_for(int fd) { others_.push_back({fd, false}); }
    /// To be done from the event loop, soon.
    void post(std::function<void()> task);

    // --- for the sessions
    boost::asio::io_context& io() { return io_; }
    XenGate& gate() { return *gate_; }
    bool has_gate() const { return gate_ != nullptr; }
    void dispatch(Session& session);
    void enqueue(Session& session); ///< the same, but at the next drain()
    Uring* uring() { return uring_.is_open() ? &uring_ : nullptr; }
    /// epoll_ctl(2) on the set of all clients' sockets.
    bool poll_set(int operation, SocketSession& session, std::uint32_t events);
    void close(SocketSession& session);
    std::uint64_t journal_position() const { return state_ ? state_->next_position() : 0; }
    void commit();
    void check_domains();
    void trace(const Connection& conn, const Header& header, std::string_view payload) const;

    struct PendingControl {
        std::uint32_t connection = 0;
        Header header{};
    };
    PendingControl pending_control; ///< the request that asked for the live update at hand
    void answer_pending(const ControlReply& reply);

  private:
    friend class DomainSession;
    bool load(state::Record type, state::Reader& in) override;
    bool load_socket(state::Reader& in);
    bool listen();
    bool open_state();
    void accept();
    void pause_accept(int error);
    bool open_sockets();
    void wait_sockets();
    void on_sockets();
    // with io_uring
    void reap();
    void submit();
    bool linger();
    void quiesce();
    // without
    void poll_sockets();
    void serve(std::span<epoll_event> events);
    void wait_events();
    void on_events();
    void connect_own_domain();
    bool attach(Domid domid, bool crashed);
    /// After a crash: open transactions are lost, and what a watch would have told may be, too.
    void recall(Connection& conn);
    int link(Domid domid, std::unique_ptr<RingPage> page, std::uint32_t local_port, bool resumed);
    void drain();
    void flush_dirty();
    void arm_guard_timer();
    void requeue_deferred();
    void post_drain();
    void settle();
    void bury();
    void rewrite_some();

    boost::asio::io_context& io_;
    ServerOptions options_;
    std::unique_ptr<XenGate> gate_;
    Slots slots_;
    std::unique_ptr<state::StateFile> state_;
    Engine engine_;
    boost::asio::local::stream_protocol::acceptor acceptor_;
    boost::asio::steady_timer accept_timer_;
    bool accept_paused_ = false; ///< no descriptor is left for another client
    bool full_ = false;          ///< and that has been said
    Uring uring_;
    /// The ring, or an epoll set of all clients' sockets. Asio would ask for each apart, and receive from each once
    /// more, in vain; so it waits for this one, and what is ready behind it is done together.
    boost::asio::posix::stream_descriptor poll_;
    struct Other {
        int fd;
        bool asked; ///< the ring tells when it is readable
    };
    std::vector<Other> others_;
    bool other_ready_ = false;
    bool asio_waits_ = false; ///< for poll_
    bool serving_ = false;    ///< on_sockets() is about to enter the ring
    unsigned sends_ = 0;      ///< added to the ring since it was last entered
    unsigned posted_ = 0;     ///< tasks that Asio has not run yet
    boost::asio::posix::stream_descriptor events_;
    boost::asio::steady_timer guard_timer_;
    std::uint32_t exception_port_ = 0;
    std::set<std::shared_ptr<SocketSession>> sockets_;
    std::vector<std::shared_ptr<SocketSession>> dead_;
    std::map<Domid, std::unique_ptr<DomainSession>> rings_;
    std::unordered_map<std::uint32_t, DomainSession*> by_port_;
    std::map<Domid, std::uint32_t> inherited_ports_;
    std::deque<Session*> queue_;
    std::vector<Session*> deferred_;
    std::uint64_t committed_ = 0; ///< where the journal of the crashed process ended
    bool draining_ = false;
    bool drain_posted_ = false;
};

} // namespace hospes::xs
