// SPDX-License-Identifier: MIT
// QEMU's command line, its start and its control socket.
#include <catch2/catch.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qemu-dm-glue/command_line.hpp"
#include "qemu-dm-glue/launch.hpp"
#include "qemu-dm-glue/qmp.hpp"
#include "test_store.hpp"

using namespace hospes;
using namespace hospes::dm;
using namespace std::chrono_literals;

namespace {

/// The argument after `name`; empty when there is none.
std::string after(const std::vector<std::string>& call, const std::string& name) {
    for (std::size_t i = 0; i + 1 < call.size(); ++i)
        if (call[i] == name) return call[i + 1];
    return {};
}

/// A server that says these lines to whoever connects, one after each request (the first at once), and hangs up.
class Script {
  public:
    Script(const std::string& path, std::vector<std::string> lines) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::copy(path.begin(), path.end(), address.sun_path);
        fd_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
        REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
        REQUIRE(::listen(fd_, 1) == 0);
        thread_ = std::thread([this, lines = std::move(lines)] {
            const int peer = ::accept(fd_, nullptr, nullptr);
            char request[512];
            for (std::size_t i = 0; i < lines.size(); ++i) {
                if (i && ::read(peer, request, sizeof(request)) <= 0) break;
                for (std::string_view rest(lines[i]); !rest.empty();) {
                    const ssize_t put = ::send(peer, rest.data(), rest.size(), MSG_NOSIGNAL);
                    if (put <= 0) break;
                    rest.remove_prefix(static_cast<std::size_t>(put));
                }
            }
            ::close(peer);
        });
    }
    Script(const Script&) = delete;
    Script& operator=(const Script&) = delete;
    ~Script() {
        ::shutdown(fd_, SHUT_RDWR);
        thread_.join();
        ::close(fd_);
    }

  private:
    int fd_ = -1;
    std::thread thread_;
};

} // namespace

TEST_CASE("the command line has what the domain needs and no more") {
    Server server;
    server.program = "/q";
    server.domain = 7;
    server.name = "g,process=x";
    server.qmp_socket = "/run/a,b";
    auto call = command_line(server);
    CHECK(call.front() == "/q");
    CHECK(after(call, "-xen-domid") == "7");
    CHECK(after(call, "-machine") == "xenpv");
    CHECK(after(call, "-name") == "g,,process=x"); // a name adds no option
    CHECK(after(call, "-chardev") == "socket,id=control,path=/run/a,,b,server=on,wait=off");
    CHECK(after(call, "-vnc") == "none");
    CHECK(after(call, "-display") == "none");
    server.has_vnc = true;
    CHECK(after(command_line(server), "-vnc") == "127.0.0.1:0,to=99");
    server.vnc = {"0.0.0.0", 3, false, true};
    CHECK(after(command_line(server), "-vnc") == "0.0.0.0:3,password=on");
    server.vnc.listen = "10.0.0.1:5"; // the configuration may name the display there
    CHECK(after(command_line(server), "-vnc") == "10.0.0.1:5,password=on");
    server.keymap = "de";
    server.channels = {{"libxl-channel0", ""}, {"libxl-channel1", "/run/c"}};
    server.extra = {"-d", "trace"};
    call = command_line(server);
    CHECK(after(call, "-k") == "de");
    CHECK(call.back() == "trace");
    std::vector<std::string> chardevs;
    for (std::size_t i = 0; i + 1 < call.size(); ++i)
        if (call[i] == "-chardev") chardevs.push_back(call[i + 1]);
    CHECK(chardevs[1] == "pty,id=libxl-channel0");
    CHECK(chardevs[2] == "socket,id=libxl-channel1,path=/run/c,server=on,wait=off");
}

TEST_CASE("a program runs only once somebody else knows of it") {
    xs::test::TestStore store;
    const std::string log = store.folder() / "log", mark = store.folder() / "ran";
    const std::vector<std::string> call = {"/bin/sh", "-c", "echo out; echo err >&2; : >" + mark};
    const auto refused = launch(call, log, [](pid_t) { return error("write it down", EIO); });
    REQUIRE_FALSE(refused);
    CHECK_FALSE(std::filesystem::exists(mark));
    pid_t told = 0;
    const auto pid = launch(call, log, [&](pid_t child) {
        told = child;
        CHECK_FALSE(std::filesystem::exists(mark));
        return Status();
    });
    REQUIRE(pid);
    CHECK(*pid == told);
    int status = -1;
    REQUIRE(::waitpid(*pid, &status, 0) == *pid);
    CHECK(status == 0);
    CHECK(std::filesystem::exists(mark));
    CHECK(last_words(log) == "out / err");
    const auto missing = launch({"/no/such/qemu"}, log, [](pid_t) { return Status(); });
    REQUIRE_FALSE(missing);
    CHECK(missing.problem().code == ENOENT);
}

