// SPDX-License-Identifier: MIT
// The client of the console daemon against peers that do not keep to its protocol. (Against the daemon itself:
// tests/system/scenarios/console.py.)
#include <catch2/catch.hpp>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "libxl/console/attach.hpp"
#include "libxl/console/stream.hpp"

using namespace hospes;
using namespace hospes::xl::console;

namespace {

/// Listens on a socket and answers each connection with the next of `answers`, then hangs up.
class Peer {
  public:
    explicit Peer(std::vector<std::string> answers) {
        std::string name = (std::filesystem::temp_directory_path() / "console-XXXXXX").string();
        directory_ = ::mkdtemp(name.data());
        path = directory_ + "/socket";
        fd_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, path.size());
        REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(fd_, 4) == 0);
        thread_ = std::thread([this, answers = std::move(answers)] {
            for (const std::string& answer : answers) {
                const int client = ::accept(fd_, nullptr, nullptr);
                char byte = 0;
                while (::read(client, &byte, 1) == 1 && byte != '\n')
                    request += byte;
                request += ';';
                write_all(client, answer);
                ::close(client);
            }
        });
    }
    ~Peer() {
        thread_.join();
        ::close(fd_);
        std::filesystem::remove_all(directory_);
    }
    std::string path, request;

  private:
    std::string directory_;
    int fd_ = -1;
    std::thread thread_;
};

std::string problem(const std::string& answer) {
    const Peer peer({answer});
    const auto stream = Stream::ask_daemon(peer.path, "attach 1", 5000);
    return stream ? "" : stream.problem().text();
}

} // namespace

TEST_CASE("the daemon's answer decides") {
    const Peer peer({"ok guest\nfirst bytes"});
    const auto stream = Stream::ask_daemon(peer.path, "attach 1", 5000);
    REQUIRE(stream);
    std::string text;
    for (std::string piece = stream->read(); !piece.empty(); piece = stream->read())
        text += piece;
    CHECK(text == "first bytes");
}

TEST_CASE("answers that are not ours end in an error") {
    CHECK(problem("error no console is kept for domain 1\n").find("no console is kept for domain 1") !=
          std::string::npos);
    CHECK(problem("hello\n").find("does not speak our protocol") != std::string::npos);
    CHECK(problem("ok").find("ask the console daemon") != std::string::npos);
    CHECK(problem(std::string(10000, 'x')).find("no end") != std::string::npos);
    CHECK(problem("").find("ask the console daemon") != std::string::npos);
    CHECK(Stream::ask_daemon("/nonexistent/socket", "list", 100).problem().code == ENOENT);
    CHECK(Stream::ask_daemon(std::string(200, 'x'), "list", 100).problem().code == ENAMETOOLONG);
}

TEST_CASE("the history of the newest domain of a name is shown") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    Options options;
    {
        const Peer peer({"ok\n3 dead 10 web\n5 dead 12 web\n6 live 1 other name\n", "ok web\nlast words"});
        options.socket = peer.path;
        options.out = ends[1];
        REQUIRE(print_history("web", options));
        CHECK(peer.request == "list;history 5;");
    }
    char text[32] = "";
    CHECK(::read(ends[0], text, sizeof text) == 10);
    CHECK(std::string(text) == "last words");
    {
        const Peer peer({"ok\n3 dead 10 web\n"});
        options.socket = peer.path;
        CHECK(print_history("nobody", options).problem().code == ENOENT);
    }
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_CASE("escape characters") {
    CHECK(parse_escape("^]") == '\x1d');
    CHECK(parse_escape("^a") == '\x01');
    CHECK(parse_escape("q") == 'q');
    for (const char* const text : {"", "^", "^1", "abc"})
        CHECK((parse_escape(text) == std::nullopt || std::strlen(text) == 1));
}
