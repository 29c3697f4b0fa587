// SPDX-License-Identifier: MIT
#include "test_store.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <list>
#include <stdexcept>

#include "engine/engine.hpp"

namespace hospes::xs::test {
namespace {

struct Peer {
    int fd = -1;
    Connection* conn = nullptr;
    std::string input;
    bool waiting = false; ///< its first request was deferred
};

struct Gate final : Host {
    std::set<unsigned> introduced;
    int introduce(Domid domain, std::uint64_t, std::uint32_t) override {
        introduced.insert(domain);
        return 0;
    }
    void release(Domid domain) override { introduced.erase(domain); }
    void warn(const std::string&) override {}
    ControlReply control(Connection&, const Header&, const std::vector<std::string_view>&) override { return {EINVAL}; }
};

} // namespace

struct TestStore::Impl {
    mutable std::mutex mutex;
    Gate gate;
    Engine engine{gate};
    Connection& inside = engine.connect_socket();
    std::list<Peer> peers;
    int listener = -1, wake[2] = {-1, -1};
    std::atomic<bool> stop{false};
    std::thread thread;
    std::uint64_t now = 1;
    unsigned requests = 0, fail_at = 0;
    bool fail_on = false; ///< and all that follow
    Fault fault = Fault::refuse;
    std::map<std::string, Backend> backends;

    /// A request of our own; the payload of the answer, or nothing when it was an error.
    std::string ask(std::uint32_t type, const std::string& payload) {
        const Header header{type, 1, 0, static_cast<std::uint32_t>(payload.size())};
        engine.handle(inside, header, payload);
        std::string answer;
        std::set<std::string> states;
        while (!inside.out.empty()) {
            const std::string_view bytes = inside.out.bytes();
            const Header got = read_header(bytes.data());
            const std::string text(bytes.substr(sizeof got, got.len));
            inside.out.consume(sizeof got + got.len);
            if (got.type == XS_WATCH_EVENT)
                states.insert(text.substr(0, text.find('\0')));
            else if (got.type == type)
                answer = text;
        }
        for (const std::string& path : states)
            play_backend(path);
        return answer;
    }
    std::string read(const std::string& path) { return ask(XS_READ, path + '\0'); }
    void write(const std::string& path, const std::string& value) { ask(XS_WRITE, path + '\0' + value); }

    /// What the kernel of the backend's domain does when a device's node changes.
    void play_backend(const std::string& path) {
        const auto at = path.find("/backend/");
        if (at == std::string::npos || !path.starts_with("/local/domain/") || !path.ends_with("/state")) return;
        const std::string home = path.substr(0, at), rest = path.substr(at + 9);
        const std::string kind = rest.substr(0, rest.find('/')), device = path.substr(0, path.size() - 6);
        const Backend how = backends.count(kind) ? backends[kind] : Backend::works;
        const std::string state = read(path);
        if (how == Backend::silent || state.empty()) return;
        if (state == "1" && how == Backend::refuses) {
            write(home + "/error" + device.substr(home.size()) + "/error", "5 no room");
            write(path, "5");
        } else if (state == "1") {
            write(path, "2");
        } else if (state == "5" && how == Backend::works) {
            write(path, "6");
        }
    }
    /// Takes the events that others' requests made for us.
    void drain_inside() {
        std::set<std::string> states;
        while (!inside.out.empty()) {
            const std::string_view bytes = inside.out.bytes();
            const Header got = read_header(bytes.data());
            if (got.type == XS_WATCH_EVENT) {
                const std::string text(bytes.substr(sizeof got, got.len));
                states.insert(text.substr(0, text.find('\0')));
            }
            inside.out.consume(sizeof got + got.len);
        }
        for (const std::string& path : states)
            play_backend(path);
    }

