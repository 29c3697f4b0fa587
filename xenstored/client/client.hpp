// SPDX-License-Identifier: MIT
// A xenstore client for the control domain: one connection, pipelined requests, watches with
// callbacks. Not thread-safe. Requests block until answered; a caller with an event loop polls fd()
// and calls next_event(0).
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "proto/message.hpp"
#include "xc/result.hpp"

namespace hospes::xs {

struct Permission {
    Domid domain = 0;
    char access = 'n'; ///< n none, r read, w write, b both; the first of a list is the owner and
                       ///< everyone else's right
};

/// 0 is "no transaction".
using TransactionId = std::uint32_t;

struct WatchEvent {
    std::string path; ///< as the store reports it (relative to the watch when that was)
    std::string token;
};

/// Requests collected to be sent together: one write, one wait for all the answers.
class Batch {
  public:
    void write(std::string_view path, std::string_view value);
    void mkdir(std::string_view path);
    void remove(std::string_view path);
    void permissions(std::string_view path, const std::vector<Permission>& list);
    [[nodiscard]] std::size_t size() const { return requests_.size(); }
    void clear() { requests_.clear(); }

  private:
    friend class Client;
    struct Request {
        std::uint32_t type;
        std::string payload;
        std::string path; ///< for the error message
    };
    std::vector<Request> requests_;
};

class Client {
  public:
    /// `path` empty: $XENSTORED_PATH, else /run/xenstored/socket, else the kernel's
    /// /dev/xen/xenbus. Either may name a socket or a device like that one.
    static Result<Client> connect(const std::string& path = {});
    /// Where connect() looks first when it is given no path.
    static std::string socket_path();
    Client(Client&& other) noexcept;
    Client& operator=(Client&&) = delete;
    ~Client();

    Result<std::string> read(std::string_view path, TransactionId transaction = 0);
    /// nullopt when the node does not exist; other errors stay errors.
    Result<std::optional<std::string>> try_read(std::string_view path, TransactionId transaction = 0);
    /// Many nodes with one wait; nullopt where there is no node (or no right to read it).
    Result<std::vector<std::optional<std::string>>> read_all(const std::vector<std::string>& paths,
                                                             TransactionId transaction = 0);
    Status write(std::string_view path, std::string_view value, TransactionId transaction = 0);
    Status mkdir(std::string_view path, TransactionId transaction = 0);
    Status remove(std::string_view path,
                  TransactionId transaction = 0); ///< also fine when it does not exist
    Result<std::vector<std::string>> directory(std::string_view path, TransactionId transaction = 0);
    Status set_permissions(std::string_view path, const std::vector<Permission>& list, TransactionId transaction = 0);
    /// Sends all of `batch`; the first error wins, the rest of the answers are still taken.
    Status run(const Batch& batch, TransactionId transaction = 0);
    /// Runs `batch` in one transaction; its requests go out together. An error aborts it. Repeats on
    /// conflict.
    Status commit(const Batch& batch);

    Result<TransactionId> begin();
    /// False: somebody else changed what was read; start again.
    Result<bool> end(TransactionId transaction, bool commit);
    /// Runs `body(transaction)` until it commits without conflict.
    Status transact(const std::function<Status(TransactionId)>& body);

    Status introduce(Domid domain, std::uint64_t frame, std::uint32_t port);
    Status release(Domid domain);
    Status set_target(Domid domain, Domid target);

    Status watch(std::string_view path, std::string_view token);
    Status unwatch(std::string_view path, std::string_view token);
    /// Waits up to `timeout_ms` (-1: for ever) for the next watch event; nullopt on timeout.
    Result<std::optional<WatchEvent>> next_event(int timeout_ms);
    [[nodiscard]] int fd() const { return fd_; }
    /// Connected through the kernel: whether there is a daemon behind it cannot be told.
    [[nodiscard]] bool is_device() const { return device_; }

  private:
    Client(int fd, bool device) : fd_(fd), device_(device) {}
    struct Reply {
        std::uint32_t type = 0;
        std::string payload;
    };
    Result<std::string> call(std::uint32_t type, TransactionId transaction, std::string_view payload);
    static void frame(std::string& out, std::uint32_t type, std::uint32_t id, TransactionId transaction,
                      std::string_view payload);
    Status send(std::string_view bytes);
    /// Reads until the answer to `id` is there; events met on the way are queued.
    Result<Reply> wait_reply(std::uint32_t id);
    Status receive(bool& got_reply, std::uint32_t& id, Reply& reply);
    Status fill(std::size_t bytes);
    static Error failure(std::string_view what, std::string_view path, int code);

    int fd_;
    bool device_; ///< the kernel's, as opposed to a socket
    std::uint32_t next_id_ = 1;
    std::string input_;
    std::deque<WatchEvent> events_;
};

} // namespace hospes::xs
