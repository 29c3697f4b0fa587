// SPDX-License-Identifier: MIT
// A whole daemon in the test's own process: real sockets and state files, a fake hypervisor.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>

#include "fake_gate.hpp"
#include "net/server.hpp"

namespace hospes::xs::test {

using namespace std::string_literals;

struct Message {
    std::uint32_t type = 0, id = 0, tx = 0;
    std::string payload;
    bool operator==(const Message&) const = default;
};

inline std::string encode(const Message& m) {
    const Header h{m.type, m.id, m.tx, static_cast<std::uint32_t>(m.payload.size())};
    return std::string(reinterpret_cast<const char*>(&h), sizeof h) + m.payload;
}

/// Takes the first whole message out of `bytes`.
inline std::optional<Message> decode(std::string& bytes) {
    if (bytes.size() < sizeof(Header)) return std::nullopt;
    const Header h = read_header(bytes.data());
    if (bytes.size() < sizeof h + h.len) return std::nullopt;
    Message m{h.type, h.req_id, h.tx_id, bytes.substr(sizeof h, h.len)};
    bytes.erase(0, sizeof h + h.len);
    return m;
}

struct World {
    std::filesystem::path dir;
    FakeMachine machine;
    std::unique_ptr<boost::asio::io_context> io;
    std::unique_ptr<Server> server;

    World() {
        std::string name = (std::filesystem::temp_directory_path() / "xs-world-XXXXXX").string();
        dir = ::mkdtemp(name.data());
        machine.add(0);
    }
    ~World() {
        server.reset();
        std::filesystem::remove_all(dir);
    }
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    std::string socket_path() const { return (dir / "socket").string(); }

    bool io_uring = true;
    bool linger = false;

    void make() {
        io = std::make_unique<boost::asio::io_context>(1);
        ServerOptions options;
        options.socket_path = socket_path();
        options.state_dir = (dir / "state").string();
        options.io_uring = io_uring;
        options.linger = linger;
        server = std::make_unique<Server>(*io, options, std::make_unique<FakeGate>(machine));
    }
    void start() {
        make();
        if (!server->start()) throw std::runtime_error("the daemon did not start");
        if (!linger) turn();
    }
    /// kill -9: nothing is written any more, only what is in files and pages stays.
    void crash() {
        server.reset();
        io.reset();
    }
    /// What exec() does to the process: descriptors and the stream stay, memory does not.
    void live_update() {
        std::vector<int> keep;
        const std::string stream = server->save(keep);
        std::vector<int> copies;
        for (const int fd : keep)
            copies.push_back(::fcntl(fd, F_DUPFD_CLOEXEC, 200));
        crash();
        for (std::size_t i = 0; i < keep.size(); ++i) {
            ::dup2(copies[i], keep[i]);
            ::close(copies[i]);
        }
        make();
        if (!server->resume(stream)) throw std::runtime_error("the daemon did not take over");
        turn();
    }
    /// Lets the daemon work until it has nothing left to do.
    void turn() {
        do
            io->restart();
        while (io->poll() != 0);
    }

    /// One request of a domain over its ring, answered; events before the answer are kept.
    Message ask(Domid domid, const Message& request, std::vector<Message>* events = nullptr) {
        FakeDomain& d = *machine.domains.at(domid);
        d.send(encode(request));
        for (int tries = 0; tries < 100; ++tries) {
            kick(domid);
            while (auto m = decode(d.received)) {
                if (m->type != XS_WATCH_EVENT) return *m;
                if (events) events->push_back(*m);
            }
        }
        throw std::runtime_error("no answer on the ring");
    }
    /// The domain's event channel fires, the daemon works, the domain reads.
    void kick(Domid domid) {
        FakeDomain& d = *machine.domains.at(domid);
        machine.raise(d.port);
        turn();
        d.receive();
    }
    std::vector<Message> taken(Domid domid) {
        kick(domid);
        std::vector<Message> all;
        while (auto m = decode(machine.domains.at(domid)->received))
            all.push_back(*m);
        return all;
    }
};

/// A client on the unix socket; the daemon runs while it waits.
class Caller {
  public:
    explicit Caller(World& world) : world_(&world), fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un a{};
        a.sun_family = AF_UNIX;
        std::strncpy(a.sun_path, world.socket_path().c_str(), sizeof a.sun_path - 1);
        if (::connect(fd_, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0) throw std::runtime_error("connect");
    }
    Caller(Caller&& other) noexcept : world_(other.world_), fd_(std::exchange(other.fd_, -1)) {}
    ~Caller() {
        if (fd_ >= 0) ::close(fd_);
    }

    void send(std::string_view bytes) {
        if (::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
            throw std::runtime_error("send");
    }
    /// The next message, or nothing if the daemon has none (or has closed the connection).
    std::optional<Message> next() {
        for (;;) {
            if (auto m = decode(in_)) return m;
            world_->turn();
            char chunk[8192];
            const ssize_t n = ::recv(fd_, chunk, sizeof chunk, MSG_DONTWAIT);
            if (n <= 0) {
                closed = n == 0;
                return std::nullopt;
            }
            in_.append(chunk, static_cast<std::size_t>(n));
        }
    }
    /// The answer's payload, or the error's name; "" and closed if there is none.
    std::string call(std::uint32_t type, const std::string& payload, std::uint32_t tx = 0) {
        send(encode({type, ++id_, tx, payload}));
        while (auto m = next()) {
            if (m->type == XS_WATCH_EVENT) {
                events.push_back(*m);
                continue;
            }
            if (m->id != id_) throw std::runtime_error("an answer to another request");
            if (m->type == XS_ERROR) m->payload.pop_back();
            return m->payload;
        }
        return "no answer";
    }
    std::string write(const std::string& path, const std::string& value, std::uint32_t tx = 0) {
        return call(XS_WRITE, path + '\0' + value, tx);
    }
    std::string read(const std::string& path, std::uint32_t tx = 0) { return call(XS_READ, path + '\0', tx); }
    std::string introduce(Domid id) { return call(XS_INTRODUCE, std::to_string(id) + "\0"s + "100\0"s + "7\0"s); }
    std::uint32_t begin() { return static_cast<std::uint32_t>(std::stoul(call(XS_TRANSACTION_START, "\0"s))); }
    std::string commit(std::uint32_t tx) { return call(XS_TRANSACTION_END, "T\0"s, tx); }

    std::vector<Message> events;
    bool closed = false;

  private:
    World* world_;
    int fd_;
    std::uint32_t id_ = 0;
    std::string in_;
};

} // namespace hospes::xs::test
