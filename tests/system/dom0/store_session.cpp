// SPDX-License-Identifier: MIT
// A store client with a session that lasts, which the stock tools do not have:
//   store_session hold PATH FIFO    opens a transaction with a write, sets a watch, says HOLDING; after a line
//                                   from FIFO it commits and waits for the watch's event
//   store_session count PATH N      N transactions, each of which adds one to the number at PATH
// XENSTORED_PATH=/dev/xen/xenbus goes through dom0's kernel.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "client/client.hpp"

namespace {

using namespace hospes;
using namespace hospes::xs;

template <typename T> T must(Result<T> result) {
    if (result.ok()) return *std::move(result);
    std::printf("FAILED %s\n", result.problem().text().c_str());
    std::exit(1);
}
void must(const Status& status) {
    if (status.ok()) return;
    std::printf("FAILED %s\n", status.problem().text().c_str());
    std::exit(1);
}

void say(const std::string& text) {
    std::puts(text.c_str());
    std::fflush(stdout);
}

void hold(Client& store, const std::string& path, const char* fifo) {
    const TransactionId transaction = must(store.begin());
    must(store.write(path + "/held", "committed", transaction));
    must(store.watch(path, "token"));
    static_cast<void>(must(store.next_event(-1)));
    say("HOLDING");
    std::string line;
    std::getline(std::ifstream(fifo), line);
    say(must(store.end(transaction, true)) ? "COMMITTED" : "AGAIN");
    const auto event = must(store.next_event(-1));
    say("EVENT " + event->path);
}

void count(Client& store, const std::string& path, int times) {
    for (int i = 0; i < times; ++i)
        must(store.transact([&](TransactionId transaction) -> Status {
            const std::string number = HOSPES_TRY(store.read(path, transaction));
            return store.write(path, std::to_string(std::stoi(number) + 1), transaction);
        }));
    say("COUNTED");
}

} // namespace

int main(int argc, char** argv) {
    const std::string verb = argc == 4 ? argv[1] : "";
    if (verb != "hold" && verb != "count") {
        std::fprintf(stderr, "usage: %s hold PATH FIFO | count PATH N\n", argv[0]);
        return 2;
    }
    Client store = must(Client::connect());
    if (verb == "hold")
        hold(store, argv[2], argv[3]);
    else
        count(store, argv[2], std::atoi(argv[3]));
    return 0;
}
