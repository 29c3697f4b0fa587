// SPDX-License-Identifier: MIT
// A store without a transport: clients whose requests are function calls and whose replies are
// strings.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "engine/engine.hpp"

namespace hospes::xs::test {

using namespace std::string_literals;

struct FakeHost : Host {
    int introduce_error = 0;
    std::vector<Domid> introduced, released;
    std::vector<std::string> warnings;
    int introduce(Domid d, std::uint64_t, std::uint32_t) override {
        if (introduce_error == 0) introduced.push_back(d);
        return introduce_error;
    }
    void release(Domid d) override { released.push_back(d); }
    void warn(const std::string& text) override { warnings.push_back(text); }
    ControlReply control(Connection&, const Header&, const std::vector<std::string_view>&) override { return {EINVAL}; }
};

struct Event {
    std::string path, token;
    bool operator==(const Event&) const = default;
};

class Client {
  public:
    Client(Engine& engine, Connection& conn) : engine_(engine), conn_(&conn) {}

    /// The reply's payload, or the error's name ("ENOENT"), or "DEFERRED".
    std::string call(std::uint32_t type, const std::string& payload, std::uint32_t tx = 0) {
        const Header h{type, ++req_, tx, static_cast<std::uint32_t>(payload.size())};
        if (engine_.handle(*conn_, h, payload) == Outcome::Deferred) return "DEFERRED";
        std::string answer = "NO-REPLY";
        drain([&](const Header& reply, std::string text) {
            if (reply.req_id != req_) throw std::logic_error("reply to another request");
            if (reply.type == XS_ERROR)
                text.pop_back();
            else if (reply.type != type)
                throw std::logic_error("reply of another type");
            answer = std::move(text);
        });
        return answer;
    }
    std::string read(const std::string& path, std::uint32_t tx = 0) { return call(XS_READ, path + '\0', tx); }
    std::string write(const std::string& path, const std::string& value, std::uint32_t tx = 0) {
        return call(XS_WRITE, path + '\0' + value, tx);
    }
    std::string mkdir(const std::string& path, std::uint32_t tx = 0) { return call(XS_MKDIR, path + '\0', tx); }
    std::string rm(const std::string& path, std::uint32_t tx = 0) { return call(XS_RM, path + '\0', tx); }
    /// Children with commas between them.
    std::string ls(const std::string& path, std::uint32_t tx = 0) {
        std::string s = call(XS_DIRECTORY, path + '\0', tx);
        if (!s.empty() && s.back() == '\0') s.pop_back();
        for (char& c : s)
            if (c == '\0') c = ',';
        return s;
    }
    std::string perms(const std::string& path, std::uint32_t tx = 0) {
        std::string s = call(XS_GET_PERMS, path + '\0', tx);
        if (!s.empty() && s.back() == '\0') s.pop_back();
        for (char& c : s)
            if (c == '\0') c = ',';
        return s;
    }
    /// Permissions with commas between them.
    std::string chmod(const std::string& path, std::string list, std::uint32_t tx = 0) {
        for (char& c : list)
            if (c == ',') c = '\0';
        return call(XS_SET_PERMS, path + '\0' + list + '\0', tx);
    }
    std::string watch(const std::string& path, const std::string& token) {
        return call(XS_WATCH, path + '\0' + token + '\0');
    }
    std::string unwatch(const std::string& path, const std::string& token) {
        return call(XS_UNWATCH, path + '\0' + token + '\0');
    }
    std::uint32_t begin() {
        const std::string s = call(XS_TRANSACTION_START, "\0"s);
        return s[0] == 'E' ? 0 : static_cast<std::uint32_t>(std::stoul(s));
    }
    std::string commit(std::uint32_t tx) { return call(XS_TRANSACTION_END, "T\0"s, tx); }
    std::string abort(std::uint32_t tx) { return call(XS_TRANSACTION_END, "F\0"s, tx); }

    std::vector<Event> events() {
        drain([](const Header&, const std::string&) { throw std::logic_error("stray reply"); });
        return std::exchange(events_, {});
    }
    /// Their paths, with commas between them.
    std::string event_paths() {
        std::string s;
        for (const Event& e : events())
            s += (s.empty() ? "" : ",") + e.path;
        return s;
    }
    Connection& conn() { return *conn_; }

  private:
    template <class OnReply> void drain(OnReply&& on_reply) {
        while (!conn_->out.empty()) {
            const std::string_view bytes = conn_->out.bytes();
            const Header h = read_header(bytes.data());
            std::string text(bytes.substr(sizeof h, h.len));
            conn_->out.consume(sizeof h + h.len);
            if (h.type != XS_WATCH_EVENT) {
                on_reply(h, std::move(text));
                continue;
            }
            Strings s(text);
            const std::string path(*s.next());
            events_.push_back({path, std::string(*s.next())});
        }
    }
    Engine& engine_;
    Connection* conn_;
    std::uint32_t req_ = 0;
    std::vector<Event> events_;
};

/// A store with a control-domain client and a way to make guests.
struct Fixture {
    FakeHost host;
    Engine engine{host};
    Client dom0{engine, engine.connect_socket()};

    Client guest(Domid id) {
        const std::string args = std::to_string(id) + "\0"s + "100\0"s + "7\0"s;
        if (dom0.call(XS_INTRODUCE, args) != "OK\0"s) throw std::logic_error("introduce failed");
        const std::string home = "/local/domain/" + std::to_string(id);
        dom0.mkdir(home);
        dom0.chmod(home, "n" + std::to_string(id));
        return {engine, *engine.domain_connection(id)};
    }
};

inline const std::string ok = "OK\0"s;

} // namespace hospes::xs::test
