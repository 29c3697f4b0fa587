// SPDX-License-Identifier: MIT
// A real store (xenstored's own engine) behind a real socket, for unit tests of what stands on it: any request can be
// made to fail, and a kernel's backends can be played.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

namespace hospes::xs::test {

class TestStore {
  public:
    /// Listens in a folder of its own and sets $XENSTORED_PATH and $HOSPES_STATE_DIR to it.
    TestStore();
    ~TestStore();
    TestStore(const TestStore&) = delete;
    TestStore& operator=(const TestStore&) = delete;

    [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

    enum class Fault {
        refuse,     ///< the request is answered with EIO
        disconnect, ///< the daemon is gone for this client; it may connect again
    };
    /// The n-th request from now (1: the next) meets with this, once.
    void fail_request(unsigned n, Fault fault);
    /// Every request of the clients from the n-th on is refused (0: none any more), as if they had died before it.
    void fail_after(unsigned n);
    /// Whether it came to that.
    [[nodiscard]] bool failed() const;

    /// The daemon goes away and is there again, with all it knew but the connections.
    void drop_clients();

    enum class Backend {
        works,   ///< answers as a kernel's backend does
        silent,  ///< there is none
        refuses, ///< says why in its error node and closes
        stuck,   ///< comes up and never goes
    };
    void set_backend(const std::string& kind, Backend how);

    /// What `write` would be in a shell.
    void write(const std::string& path, const std::string& value);
    void remove(const std::string& path);
    /// Empty: no such node.
    [[nodiscard]] std::string read(const std::string& path) const;
    [[nodiscard]] std::string permissions(const std::string& path) const;
    /// Every node below and including `path`, with its value.
    [[nodiscard]] std::map<std::string, std::string> tree(const std::string& path = "/") const;
    /// Domains introduced and not released.
    [[nodiscard]] std::set<unsigned> introduced() const;

  private:
    struct Impl;
    std::filesystem::path folder_;
    std::unique_ptr<Impl> impl_;
};

} // namespace hospes::xs::test