TEST_CASE("old logs are kept, ten of them") {
    xs::test::TestStore store;
    const std::string log = store.folder() / "log";
    for (int n = 0; n < 13; ++n) {
        rotate_log(log);
        std::ofstream(log) << n << "\n";
    }
    CHECK(last_words(log) == "12");
    CHECK(last_words(log + ".1") == "11");
    CHECK(last_words(log + ".10") == "2");
    CHECK_FALSE(std::filesystem::exists(log + ".11"));
    CHECK(last_words(store.folder() / "none").empty());
}

TEST_CASE("what QEMU is asked once it runs") {
    xs::test::TestStore store;
    const std::string socket = store.folder() / "qmp";
    ::setenv("FAKE_QEMU", GENERATE("works", "refuses"), 1);
    Server server;
    server.program = FAKE_QEMU;
    server.domain = 3;
    server.qmp_socket = socket;
    server.has_vnc = true;
    const auto pid = launch(command_line(server), store.folder() / "log", [](pid_t) { return Status(); });
    REQUIRE(pid);
    while (store.read("/local/domain/0/device-model/3/state") != "running")
        std::this_thread::sleep_for(5ms);
    auto qmp = Qmp::connect(socket, Clock::now() + 20s);
    INFO((qmp ? "" : qmp.problem().text()));
    REQUIRE(qmp);
    const bool refuses = std::getenv("FAKE_QEMU") == std::string("refuses");
    const auto vnc = qmp->vnc_server();
    REQUIRE(vnc.ok() != refuses);
    if (refuses) {
        CHECK(vnc.problem().cause == "not today");
        CHECK_FALSE(qmp->set_vnc_password("x"));
    } else {
        CHECK(vnc->second == "5907");
        CHECK(qmp->set_vnc_password("se\"cret"));
        CHECK(*qmp->pty_of("libxl-channel0") == "/dev/pts/77");
        CHECK(qmp->pty_of("control")->empty());
        CHECK(qmp->pty_of("libxl-channel9").problem().code == ENOENT);
    }
    ::kill(*pid, SIGKILL);
    ::waitpid(*pid, nullptr, 0);
    ::unsetenv("FAKE_QEMU");
}

TEST_CASE("answers that are none end in an error") {
    xs::test::TestStore store;
    const std::string socket = store.folder() / "qmp", greeting = R"({"QMP": {}})"
                                                                  "\n";
    const std::string agreed = R"({"return": {}})"
                               "\n";
    struct Case {
        std::vector<std::string> lines;
        int code;
    };
    const auto given = GENERATE_COPY(values<Case>({{{"hello\n"}, EPROTO},
                                                   {{"[[[[\n"}, EPROTO},
                                                   {{"null\n"}, EPROTO},
                                                   {{std::string(3U << 20, 'x')}, EPROTO},
                                                   {{greeting}, EPIPE},
                                                   {{greeting, "{}\n"}, EPROTO},
                                                   {{greeting, agreed,
                                                     R"({"return": 5})"
                                                     "\n"},
                                                    ENOENT},
                                                   {{greeting, agreed,
                                                     R"({"return": {"enabled": true}})"
                                                     "\n"},
                                                    ENOENT},
                                                   {{greeting, agreed,
                                                     R"({"error": []})"
                                                     "\n"},
                                                    EIO}}));
    Script script(socket, given.lines);
    auto qmp = Qmp::connect(socket, Clock::now() + 20s);
    if (given.lines.size() < 3) {
        REQUIRE_FALSE(qmp);
        CHECK(qmp.problem().code == given.code);
    } else {
        REQUIRE(qmp);
        CHECK(qmp->vnc_server().problem().code == given.code);
    }
}

TEST_CASE("a silent QEMU is given up on time, or when the user says so") {
    xs::test::TestStore store;
    const std::string socket = store.folder() / "qmp";
    CHECK(Qmp::connect(socket, Clock::now() + 1s).problem().code == ENOENT);
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(socket.begin(), socket.end(), address.sun_path);
    REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    REQUIRE(::listen(listener, 2) == 0);
    CHECK(Qmp::connect(socket, Clock::now() + 20ms, ends[0]).problem().code == ETIMEDOUT);
    REQUIRE(::write(ends[1], "", 1) == 1);
    CHECK(Qmp::connect(socket, Clock::now() + 20s, ends[0]).problem().code == ECANCELED);
    for (const int fd : {ends[0], ends[1], listener})
        ::close(fd);
}
