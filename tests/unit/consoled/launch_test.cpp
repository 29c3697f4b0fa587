// SPDX-License-Identifier: MIT
// Becoming a daemon: who learns of it, and where warnings go.
#include "libxl/daemon/launch.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/post.hpp>

#include "libxl/daemon/log.hpp"
#include "libxl/daemon/names.hpp"

using namespace hospes;
using namespace hospes::xl::daemon;

namespace {

struct Folder {
    std::filesystem::path path;
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "launch-XXXXXX").string();
        path = ::mkdtemp(name.data());
    }
    ~Folder() { std::filesystem::remove_all(path); }
    [[nodiscard]] std::string text(const char* file) const {
        std::ostringstream s;
        s << std::ifstream(path / file).rdbuf();
        return s.str();
    }
};

/// Starts it as a program's main() would, in a process of its own; the exit status that a shell sees.
int launch(const Folder& folder, const Status& started) {
    const pid_t child = ::fork();
    if (child == 0) {
        Launch launch({"test-daemon", folder.path / "pid", folder.path / "log", false});
        boost::asio::io_context io(1);
        boost::asio::post(io, [] { log::warn("said without a terminal"); });
        ::_exit(launch.serve(io, started));
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

} // namespace

TEST_CASE("the first process ends when the daemon is ready, and the log has what it says afterwards") {
    const Folder folder;
    const int inbox = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string socket = folder.path / "notify";
    socket.copy(address.sun_path, socket.size());
    REQUIRE(::bind(inbox, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    ::setenv("NOTIFY_SOCKET", socket.c_str(), 1);
    const int status = launch(folder, {});
    ::unsetenv("NOTIFY_SOCKET");
    REQUIRE(status == 0);
    const pid_t daemon = std::atoi(folder.text("pid").c_str());
    REQUIRE(daemon > 0);
    char text[128] = "";
    REQUIRE(::recv(inbox, text, sizeof text - 1, 0) > 0);
    CHECK(std::string(text) == "READY=1\nMAINPID=" + std::to_string(daemon));
    ::kill(daemon, SIGTERM);
    std::fill(std::begin(text), std::end(text), '\0');
    REQUIRE(::recv(inbox, text, sizeof text - 1, 0) > 0);
    CHECK(std::string(text) == "STOPPING=1"); // and by then it has run what was posted
    CHECK(folder.text("log").find("Z said without a terminal\n") != std::string::npos);
    ::close(inbox);
}

TEST_CASE("a daemon that cannot start says why, and the first process fails") {
    const Folder folder;
    CHECK(launch(folder, error("open the world", ENOENT, "it is not there")) == 1);
    CHECK(folder.text("log").find("open the world") != std::string::npos);
    CHECK(folder.text("pid").empty());
}

TEST_CASE("a domain's name cannot lead a file out of its directory") {
    CHECK(file_name_of("web-1.example") == "web-1.example");
    CHECK(file_name_of("../../etc/passwd") == "_.._.._etc_passwd");
    CHECK(file_name_of("") == "_");
    CHECK(file_name_of("a b\n") == "a b_");
    CHECK(file_name_of(std::string(300, 'x')).size() == 200);
}
