// SPDX-License-Identifier: MIT
#include "client/client.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace hospes::xs {
namespace {

std::string with_nul(std::string_view text) {
    std::string out(text);
    out.push_back('\0');
    return out;
}

std::string permission_payload(std::string_view path, const std::vector<Permission>& list) {
    std::string payload = with_nul(path);
    for (const Permission& p : list)
        payload += with_nul(p.access + std::to_string(p.domain));
    return payload;
}

constexpr const char* kernel_device = "/dev/xen/xenbus";

int connect_socket(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0) {
        const int failure = errno;
        ::close(fd);
        errno = failure;
        return -1;
    }
    return fd;
}

} // namespace

void Batch::write(std::string_view path, std::string_view value) {
    requests_.push_back({XS_WRITE, with_nul(path) + std::string(value), std::string(path)});
}
void Batch::mkdir(std::string_view path) { requests_.push_back({XS_MKDIR, with_nul(path), std::string(path)}); }
void Batch::remove(std::string_view path) { requests_.push_back({XS_RM, with_nul(path), std::string(path)}); }
void Batch::permissions(std::string_view path, const std::vector<Permission>& list) {
    requests_.push_back({XS_SET_PERMS, permission_payload(path, list), std::string(path)});
}

std::string Client::socket_path() {
    const char* const chosen = std::getenv("XENSTORED_PATH");
    return chosen ? chosen : "/run/xenstored/socket";
}

Result<Client> Client::connect(const std::string& path) {
    const std::string socket = path.empty() ? socket_path() : path;
    struct stat st {};
    const bool named_device = ::stat(socket.c_str(), &st) == 0 && S_ISCHR(st.st_mode);
    int fd = named_device ? -1 : connect_socket(socket);
    const int failure = errno;
    if (fd >= 0) return Client(fd, false);
    // Where a daemon has been but does not answer, the kernel's way leads to the same silence, for ever.
    if (named_device || (path.empty() && failure == ENOENT))
        fd = ::open(named_device ? socket.c_str() : kernel_device, O_RDWR | O_CLOEXEC);
    if (fd < 0) return error("connect to xenstored at " + socket, failure, {}, "is xenstored running?");
    return Client(fd, true);
}

Client::Client(Client&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), device_(other.device_), next_id_(other.next_id_),
      input_(std::move(other.input_)), events_(std::move(other.events_)) {}

Client::~Client() {
    if (fd_ >= 0) ::close(fd_);
}

Error Client::failure(std::string_view what, std::string_view path, int code) {
    return error("xenstore: " + std::string(what) + (path.empty() ? "" : " " + std::string(path)), code);
}

void Client::frame(std::string& out, std::uint32_t type, std::uint32_t id, TransactionId transaction,
                   std::string_view payload) {
    const Header header{type, id, transaction, static_cast<std::uint32_t>(payload.size())};
    out.append(reinterpret_cast<const char*>(&header), sizeof(header));
    out.append(payload);
}

Status Client::send(std::string_view bytes) {
    while (!bytes.empty()) {
        ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == ENOTSOCK) sent = ::write(fd_, bytes.data(), bytes.size()); // /dev/xen/xenbus
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return failure("send to the daemon", {}, sent < 0 ? errno : EPIPE);
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return {};
}

/// Blocks until `bytes` are buffered.
Status Client::fill(std::size_t bytes) {
    while (input_.size() < bytes) {
        char chunk[16384];
        const ssize_t got = ::read(fd_, chunk, sizeof(chunk));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0)
            return error("xenstore: the daemon closed the connection", got < 0 ? errno : EPIPE, {},
                         "is xenstored still running?");
        input_.append(chunk, static_cast<std::size_t>(got));
    }
    return {};
}

Status Client::receive(bool& got_reply, std::uint32_t& id, Reply& reply) {
    HOSPES_TRY(fill(sizeof(Header)));
    const Header header = read_header(input_.data());
    if (header.len > payload_max) return failure("the daemon sent a message of impossible size", {}, EPROTO);
    HOSPES_TRY(fill(sizeof(Header) + header.len));
    std::string payload = input_.substr(sizeof(Header), header.len);
    input_.erase(0, sizeof(Header) + header.len);
    got_reply = header.type != XS_WATCH_EVENT;
    if (got_reply) {
        id = header.req_id;
        reply = {header.type, std::move(payload)};
        return {};
    }
    Strings strings(payload);
    const auto path = strings.next(), token = strings.next();
    if (path && token) events_.push_back({std::string(*path), std::string(*token)});
    return {};
}

