// SPDX-License-Identifier: MIT
// socket_talk PATH SECONDS TEXT: connects to a Unix socket, sends what comes on its input, prints what comes back until
// the other side ends, TEXT was in it (then the exit status is 0), or the time is over.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

int main(int argc, char** argv) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (argc != 4 || std::strlen(argv[1]) >= sizeof(address.sun_path)) return 2;
    std::strcpy(address.sun_path, argv[1]);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) < 0) {
        std::perror(argv[1]);
        return 1;
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::atoi(argv[2]));
    std::string seen;
    bool input = true;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
        pollfd waiting[2] = {{fd, POLLIN, 0}, {input ? 0 : -1, POLLIN, 0}};
        if (left <= 0 || ::poll(waiting, 2, static_cast<int>(left)) < 0) return 3;
        char chunk[4096];
        if (waiting[1].revents) {
            const ssize_t got = ::read(0, chunk, sizeof(chunk));
            if (got <= 0)
                input = false;
            else if (::write(fd, chunk, static_cast<std::size_t>(got)) != got)
                return 1;
        }
        if (!waiting[0].revents) continue;
        const ssize_t got = ::read(fd, chunk, sizeof(chunk));
        if (got <= 0) return 4;
        std::fwrite(chunk, 1, static_cast<std::size_t>(got), stdout);
        std::fflush(stdout);
        seen.append(chunk, static_cast<std::size_t>(got));
        if (seen.find(argv[3]) != std::string::npos) return 0;
    }
}
