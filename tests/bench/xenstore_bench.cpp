// SPDX-License-Identifier: MIT
// Load for any xenstored on a unix socket: how many requests a second it serves, how long one
// takes, how much processor time each costs the daemon, and how much memory a node does. One line of
// JSON per measurement.
//   xenstore_bench SOCKET DAEMON-PID [--seconds S] [--clients N] [--depth N] [--nodes N]
//                  [--watches N] [--state DIR]
// --state: files that the daemon keeps in memory (tmpfs) count as its memory.
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <sys/stat.h>
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
    std::string state;
};

std::string message(std::uint32_t type, const std::string& payload, std::uint32_t tx = 0) {
    const xsd_sockmsg h{type, 1, tx, static_cast<std::uint32_t>(payload.size())};
    return std::string(reinterpret_cast<const char*>(&h), sizeof h) + payload;
}

class Client {
  public:
    explicit Client(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
        sockaddr_un a{};
        a.sun_family = AF_UNIX;
        std::strncpy(a.sun_path, path.c_str(), sizeof a.sun_path - 1);
        if (::connect(fd_, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0)
            throw std::runtime_error("cannot connect to " + path + ": " + std::strerror(errno));
    }
    Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)), in_(std::move(other.in_)) {}
    ~Client() {
        if (fd_ >= 0) ::close(fd_);
    }

    void send(const std::string& bytes) {
        for (std::size_t at = 0; at < bytes.size();) {
            const ssize_t n = ::send(fd_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
            if (n <= 0) throw std::runtime_error("the daemon closed the connection");
            at += static_cast<std::size_t>(n);
        }
    }
    /// Takes `answers` answers and `events` events, in whatever order; the last answer's payload is at answer().
    void take(int answers, int events = 0) {
        while (answers > 0 || events > 0) {
            const xsd_sockmsg h = next();
            if (h.type == XS_WATCH_EVENT) {
                --events; // more than asked for is fine: some daemons repeat, some do not
                continue;
            }
            if (h.type == XS_ERROR && answer() != "EEXIST\0"s) throw std::runtime_error("request failed: " + answer());
            --answers;
        }
    }
    std::string answer() const { return {in_.data() + at_ - len_, len_}; }
    std::string call(std::uint32_t type, const std::string& payload, std::uint32_t tx = 0) {
        send(message(type, payload, tx));
        take(1);
        return answer();
    }

  private:
    xsd_sockmsg next() {
        xsd_sockmsg h;
        need(sizeof h);
        std::memcpy(&h, in_.data() + at_, sizeof h);
        need(sizeof h + h.len);
        len_ = h.len;
        at_ += sizeof h + h.len;
        return h;
    }
    void need(std::size_t bytes) {
        while (have_ - at_ < bytes) {
            std::memmove(in_.data(), in_.data() + at_, have_ - at_);
            have_ -= at_;
            at_ = 0;
            const ssize_t n = ::recv(fd_, in_.data() + have_, in_.size() - have_, 0);
            if (n <= 0) throw std::runtime_error("the daemon closed the connection");
            have_ += static_cast<std::size_t>(n);
        }
    }
    int fd_;
    std::vector<char> in_ = std::vector<char>(65536);
    std::size_t at_ = 0, have_ = 0, len_ = 0;
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

/// Bytes of memory that the daemon has for itself, and of the files it keeps in memory.
double memory(const Settings& s) {
    std::ifstream in("/proc/" + std::to_string(s.pid) + "/status");
    double kb = 0;
    for (std::string line; std::getline(in, line);) {
        double value = 0;
        if (std::sscanf(line.c_str(), "RssAnon: %lf", &value) == 1 ||
            std::sscanf(line.c_str(), "VmSwap: %lf", &value) == 1)
            kb += value;
    }
    double bytes = kb * 1024;
    if (s.state.empty()) return bytes;
    for (const auto& file : std::filesystem::directory_iterator(s.state)) {
        struct stat st {};
        if (::stat(file.path().c_str(), &st) == 0) bytes += static_cast<double>(st.st_blocks) * 512;
    }
    return bytes;
}

const std::string base = "/bench";
const std::string value = "/local/domain/0/backend/vbd/1/51712";

std::string node(std::size_t client) { return base + "/c" + std::to_string(client) + "/node"; }

void fill(Client& c, const Settings& s) {
    constexpr int portion = 64;
    const double before = memory(s);
    const std::uint64_t cpu = cpu_ns(s.pid);
    std::string batch;
    for (int i = 0; i < s.nodes; ++i) {
        batch += message(XS_WRITE,
                         base + "/fill/" + std::to_string(i / 1000) + "/" + std::to_string(i % 1000) + '\0' + "value");
        if (i % portion != portion - 1 && i + 1 != s.nodes) continue;
        c.send(batch);
        batch.clear();
        c.take(i % portion + 1);
    }
    for (int i = 0; i < s.watches; ++i)
        c.call(XS_WATCH, base + "/watched/" + std::to_string(i) + "\0tok\0"s);
    if (s.nodes == 0) return;
    std::printf("{\"op\":\"fill\",\"mode\":\"pipelined\",\"nodes\":%d,\"watches\":%d,\"bytes_per_node\":%.1f,"
                "\"daemon_cpu_us\":%.3f}\n",
                s.nodes, s.watches, (memory(s) - before) / s.nodes,
                static_cast<double>(cpu_ns(s.pid) - cpu) / 1e3 / s.nodes);
    std::fflush(stdout);
}

std::uint32_t begin(Client& c) {
    return static_cast<std::uint32_t>(std::strtoul(c.call(XS_TRANSACTION_START, "\0"s).c_str(), nullptr, 10));
}

void sequential(Client& c, const Settings& s) {
    c.call(XS_WRITE, node(0) + '\0' + value);
    for (int i = 0; i < 20; ++i)
        c.call(XS_WRITE, base + "/dir/entry" + std::to_string(i) + '\0');
    measure(s, "read", "sequential", [&] { return c.call(XS_READ, node(0) + '\0'), 1; });
    measure(s, "write", "sequential", [&] { return c.call(XS_WRITE, node(0) + '\0' + value), 1; });
    measure(s, "directory", "sequential", [&] { return c.call(XS_DIRECTORY, base + "/dir\0"s), 1; });
    measure(s, "transaction", "sequential", [&] {
        const std::uint32_t tx = begin(c);
        for (int i = 0; i < 10; ++i)
            c.call(XS_WRITE, base + "/tx/" + std::to_string(i) + '\0' + value, tx);
        c.call(XS_TRANSACTION_END, "T\0"s, tx);
        return 1;
    });
    Client watcher(s.socket);
    watcher.call(XS_WATCH, base + "/fire\0tok\0"s);
    watcher.take(0, 1);
    measure(s, "watch", "sequential", [&] {
        c.call(XS_WRITE, base + "/fire" + '\0' + value);
        watcher.take(0, 1);
        return 1;
    });
}

/// Every client sends `depth` requests at once, then all take their answers.
void together(std::vector<Client>& clients, const Settings& s, const char* mode, int depth) {
    const auto all = [&](const char* what, std::uint32_t type, const std::function<std::string(std::size_t)>& payload) {
        std::vector<std::string> batches(clients.size());
        for (std::size_t i = 0; i < clients.size(); ++i)
            for (int k = 0; k < depth; ++k)
                batches[i] += message(type, payload(i));
        measure(s, what, mode, [&] {
            for (std::size_t i = 0; i < clients.size(); ++i)
                clients[i].send(batches[i]);
            for (Client& c : clients)
                c.take(depth);
            return clients.size() * static_cast<std::size_t>(depth);
        });
    };
    all("write", XS_WRITE, [](std::size_t i) { return node(i) + '\0' + value; });
    all("read", XS_READ, [](std::size_t i) { return node(i) + '\0'; });
    all("directory", XS_DIRECTORY, [](std::size_t) { return base + "/dir\0"s; });
}

/// Each client's transaction of ten writes, sent in one piece.
void transactions(std::vector<Client>& clients, const Settings& s) {
    for (std::size_t i = 0; i < clients.size(); ++i) // existing nodes: only then do C's daemon's commits not clash
        for (int k = 0; k < 10; ++k)
            clients[i].call(XS_WRITE, node(i) + std::to_string(k) + '\0' + value);
    measure(s, "transaction", "pipelined", [&] {
        std::vector<std::uint32_t> tx;
        for (Client& c : clients)
            c.send(message(XS_TRANSACTION_START, "\0"s));
        for (Client& c : clients) {
            c.take(1);
            tx.push_back(static_cast<std::uint32_t>(std::strtoul(c.answer().c_str(), nullptr, 10)));
        }
        for (std::size_t i = 0; i < clients.size(); ++i) {
            std::string batch;
            for (int k = 0; k < 10; ++k)
                batch += message(XS_WRITE, node(i) + std::to_string(k) + '\0' + value, tx[i]);
            clients[i].send(batch + message(XS_TRANSACTION_END, "T\0"s, tx[i]));
        }
        for (Client& c : clients)
            c.take(11);
        return clients.size();
    });
}

/// Each client writes a node that it watches itself, and takes answer and event.
void watches(std::vector<Client>& clients, const Settings& s) {
    std::vector<std::string> writes;
    for (std::size_t i = 0; i < clients.size(); ++i) {
        clients[i].call(XS_WATCH, node(i) + "/watched\0tok\0"s);
        clients[i].take(0, 1);
        writes.push_back(message(XS_WRITE, node(i) + "/watched" + '\0' + value));
    }
    measure(s, "watch", "clients", [&] {
        for (std::size_t i = 0; i < clients.size(); ++i)
            clients[i].send(writes[i]);
        for (Client& c : clients)
            c.take(1, 1);
        return clients.size();
    });
}

int run(const Settings& s) {
    std::vector<Client> clients;
    for (int i = 0; i < s.clients; ++i)
        clients.emplace_back(s.socket);
    fill(clients[0], s);
    sequential(clients[0], s);
    together(clients, s, "clients", 1);
    together(clients, s, "pipelined", s.depth);
    transactions(clients, s);
    watches(clients, s);
    clients[0].call(XS_RM, base + '\0');
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    Settings s;
    if (argc < 3) {
        std::fprintf(stderr,
                     "usage: %s SOCKET DAEMON-PID [--seconds S] [--clients N] [--depth N] "
                     "[--nodes N] [--watches N] [--state DIR]\n",
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
        else if (option == "--state")
            s.state = argv[i + 1];
    }
    try {
        return run(s);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "xenstore_bench: %s\n", e.what());
        return 1;
    }
}
