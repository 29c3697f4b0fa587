// SPDX-License-Identifier: MIT
// Stands in for QEMU in unit tests: says in the store that it runs, answers its control socket, ends when asked to.
// $FAKE_QEMU: "dies" with a word on its way up, "silent" never gets ready, "refuses" answers commands with errors.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "client/client.hpp"

namespace {

std::string option(int argc, char** argv, const char* name, const char* start = "") {
    for (int i = 1; i + 1 < argc; ++i)
        if (!std::strcmp(argv[i], name) && !std::strncmp(argv[i + 1], start, std::strlen(start))) return argv[i + 1];
    return {};
}

int listen_at(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) < 0 || ::listen(fd, 4) < 0) ::_exit(3);
    return fd;
}

std::string answer_to(std::string_view request, const std::string& vnc) {
    if (request.find("qmp_capabilities") != request.npos) return R"({"return": {}})";
    if (!std::strcmp(std::getenv("FAKE_QEMU"), "refuses"))
        return R"({"error": {"class": "GenericError", "desc": "not today"}})";
    if (request.find("query-vnc") != request.npos)
        return vnc == "none" ? R"({"return": {"enabled": false}})"
                             : R"({"return": {"enabled": true, "host": "127.0.0.1", "service": "5907"}})";
    if (request.find("query-chardev") != request.npos)
        return R"({"return": [{"label": "control", "filename": "unix:x"},)"
               R"( {"label": "libxl-channel0", "filename": "pty:/dev/pts/77"}]})";
    return R"({"return": {}})";
}

[[noreturn]] void serve(int listener, const std::string& vnc) {
    for (;;) {
        const int fd = ::accept(listener, nullptr, nullptr);
        const auto say = [fd](std::string line) {
            line += "\r\n";
            [[maybe_unused]] const ssize_t put = ::write(fd, line.data(), line.size());
        };
        say(R"({"QMP": {"version": {"qemu": {"major": 7}}, "capabilities": []}})");
        char request[4096];
        for (ssize_t got; (got = ::read(fd, request, sizeof(request))) > 0;) {
            say(R"({"event": "NICE_WEATHER", "data": {}})"); // events come whenever they like
            say(answer_to({request, static_cast<std::size_t>(got)}, vnc));
        }
        ::close(fd);
    }
}

} // namespace

int main(int argc, char** argv) {
    ::setenv("FAKE_QEMU", "works", 0);
    const std::string how = std::getenv("FAKE_QEMU");
    ::alarm(120); // should a test forget us
    if (how == "dies") {
        std::fprintf(stderr, "qemu: starting\nqemu: could not open the image\n");
        return 1;
    }
    const std::string control = option(argc, argv, "-chardev", "socket,id=control,path=");
    const auto start = control.find("path=") + 5;
    const int listener = listen_at(control.substr(start, control.find(',', start) - start));
    if (how != "silent") {
        auto store = hospes::xs::Client::connect();
        if (!store) return 2;
        const std::string node = "/local/domain/0/device-model/" + option(argc, argv, "-xen-domid") + "/state";
        if (!store->write(node, "running")) return 2;
    }
    serve(listener, option(argc, argv, "-vnc"));
}
