// SPDX-License-Identifier: MIT
// The clients' side of the daemon, with io_uring and without: many at once, slow readers, ends, no descriptors left,
// and the waiting that Asio does not see.
#include <catch2/catch.hpp>

#include <thread>

#include <sys/eventfd.h>
#include <sys/resource.h>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "engine/engine.hpp"
#include "world.hpp"

using namespace hospes::xs;
using namespace hospes::xs::test;

namespace {

const std::string ok = "OK\0"s;

/// Lowers how many descriptors the process may have to those that it has and `more`.
class FewDescriptors {
  public:
    explicit FewDescriptors(rlim_t more) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const int next = ::dup(0);
        ::close(next);
        rlimit few = before_;
        few.rlim_cur = static_cast<rlim_t>(next) + more;
        ::setrlimit(RLIMIT_NOFILE, &few);
    }
    ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

  private:
    rlimit before_{};
};

/// Blocks, unlike a Caller.
struct Blocking {
    int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    std::string in;

    explicit Blocking(const std::string& path) {
        sockaddr_un a{};
        a.sun_family = AF_UNIX;
        std::strncpy(a.sun_path, path.c_str(), sizeof a.sun_path - 1);
        if (::connect(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0) throw std::runtime_error("connect");
        const timeval patience{20, 0};
        ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    }
    ~Blocking() { ::close(fd); }
    Message call(const Message& m) {
        const std::string bytes = encode(m);
        if (::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) throw std::runtime_error("send");
        for (;;) {
            if (auto answer = decode(in)) return *answer;
            char chunk[4096];
            const ssize_t n = ::recv(fd, chunk, sizeof chunk, 0);
            if (n <= 0) throw std::runtime_error("no answer");
            in.append(chunk, static_cast<std::size_t>(n));
        }
    }
};

} // namespace

TEST_CASE("many clients at once are each answered, and may go at any time") {
    World w;
    w.io_uring = GENERATE(true, false);
    w.start();
    std::vector<std::unique_ptr<Caller>> callers;
    for (int i = 0; i < 300; ++i) {
        callers.push_back(std::make_unique<Caller>(w));
        w.turn(); // the socket holds no more than 128 who wait
    }
    for (int round = 0; round < 3; ++round) {
        for (std::uint32_t i = 0; i < callers.size(); ++i)
            callers[i]->send(encode({XS_WRITE, i, 0, "/n" + std::to_string(i) + "\0v"s + std::to_string(round)}));
        for (std::uint32_t i = 0; i < callers.size(); ++i)
            REQUIRE(callers[i]->next() == Message{XS_WRITE, i, 0, ok});
        for (std::uint32_t i = 0; i < callers.size(); i += 2) { // who asks and goes without the answer
            callers[i]->send(encode({XS_READ, i, 0, "/n0\0"s}));
            callers[i] = std::make_unique<Caller>(w);
            w.turn();
        }
    }
    CHECK(callers.back()->read("/n299") == "v2");
    callers.clear();
    w.turn();
    CHECK(w.server->engine().connections().size() == 1); // the control domain's kernel
}

TEST_CASE("who does not read gets everything in the end, and others do not wait for it") {
    World w;
    w.io_uring = GENERATE(true, false);
    w.start();
    Caller slow(w), good(w);
    good.write("/big", std::string(4000, 'b'));
    constexpr std::uint32_t portion = 500; // 2 MB of answers: more than the socket and the pause hold
    for (std::uint32_t first = 0; first < 4 * portion; first += portion) {
        std::string requests;
        for (std::uint32_t i = 0; i < portion; ++i)
            requests += encode({XS_READ, first + i, 0, "/big\0"s});
        slow.send(requests);
        for (int i = 0; i < 20; ++i)
            w.turn();
        CHECK(good.write("/x", "1") == ok);
        for (std::uint32_t i = 0; i < portion; ++i) {
            const auto m = slow.next();
            REQUIRE(m);
            REQUIRE(m->id == first + i);
            REQUIRE(m->payload.size() == 4000);
        }
    }
    CHECK(good.read("/x") == "1");
}

TEST_CASE("a live update takes over what a client has half sent and not yet read") {
    World w;
    w.io_uring = GENERATE(true, false);
    w.start();
    Caller c(w);
    const std::string request = encode({XS_READ, 5, 0, "/tool/xenstored\0"s});
    c.send(request.substr(0, 9));
    w.turn();
    std::vector<int> keep;
    w.server->save(keep); // and then the new program turns out to be no good
    w.server->answer_pending({});
    c.send(request.substr(9, 9));
    w.live_update();
    c.send(request.substr(18));
    CHECK(c.next() == Message{XS_READ, 5, 0, ""});
    CHECK(c.write("/x", "1") == ok);
}

TEST_CASE("without a descriptor for another client the daemon waits, and takes it when one is free") {
    World w;
    w.io_uring = GENERATE(true, false);
    w.start();
    auto first = std::make_unique<Caller>(w);
    CHECK(first->write("/x", "1") == ok);
    Caller later(w);
    std::size_t work = 0;
    {
        const FewDescriptors limit(0);
        w.io->restart();
        work = w.io->run_for(std::chrono::milliseconds(450));
        CHECK(first->read("/x") == "1"); // those who are there are served
    }
    CHECK(work >= 3); // it tried again
    CHECK(work < 30); // now and then
    SECTION("when the pause is over") {
        w.io->restart();
        w.io->run_for(std::chrono::milliseconds(150));
        CHECK(later.read("/x") == "1");
    }
    SECTION("when a client goes, at once") {
        first.reset();
        CHECK(later.read("/x") == "1");
    }
}

TEST_CASE("while clients keep it busy the daemon sees guests, new clients and its end") {
    World w;
    w.linger = true;
    w.machine.add(5);
    w.start();
    const int end = ::eventfd(0, EFD_NONBLOCK);
    {
        boost::asio::posix::stream_descriptor ending(*w.io, end);
        ending.async_wait(boost::asio::posix::stream_descriptor::wait_read, [&](const auto&) { w.io->stop(); });
        w.server->also_wait_for(end);
        std::thread daemon([&] { w.io->run(); });
        {
            Blocking c(w.socket_path());
            for (std::uint32_t i = 0; i < 200; ++i)
                REQUIRE(c.call({XS_WRITE, i, 0, "/x\0"s + std::to_string(i)}) == Message{XS_WRITE, i, 0, ok});
            REQUIRE(c.call({XS_INTRODUCE, 1, 0, "5\0"s + "100\0"s + "7\0"s}).payload == ok);
            Blocking other(w.socket_path()); // the daemon is waiting where Asio is not
            REQUIRE(other.call({XS_READ, 1, 0, "/x\0"s}).payload == "199");
            REQUIRE(c.call({XS_CONTROL, 1, 0, "print\0hello\0"s}).payload == ok);
        }
        ::eventfd_write(end, 1);
        daemon.join();
    }
    CHECK(w.machine.domains.at(5)->port != 0);
}
