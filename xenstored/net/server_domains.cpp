// SPDX-License-Identifier: MIT
// The server's side of domains: rings, event channels, VIRQ_DOM_EXC; and CONTROL.
#include <array>
#include <cstdio>

#include <unistd.h>

#include "net/domain_session.hpp"
#include "net/log.hpp"
#include "net/server.hpp"
#include "net/socket_session.hpp"

namespace hospes::xs {

void Server::wait_events() {
    events_.assign(gate_->event_fd());
    also_wait_for(gate_->event_fd());
    on_events();
}

void Server::on_events() {
    events_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](const auto& error) {
        if (error) return;
        std::array<std::uint32_t, 64> ports;
        const std::size_t n = gate_->pending(ports);
        for (std::size_t i = 0; i < n; ++i) {
            gate_->unmask(ports[i]);
            if (ports[i] == exception_port_) {
                check_domains();
            } else if (const auto it = by_port_.find(ports[i]); it != by_port_.end()) {
                dispatch(*it->second);
            }
        }
        on_events();
    });
}

void Server::check_domains() {
    for (const Domid domid : engine_.introduced()) {
        if (domid == 0) continue;
        const XenGate::Status now = gate_->status(domid);
        if (now.known) engine_.domain_status(domid, {now.exists, now.shut_down});
    }
    drain();
}

void Server::connect_own_domain() {
    std::uint32_t remote = 0;
    int error = 0;
    std::unique_ptr<RingPage> page = gate_->map_own_ring(remote, error);
    const std::uint32_t local = page ? gate_->bind(0, remote, error) : 0;
    if (!local) {
        log::warn(std::string("the control domain's kernel has no ring: ") + std::strerror(error));
        return;
    }
    const bool crashed = slots_.find(0) != nullptr;
    Connection& c = engine_.adopt_domain(0, 0, remote);
    if (link(0, std::move(page), local, crashed) != 0) return;
    if (crashed) recall(c);
    gate_->notify(local); // the kernel waits for this before it uses the store
}

int Server::link(Domid domid, std::unique_ptr<RingPage> page, std::uint32_t local_port, bool resumed) {
    Connection& c = *engine_.domain_connection(domid);
    Slot* slot = resumed ? slots_.find(domid) : slots_.allocate(domid);
    if (!slot) {
        gate_->unbind(local_port);
        return ENOMEM;
    }
    xenstore_domain_interface& ring = page->interface();
    auto session = std::make_unique<DomainSession>(
        *this, c, std::move(page), resumed ? Ring::resume(ring, *slot, committed_) : Ring(ring, *slot, domid), *slot,
        local_port);
    by_port_[local_port] = session.get();
    DomainSession& s = *session;
    rings_[domid] = std::move(session);
    post([this, domid] { // requests may be waiting already
        if (const auto it = rings_.find(domid); it != rings_.end()) dispatch(*it->second);
    });
    static_cast<void>(s);
    return 0;
}

int Server::introduce(Domid domid, std::uint64_t gfn, std::uint32_t port) {
    if (!gate_) return EINVAL;
    int error = EINVAL;
    const auto known = rings_.find(domid);
    std::unique_ptr<RingPage> page;
    if (known == rings_.end() && !(page = gate_->map_ring(domid, gfn, error))) return error;
    if (known != rings_.end()) {
        by_port_.erase(known->second->port);
        gate_->unbind(known->second->port);
    }
    const std::uint32_t local = gate_->bind(domid, port, error);
    if (!local) return error;
    if (known != rings_.end()) {
        known->second->port = local;
        by_port_[local] = known->second.get();
        return 0;
    }
    engine_.adopt_domain(domid, gfn, port);
    log::detail("domain " + std::to_string(domid) + " is introduced");
    return link(domid, std::move(page), local, false);
}

bool Server::attach(Domid domid, bool crashed) {
    const Domain& d = engine_.domains().at(domid);
    const XenGate::Status now = gate_->status(domid);
    if (now.known && !now.exists) return false;
    int error = 0;
    std::unique_ptr<RingPage> page = gate_->map_ring(domid, d.gfn, error);
    std::uint32_t local = 0;
    if (const auto it = inherited_ports_.find(domid); it != inherited_ports_.end())
        local = it->second;
    else if (page)
        local = gate_->bind(domid, d.port, error);
    if (!page || !local || link(domid, std::move(page), local, slots_.find(domid) != nullptr) != 0) {
        log::warn("cannot reconnect domain " + std::to_string(domid) + ": " + std::strerror(error));
        return false;
    }
    if (crashed) {
        recall(*d.conn);
        engine_.domain_status(domid, {true, now.shut_down});
    }
    return true;
}

void Server::recall(Connection& conn) {
    conn.lost_transactions = true;
    engine_.fire_all(conn);
}

void Server::warn(const std::string& text) { log::warn(text); }

void Server::release(Domid domid) {
    const auto it = rings_.find(domid);
    if (it == rings_.end()) return;
    log::detail("domain " + std::to_string(domid) + " is released");
    DomainSession* s = it->second.get();
    std::erase(queue_, static_cast<Session*>(s));
    std::erase(deferred_, static_cast<Session*>(s));
    by_port_.erase(s->port);
    gate_->unbind(s->port);
    slots_.free(s->slot);
    rings_.erase(it);
}

std::string Server::control_help() const {
    return "log|on or log|off\nlogfile|<file>\nmemreport|<file>\nprint|<text>\n"
           "live-update [-c <cmdline>] [-F] [-t <timeout>] <file>\n";
}

ControlReply Server::control(Connection& conn, const Header& header, const std::vector<std::string_view>& words) {
    const std::string_view command = words[0];
    if (command == "log" && words.size() == 2 && (words[1] == "on" || words[1] == "off")) {
        log::trace_on(words[1] == "on");
        return {};
    }
    if (command == "logfile" && words.size() == 2) {
        const int error = log::trace_to(std::string(words[1]).c_str());
        return {error};
    }
    if (command == "memreport" && words.size() == 2) {
        const std::string report = engine_.memory_report();
        std::FILE* const file = std::fopen(std::string(words[1]).c_str(), "we");
        const bool whole = file && std::fwrite(report.data(), 1, report.size(), file) == report.size();
        return {file && std::fclose(file) == 0 && whole ? 0 : EIO};
    }
    if (command == "print" && words.size() == 2) {
        log::info(words[1]);
        return {};
    }
    if (command == "live-update" && on_live_update) {
        const ControlReply reply = on_live_update(words);
        if (reply.pending) pending_control = {conn.id, header};
        return reply;
    }
    return {EINVAL};
}

void Server::answer_pending(const ControlReply& reply) {
    for (const auto& s : std::set(sockets_))
        s->watch(); // save() stopped that
    for (const auto& c : engine_.connections())
        if (c->id == pending_control.connection && pending_control.connection != 0) {
            engine_.answer_control(*c, pending_control.header, reply);
            break;
        }
    pending_control = {};
    drain();
}

} // namespace hospes::xs
