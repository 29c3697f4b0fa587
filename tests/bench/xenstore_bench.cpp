// SPDX-License-Identifier: MIT
// Load for any xenstored on a unix socket: how many requests a second it serves, how long one
// takes, and how much processor time each costs the daemon. One line of JSON per measurement.
//   xenstore_bench SOCKET DAEMON-PID [--seconds S] [--clients N] [--depth N] [--nodes N] [--watches
//   N]
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

namespace {

using namespace std::string_literals;
using Clock = std::chrono::steady_clock;

struct Settings {
    std::string socket;
    int pid = 0;
    double seconds = 1;
    int clients = 32;
    int depth = 16;
    int nodes = 0;
    int watches = 0;
};

class Client {
  public:
    explicit Client(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
        sockaddr_un a{};
        a.sun_family = AF_UNIX;
        std::strncpy(a.sun_path, path.c_str(), sizeof a.sun_path - 1);
        if (::connect(fd_, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0)
            throw std::runtime_error("cannot connect to " + path + ": " + std::strerror(errno));
    }
    Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    ~Client() {
        if (fd_ >= 0) ::close(fd_);
    }

    void queue(std::uint32_t type, const std::string& payload, std::uint32_t tx = 0) {
        const xsd_sockmsg h{type, 1, tx, static_cast<std::uint32_t>(payload.size())};
        out_.append(reinterpret_cast<const char*>(&h), sizeof h);
        out_ += payload;
    }
    void send() {
        for (std::size_t at = 0; at < out_.size();) {
            const ssize_t n = ::send(fd_, out_.data() + at, out_.size() - at, MSG_NOSIGNAL);
            if (n <= 0) throw std::runtime_error("the daemon closed the connection");
            at += static_cast<std::size_t>(n);
        }
        out_.clear();
    }
    /// The next message; events are counted, not returned, unless asked for.
    std::string receive(bool want_event = false) {
        for (;;) {
            need(sizeof(xsd_sockmsg));
            xsd_sockmsg h;
            std::memcpy(&h, in_.data() + at_, sizeof h);
            need(sizeof h + h.len);
            std::string payload = in_.substr(at_ + sizeof h, h.len);
            at_ += sizeof h + h.len;
            if (h.type == XS_ERROR && payload != "EEXIST\0"s) throw std::runtime_error("request failed: " + payload);
            if ((h.type == XS_WATCH_EVENT) == want_event) return payload;
        }
    }
    std::string call(std::uint32_t type, const std::string& payload, std::uint32_t tx = 0) {
        queue(type, payload, tx);
        send();
        return receive();
    }

  private:
    void need(std::size_t bytes) {
        while (in_.size() - at_ < bytes) {
            if (at_ > 0) {
                in_.erase(0, at_);
                at_ = 0;
            }
            char chunk[65536];
            const ssize_t n = ::recv(fd_, chunk, sizeof chunk, 0);
            if (n <= 0) throw std::runtime_error("the daemon closed the connection");
            in_.append(chunk, static_cast<std::size_t>(n));
        }
    }
    int fd_;
    std::string out_, in_;
    std::size_t at_ = 0;
};

/// Processor time of a process in nanoseconds; exact where the kernel keeps schedstat.
std::uint64_t cpu_ns(int pid) {
    const std::string dir = "/proc/" + std::to_string(pid);
    std::uint64_t ns = 0;
    if (std::ifstream(dir + "/schedstat") >> ns && ns != 0) return ns;
    std::ifstream in(dir + "/stat");
    std::string text((std::istreambuf_iterator<char>(in)), {});
    unsigned long user = 0;
    unsigned long system = 0;
    const std::size_t after_name = text.rfind(')');
    if (after_name == std::string::npos ||
        std::sscanf(text.c_str() + after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                    &system) != 2)
        throw std::runtime_error("no process " + std::to_string(pid));
    return (user + system) * (1'000'000'000ULL / static_cast<unsigned long>(::sysconf(_SC_CLK_TCK)));
}

void measure(const Settings& s, const char* what, const char* how, const std::function<std::uint64_t()>& round) {
    round(); // warm up
    const std::uint64_t cpu = cpu_ns(s.pid);
    const auto start = Clock::now();
    std::uint64_t requests = 0;
    double elapsed = 0;
    do {
        requests += round();
        elapsed = std::chrono::duration<double>(Clock::now() - start).count();
    } while (elapsed < s.seconds);
    const double used = static_cast<double>(cpu_ns(s.pid) - cpu);
    std::printf("{\"op\":\"%s\",\"mode\":\"%s\",\"nodes\":%d,\"watches\":%d,\"requests\":%llu,"
                "\"per_second\":%.0f,\"wall_us\":%.3f,\"daemon_cpu_us\":%.3f}\n",
                what, how, s.nodes, s.watches, static_cast<unsigned long long>(requests),
                static_cast<double>(requests) / elapsed, elapsed * 1e6 / static_cast<double>(requests),
                used / 1e3 / static_cast<double>(requests));
    std::fflush(stdout);
}

const std::string base = "/bench";

std::string node(int client) { return base + "/c" + std::to_string(client) + "/node"; }

void fill(Client& c, const Settings& s) {
    for (int i = 0; i < s.nodes; ++i) {
        c.queue(XS_WRITE, base + "/fill/" + std::to_string(i / 1000) + "/" + std::to_string(i % 1000) + '\0' + "value");
        if (i % 64 != 63 && i + 1 != s.nodes) continue;
        c.send();
        for (int k = 0; k <= i % 64; ++k)
            c.receive();
    }
    for (int i = 0; i < s.watches; ++i)
        c.call(XS_WATCH, base + "/watched/" + std::to_string(i) + "\0tok\0"s);
}

void sequential(Client& c, const Settings& s) {
    const std::string value = "/local/domain/0/backend/vbd/1/51712";
    c.call(XS_WRITE, node(0) + '\0' + value);
    for (int i = 0; i < 20; ++i)
        c.call(XS_WRITE, base + "/dir/entry" + std::to_string(i) + '\0');
    measure(s, "read", "sequential", [&] { return c.call(XS_READ, node(0) + '\0'), 1; });
    measure(s, "write", "sequential", [&] { return c.call(XS_WRITE, node(0) + '\0' + value), 1; });
    measure(s, "directory", "sequential", [&] { return c.call(XS_DIRECTORY, base + "/dir\0"s), 1; });
    measure(s, "transaction", "sequential", [&] {
        const auto tx =
            static_cast<std::uint32_t>(std::strtoul(c.call(XS_TRANSACTION_START, "\0"s).c_str(), nullptr, 10));
        for (int i = 0; i < 10; ++i)
            c.call(XS_WRITE, base + "/tx/" + std::to_string(i) + '\0' + value, tx);
        c.call(XS_TRANSACTION_END, "T\0"s, tx);
        return 12;
    });
    Client watcher(s.socket);
    watcher.call(XS_WATCH, base + "/fire\0tok\0"s);
    watcher.receive(true);
    measure(s, "watch", "sequential", [&] {
        c.call(XS_WRITE, base + "/fire" + '\0' + value);
        watcher.receive(true);
        return 1;
    });
}

void pipelined(std::vector<Client>& clients, const Settings& s) {
    const std::string value = "/local/domain/0/backend/vbd/1/51712";
    const auto all = [&](const std::function<void(Client&, int, int)>& one) {
        return [&, one] {
            for (std::size_t i = 0; i < clients.size(); ++i) {
                for (int k = 0; k < s.depth; ++k)
                    one(clients[i], static_cast<int>(i), k);
                clients[i].send();
            }
            for (Client& c : clients)
                for (int k = 0; k < s.depth; ++k)
                    c.receive();
            return clients.size() * static_cast<std::size_t>(s.depth);
        };
    };
    measure(s, "write", "pipelined", all([&](Client& c, int i, int) { c.queue(XS_WRITE, node(i) + '\0' + value); }));
    measure(s, "read", "pipelined", all([&](Client& c, int i, int) { c.queue(XS_READ, node(i) + '\0'); }));
    measure(s, "directory", "pipelined", all([&](Client& c, int, int) { c.queue(XS_DIRECTORY, base + "/dir\0"s); }));
    measure(s, "transaction", "pipelined", [&] {
        std::vector<std::uint32_t> tx;
        for (Client& c : clients) {
            c.queue(XS_TRANSACTION_START, "\0"s);
            c.send();
        }
        for (Client& c : clients)
            tx.push_back(static_cast<std::uint32_t>(std::strtoul(c.receive().c_str(), nullptr, 10)));
        for (std::size_t i = 0; i < clients.size(); ++i) {
            for (int k = 0; k < 10; ++k)
                clients[i].queue(XS_WRITE, node(static_cast<int>(i)) + std::to_string(k) + '\0' + value, tx[i]);
            clients[i].queue(XS_TRANSACTION_END, "F\0"s, tx[i]);
            clients[i].send();
        }
        for (Client& c : clients)
            for (int k = 0; k < 11; ++k)
                c.receive();
        return clients.size() * 12;
    });
}

int run(const Settings& s) {
    std::vector<Client> clients;
    for (int i = 0; i < s.clients; ++i)
        clients.emplace_back(s.socket);
    fill(clients[0], s);
    sequential(clients[0], s);
    pipelined(clients, s);
    clients[0].call(XS_RM, base + '\0');
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    Settings s;
    if (argc < 3) {
        std::fprintf(stderr,
                     "usage: %s SOCKET DAEMON-PID [--seconds S] [--clients N] [--depth N] "
                     "[--nodes N] [--watches N]\n",
                     argv[0]);
        return 2;
    }
    s.socket = argv[1];
    s.pid = std::atoi(argv[2]);
    for (int i = 3; i + 1 < argc; i += 2) {
        const std::string option = argv[i];
        if (option == "--seconds")
            s.seconds = std::atof(argv[i + 1]);
        else if (option == "--clients")
            s.clients = std::atoi(argv[i + 1]);
        else if (option == "--depth")
            s.depth = std::atoi(argv[i + 1]);
        else if (option == "--nodes")
            s.nodes = std::atoi(argv[i + 1]);
        else if (option == "--watches")
            s.watches = std::atoi(argv[i + 1]);
    }
    try {
        return run(s);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "xenstore_bench: %s\n", e.what());
        return 1;
    }
}