    void drop(Peer& peer) {
        engine.disconnect(*peer.conn);
        ::close(peer.fd);
        peer.fd = -1;
    }
    /// False: this peer is gone.
    bool serve(Peer& peer) {
        char chunk[16384];
        const ssize_t got = ::recv(peer.fd, chunk, sizeof chunk, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN)) return false;
        if (got > 0) peer.input.append(chunk, static_cast<std::size_t>(got));
        while (peer.input.size() >= sizeof(Header)) {
            const Header header = read_header(peer.input.data());
            if (peer.input.size() < sizeof header + header.len) break;
            const std::string payload = peer.input.substr(sizeof header, header.len);
            if (!peer.waiting) ++requests;
            peer.waiting = false;
            if (requests == fail_at && fault == Fault::disconnect) return false;
            if (requests == fail_at || (fail_on && requests > fail_at)) {
                peer.conn->out.message(XS_ERROR, header.req_id, header.tx_id, std::string_view("EIO", 4));
            } else if (engine.handle(*peer.conn, header, payload) == Outcome::Deferred) {
                peer.waiting = true; // it has to give way to another client for a while
                break;
            }
            peer.input.erase(0, sizeof header + header.len);
            drain_inside();
        }
        return true;
    }
    void flush() {
        for (Peer& peer : peers)
            while (peer.fd >= 0 && !peer.conn->out.empty()) {
                const std::string_view bytes = peer.conn->out.bytes();
                const ssize_t sent = ::send(peer.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
                if (sent <= 0) break;
                peer.conn->out.consume(static_cast<std::size_t>(sent));
            }
        engine.dirty().clear();
    }
    void run() {
        while (!stop) {
            std::vector<pollfd> waiting = {{listener, POLLIN, 0}, {wake[0], POLLIN, 0}};
            bool deferred = false;
            for (const Peer& peer : peers) {
                waiting.push_back({peer.fd, POLLIN, 0});
                deferred = deferred || peer.waiting;
            }
            ::poll(waiting.data(), waiting.size(), deferred ? 1 : -1);
            const std::lock_guard lock(mutex);
            if (deferred) engine.set_now(now += 1000); // nobody waits for the real clock here
            static_cast<void>(engine.resumable());
            std::size_t index = 2;
            for (auto peer = peers.begin(); peer != peers.end();) {
                const bool alive = (!waiting[index++].revents && !peer->waiting) || serve(*peer);
                if (!alive) drop(*peer);
                peer = alive ? std::next(peer) : peers.erase(peer);
            }
            if (waiting[0].revents) {
                const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
                if (fd >= 0) peers.push_back({fd, &engine.connect_socket(), {}});
            }
            char byte;
            if (waiting[1].revents) [[maybe_unused]]
                const ssize_t got = ::read(wake[0], &byte, 1);
            flush();
        }
    }
    void collect(const std::string& path, std::map<std::string, std::string>& out) {
        if (path != "/") out[path] = read(path);
        std::string names = ask(XS_DIRECTORY, path + '\0');
        while (!names.empty()) {
            const auto end = names.find('\0');
            collect((path == "/" ? "" : path) + "/" + names.substr(0, end), out);
            names.erase(0, end == std::string::npos ? names.size() : end + 1);
        }
    }
    /// Runs something in between requests and lets everybody hear of it.
    template <typename F> auto within(F&& action) {
        const std::lock_guard lock(mutex);
        struct Notify {
            Impl& impl;
            ~Notify() {
                impl.drain_inside();
                impl.flush();
            }
        } notify{*this};
        return action();
    }
};

TestStore::TestStore() : impl_(std::make_unique<Impl>()) {
    std::string name = (std::filesystem::temp_directory_path() / "hospes-store-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("no folder for the store");
    folder_ = name;
    impl_->ask(XS_WATCH, std::string("/local/domain\0backends\0", 23));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string socket = (folder_ / "socket").string();
    std::memcpy(address.sun_path, socket.c_str(), socket.size() + 1);
    impl_->listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::bind(impl_->listener, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0 ||
        ::listen(impl_->listener, 16) < 0 || ::pipe2(impl_->wake, O_CLOEXEC) < 0)
        throw std::runtime_error("no socket for the store");
    ::setenv("XENSTORED_PATH", socket.c_str(), 1);
    ::setenv("HOSPES_STATE_DIR", folder_.c_str(), 1);
    impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

TestStore::~TestStore() {
    impl_->stop = true;
    [[maybe_unused]] const ssize_t sent = ::write(impl_->wake[1], "", 1);
    impl_->thread.join();
    for (Peer& peer : impl_->peers)
        ::close(peer.fd);
    for (const int fd : {impl_->listener, impl_->wake[0], impl_->wake[1]})
        ::close(fd);
    std::filesystem::remove_all(folder_);
    ::unsetenv("XENSTORED_PATH");
    ::unsetenv("HOSPES_STATE_DIR");
}

void TestStore::fail_request(unsigned n, Fault fault) {
    const std::lock_guard lock(impl_->mutex);
    impl_->fail_at = impl_->requests + n;
    impl_->fault = fault;
}
void TestStore::fail_after(unsigned n) {
    fail_request(n, Fault::refuse);
    const std::lock_guard lock(impl_->mutex);
    impl_->fail_on = n != 0;
    if (!n) impl_->fail_at = 0;
}
bool TestStore::failed() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->fail_at != 0 && impl_->requests >= impl_->fail_at;
}
void TestStore::drop_clients() {
    const std::lock_guard lock(impl_->mutex);
    for (const Peer& peer : impl_->peers)
        ::shutdown(peer.fd, SHUT_RDWR);
}
void TestStore::set_backend(const std::string& kind, Backend how) {
    const std::lock_guard lock(impl_->mutex);
    impl_->backends[kind] = how;
}
void TestStore::write(const std::string& path, const std::string& value) {
    impl_->within([&] { impl_->write(path, value); });
}
void TestStore::remove(const std::string& path) {
    impl_->within([&] { impl_->ask(XS_RM, path + '\0'); });
}
std::string TestStore::read(const std::string& path) const {
    return impl_->within([&] { return impl_->read(path); });
}
std::string TestStore::permissions(const std::string& path) const {
    std::string text = impl_->within([&] { return impl_->ask(XS_GET_PERMS, path + '\0'); });
    if (!text.empty()) text.pop_back();
    for (char& c : text)
        if (c == '\0') c = ',';
    return text;
}
std::map<std::string, std::string> TestStore::tree(const std::string& path) const {
    std::map<std::string, std::string> out;
    impl_->within([&] { impl_->collect(path, out); });
    return out;
}
std::set<unsigned> TestStore::introduced() const {
    return impl_->within([&] { return impl_->gate.introduced; });
}

} // namespace hospes::xs::test