Result<Client::Reply> Client::wait_reply(std::uint32_t id) {
    for (;;) {
        bool got_reply = false;
        std::uint32_t answered = 0;
        Reply reply;
        HOSPES_TRY(receive(got_reply, answered, reply));
        if (!got_reply) continue;
        if (answered != id) return failure("the daemon answered another request", {}, EPROTO);
        return reply;
    }
}

Result<std::string> Client::call(std::uint32_t type, TransactionId transaction, std::string_view payload) {
    const std::string_view path = payload.substr(0, payload.find('\0'));
    if (payload.size() > payload_max) return failure(type_name(type), path, E2BIG);
    std::string out;
    const std::uint32_t id = next_id_++;
    frame(out, type, id, transaction, payload);
    HOSPES_TRY(send(out));
    Reply reply = HOSPES_TRY(wait_reply(id));
    if (reply.type == XS_ERROR) return failure(type_name(type), path, error_number(reply.payload.c_str()));
    return std::move(reply.payload);
}

Result<std::string> Client::read(std::string_view path, TransactionId transaction) {
    return call(XS_READ, transaction, with_nul(path));
}

Result<std::optional<std::string>> Client::try_read(std::string_view path, TransactionId transaction) {
    auto value = call(XS_READ, transaction, with_nul(path));
    if (value) return std::optional(*std::move(value));
    if (value.problem().code == ENOENT) return std::optional<std::string>();
    return std::move(value).problem();
}

Result<std::vector<std::optional<std::string>>> Client::read_all(const std::vector<std::string>& paths,
                                                                 TransactionId transaction) {
    const std::size_t portion = device_ ? 1 : 64; // as in run()
    std::vector<std::optional<std::string>> values;
    for (std::size_t start = 0; start < paths.size(); start += portion) {
        const std::size_t end = std::min(paths.size(), start + portion);
        std::string out;
        const std::uint32_t first = next_id_;
        for (std::size_t i = start; i < end; ++i) {
            if (paths[i].size() >= payload_max) return failure("READ", {}, E2BIG);
            frame(out, XS_READ, next_id_++, transaction, with_nul(paths[i]));
        }
        HOSPES_TRY(send(out));
        Status result;
        for (std::size_t i = start; i < end; ++i) {
            Reply reply = HOSPES_TRY(wait_reply(first + static_cast<std::uint32_t>(i - start)));
            const int code = reply.type == XS_ERROR ? error_number(reply.payload.c_str()) : 0;
            values.push_back(code ? std::nullopt : std::optional(std::move(reply.payload)));
            if (code && code != ENOENT && code != EACCES && result) result = failure("READ", paths[i], code);
        }
        if (!result) return std::move(result).problem();
    }
    return values;
}

Status Client::write(std::string_view path, std::string_view value, TransactionId transaction) {
    HOSPES_TRY(call(XS_WRITE, transaction, with_nul(path) + std::string(value)));
    return {};
}

Status Client::mkdir(std::string_view path, TransactionId transaction) {
    HOSPES_TRY(call(XS_MKDIR, transaction, with_nul(path)));
    return {};
}

Status Client::remove(std::string_view path, TransactionId transaction) {
    auto done = call(XS_RM, transaction, with_nul(path));
    if (done || done.problem().code == ENOENT) return {};
    return std::move(done).problem();
}

Result<std::vector<std::string>> Client::directory(std::string_view path, TransactionId transaction) {
    const std::string listing = HOSPES_TRY(call(XS_DIRECTORY, transaction, with_nul(path)));
    std::vector<std::string> names;
    Strings strings(listing);
    while (const auto name = strings.next())
        names.emplace_back(*name);
    return names;
}

Status Client::set_permissions(std::string_view path, const std::vector<Permission>& list, TransactionId transaction) {
    HOSPES_TRY(call(XS_SET_PERMS, transaction, permission_payload(path, list)));
    return {};
}

