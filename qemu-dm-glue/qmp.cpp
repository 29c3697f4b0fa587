// SPDX-License-Identifier: MIT
#include "qemu-dm-glue/qmp.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <yajl/yajl_gen.h>
#include <yajl/yajl_tree.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace hospes::dm {
namespace {

constexpr std::size_t longest_line = 1U << 20; // QEMU is not trusted to end its lines

class Json {
  public:
    explicit Json(const std::string& text) : root_(yajl_tree_parse(text.c_str(), nullptr, 0)) {}
    [[nodiscard]] yajl_val root() const { return root_.get(); }
    static yajl_val member(yajl_val object, const char* name) {
        const char* path[] = {name, nullptr};
        return object ? yajl_tree_get(object, path, yajl_t_any) : nullptr;
    }
    [[nodiscard]] yajl_val member(const char* name) const { return member(root(), name); }
    static std::string text(yajl_val object, const char* name) {
        const char* const value = YAJL_GET_STRING(member(object, name));
        return value ? value : "";
    }

  private:
    struct Free {
        void operator()(yajl_val value) const { yajl_tree_free(value); }
    };
    std::unique_ptr<std::remove_pointer_t<yajl_val>, Free> root_;
};

std::string request(const std::string& command, const Qmp::Arguments& arguments) {
    const yajl_gen gen = yajl_gen_alloc(nullptr);
    const auto put = [gen](const std::string& text) {
        yajl_gen_string(gen, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    };
    yajl_gen_map_open(gen);
    put("execute");
    put(command);
    if (!arguments.empty()) {
        put("arguments");
        yajl_gen_map_open(gen);
        for (const auto& [name, value] : arguments) {
            put(name);
            put(value);
        }
        yajl_gen_map_close(gen);
    }
    yajl_gen_map_close(gen);
    const unsigned char* text = nullptr;
    std::size_t length = 0;
    yajl_gen_get_buf(gen, &text, &length);
    std::string out(reinterpret_cast<const char*>(text), length);
    yajl_gen_free(gen);
    return out + "\n";
}

} // namespace

Qmp::~Qmp() {
    if (fd_ >= 0) ::close(fd_);
}

Result<Qmp> Qmp::connect(const std::string& socket, Clock::time_point deadline, int cancel_fd) {
    const std::string stage = "talk to QEMU at " + socket;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket.size() >= sizeof(address.sun_path)) return error(stage, ENAMETOOLONG);
    std::copy(socket.begin(), socket.end(), address.sun_path);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return error(stage, errno);
    Qmp qmp(fd, deadline, cancel_fd);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) < 0) return error(stage, errno);
    const std::string greeting = HOSPES_TRY(qmp.line());
    if (!Json(greeting).member("QMP")) return error(stage, EPROTO, "it is no QEMU that answers there");
    HOSPES_TRY(qmp.execute("qmp_capabilities"));
    return qmp;
}

Result<std::string> Qmp::line() {
    for (;;) {
        if (const auto end = input_.find('\n'); end != std::string::npos) {
            std::string out = input_.substr(0, end);
            input_.erase(0, end + 1);
            return out;
        }
        if (input_.size() > longest_line) return error("read from QEMU", EPROTO, "its answer has no end");
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
        if (left <= 0) return error("read from QEMU", ETIMEDOUT, "it does not answer");
        pollfd waiting[2] = {{fd_, POLLIN, 0}, {cancel_fd_, POLLIN, 0}};
        if (::poll(waiting, 2, static_cast<int>(std::min<long>(left, 3600000))) < 0) continue;
        if (waiting[1].revents) return error("", ECANCELED, "interrupted");
        if (!waiting[0].revents) continue;
        char chunk[4096];
        const ssize_t got = ::recv(fd_, chunk, sizeof(chunk), MSG_DONTWAIT);
        // The end of a process that had not read all is a reset (unix(7)).
        if (got == 0 || (got < 0 && errno == ECONNRESET)) return error("read from QEMU", EPIPE, "it has ended");
        if (got > 0) input_.append(chunk, static_cast<std::size_t>(got));
        if (got < 0 && errno != EINTR && errno != EAGAIN) return error("read from QEMU", errno);
    }
}

Result<std::string> Qmp::execute(const std::string& command, const Arguments& arguments) {
    std::string text = request(command, arguments);
    for (std::string_view rest(text); !rest.empty();) { // short: fits the socket's buffer
        const ssize_t sent = ::send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) return error("send " + command + " to QEMU", errno);
        if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    for (;;) {
        std::string answer = HOSPES_TRY(line());
        const Json json(answer);
        if (json.member("return")) return answer;
        if (const yajl_val problem = json.member("error"))
            return error("QEMU's " + command, EIO, Json::text(problem, "desc"));
        if (!json.member("event")) return error("QEMU's " + command, EPROTO, "its answer is no answer");
    }
}

Result<std::pair<std::string, std::string>> Qmp::vnc_server() {
    const Json answer(HOSPES_TRY(execute("query-vnc")));
    const yajl_val value = answer.member("return");
    const std::string port = Json::text(value, "service");
    if (!YAJL_IS_TRUE(Json::member(value, "enabled")) || port.empty())
        return error("find the VNC server", ENOENT, "QEMU has none");
    return std::pair(Json::text(value, "host"), port);
}

Status Qmp::set_vnc_password(const std::string& password) {
    HOSPES_TRY(execute("change-vnc-password", {{"password", password}}));
    return {};
}

Result<std::string> Qmp::pty_of(const std::string& chardev) {
    const Json answer(HOSPES_TRY(execute("query-chardev")));
    const yajl_val list = answer.member("return");
    for (std::size_t i = 0; YAJL_IS_ARRAY(list) && i < list->u.array.len; ++i) {
        const yajl_val one = list->u.array.values[i];
        constexpr std::string_view pty = "pty:";
        const std::string name = Json::text(one, "filename");
        if (Json::text(one, "label") == chardev) return name.starts_with(pty) ? name.substr(pty.size()) : std::string();
    }
    return error("find character device " + chardev, ENOENT, "QEMU has none of this name");
}

} // namespace hospes::dm