Status Client::run(const Batch& batch, TransactionId transaction) {
    // The daemon stops reading a client that has too many answers outstanding, so go in portions.
    // The kernel's device takes one request at a time.
    const std::size_t portion = device_ ? 1 : 64;
    Status result;
    for (std::size_t start = 0; start < batch.size(); start += portion) {
        const std::size_t end = std::min(batch.size(), start + portion);
        std::string out;
        const std::uint32_t first = next_id_;
        for (std::size_t i = start; i < end; ++i) {
            if (batch.requests_[i].payload.size() > payload_max)
                return failure(type_name(batch.requests_[i].type), batch.requests_[i].path, E2BIG);
            frame(out, batch.requests_[i].type, next_id_++, transaction, batch.requests_[i].payload);
        }
        HOSPES_TRY(send(out));
        for (std::size_t i = start; i < end; ++i) {
            const Reply reply = HOSPES_TRY(wait_reply(first + static_cast<std::uint32_t>(i - start)));
            const int code = reply.type == XS_ERROR ? error_number(reply.payload.c_str()) : 0;
            if (code && result && !(code == ENOENT && batch.requests_[i].type == XS_RM))
                result = failure(type_name(batch.requests_[i].type), batch.requests_[i].path, code);
        }
        if (!result) return result;
    }
    return result;
}

Status Client::commit(const Batch& batch) {
    return transact([&](TransactionId transaction) { return run(batch, transaction); });
}

Result<TransactionId> Client::begin() {
    const std::string id = HOSPES_TRY(call(XS_TRANSACTION_START, 0, with_nul("")));
    return static_cast<TransactionId>(std::strtoul(id.c_str(), nullptr, 10));
}

Result<bool> Client::end(TransactionId transaction, bool commit) {
    auto done = call(XS_TRANSACTION_END, transaction, with_nul(commit ? "T" : "F"));
    if (done) return true;
    if (done.problem().code == EAGAIN) return false;
    return std::move(done).problem();
}

Status Client::transact(const std::function<Status(TransactionId)>& body) {
    for (;;) {
        const TransactionId transaction = HOSPES_TRY(begin());
        Status done = body(transaction);
        if (!done) {
            static_cast<void>(end(transaction, false));
            return done;
        }
        if (HOSPES_TRY(end(transaction, true))) return {};
    }
}

Status Client::introduce(Domid domain, std::uint64_t frame_number, std::uint32_t port) {
    HOSPES_TRY(call(XS_INTRODUCE, 0,
                    with_nul(std::to_string(domain)) + with_nul(std::to_string(frame_number)) +
                        with_nul(std::to_string(port))));
    return {};
}

Status Client::release(Domid domain) {
    HOSPES_TRY(call(XS_RELEASE, 0, with_nul(std::to_string(domain))));
    return {};
}

Status Client::set_target(Domid domain, Domid target) {
    HOSPES_TRY(call(XS_SET_TARGET, 0, with_nul(std::to_string(domain)) + with_nul(std::to_string(target))));
    return {};
}

Status Client::watch(std::string_view path, std::string_view token) {
    HOSPES_TRY(call(XS_WATCH, 0, with_nul(path) + with_nul(token)));
    return {};
}

Status Client::unwatch(std::string_view path, std::string_view token) {
    HOSPES_TRY(call(XS_UNWATCH, 0, with_nul(path) + with_nul(token)));
    return {};
}

Result<std::optional<WatchEvent>> Client::next_event(int timeout_ms) {
    while (events_.empty()) {
        // A whole message may be buffered already; poll() would not tell.
        const bool buffered =
            input_.size() >= sizeof(Header) && input_.size() >= sizeof(Header) + read_header(input_.data()).len;
        if (!buffered) {
            pollfd waiting{fd_, POLLIN, 0};
            const int ready = ::poll(&waiting, 1, timeout_ms);
            if (ready < 0 && errno != EINTR) return failure("wait for an event", {}, errno);
            if (ready == 0) return std::optional<WatchEvent>();
            if (ready < 0) continue;
        }
        bool got_reply = false;
        std::uint32_t id = 0;
        Reply reply;
        HOSPES_TRY(receive(got_reply, id, reply));
        if (got_reply) return failure("the daemon answered a request that was not made", {}, EPROTO);
    }
    WatchEvent event = std::move(events_.front());
    events_.pop_front();
    return std::optional(std::move(event));
}

} // namespace hospes::xs
