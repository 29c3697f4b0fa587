// SPDX-License-Identifier: MIT
#include "libxl/consoled/daemon.hpp"

#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>

namespace hospes::xl::consoled {

namespace asio = boost::asio;

static constexpr std::uint32_t console_grant = 0; ///< GNTTAB_RESERVED_CONSOLE, <xen/grant_table.h>

static std::string node(xc::DomId domid, const char* leaf) { return "/local/domain/" + std::to_string(domid) + leaf; }

static void warn(const std::string& text) { std::fprintf(stderr, "xenconsoled: %s\n", text.c_str()); }

Daemon::~Daemon() {
    // Their owners close these.
    if (store_fd_.is_open()) store_fd_.release();
    if (event_fd_.is_open()) event_fd_.release();
}

Status Daemon::open_devices() {
    transport_ = HOSPES_TRY(xc::open_privcmd());
    control_.emplace(*transport_);
    events_.emplace(HOSPES_TRY(xc::EventChannels::open()));
    if (auto grants = xc::GrantDevice::open(); grants.ok()) grants_.emplace(std::move(*grants));
    store_.emplace(HOSPES_TRY(xs::Client::connect(options_.store)));
    return {};
}

Status Daemon::start() {
    if (auto s = open_devices(); !s.ok()) return s;
    if (options_.log_hypervisor) {
        hypervisor_log_ = std::make_unique<LogFile>(options_.log_dir + "/hypervisor.log", options_.hypervisor_log);
        if (auto port = events_->bind_virq(VIRQ_CON_RING); port.ok()) hypervisor_port_ = *port;
        log_hypervisor();
    }
    if (auto s = listen(); !s.ok()) return s;
    for (const char* special : {"@introduceDomain", "@releaseDomain"})
        if (auto s = store_->watch(special, special); !s.ok()) return s;
    store_fd_.assign(store_->fd());
    event_fd_.assign(events_->fd());
    scan();
    wait_store();
    wait_events();
    hangup_.add(SIGHUP);
    wait_hangup();
    return {};
}

Status Daemon::listen() {
    boost::system::error_code e;
    ::unlink(options_.socket.c_str());
    acceptor_.open(asio::local::stream_protocol(), e);
    const mode_t before = ::umask(0177);
    if (!e) acceptor_.bind({options_.socket}, e);
    ::umask(before);
    if (!e) acceptor_.listen(16, e);
    if (e) return error("listen on " + options_.socket, e.value());
    accept();
    return {};
}

// --- what happens around us

void Daemon::wait_store() {
    // A request's answer may have brought events along, which the descriptor does not tell of any more.
    for (;;) {
        auto event = store_->next_event(0);
        if (!event.ok()) {
            // Without the store there is nothing left to do; the supervisor starts us anew.
            warn("lost the store: " + event.problem().text());
            io_.stop();
            return;
        }
        if (!*event) break;
        on_watch(**event);
    }
    store_fd_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const auto& e) {
        if (!e) wait_store();
    });
    // Waiting made the descriptor non-blocking, once; the client's requests are meant to block.
    ::fcntl(store_->fd(), F_SETFL, ::fcntl(store_->fd(), F_GETFL) & ~O_NONBLOCK);
}

void Daemon::on_watch(const xs::WatchEvent& event) {
    if (event.token[0] == '@') return scan();
    xc::DomId domid = 0;
    const std::string& t = event.token;
    if (std::from_chars(t.data(), t.data() + t.size(), domid).ec != std::errc()) return;
    if (GuestConsole* c = find(domid)) connect(*c);
}

void Daemon::wait_events() {
    event_fd_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const auto& e) {
        if (e) return;
        std::array<std::uint32_t, 64> ports;
        const std::size_t n = events_->pending(ports);
        for (std::size_t i = 0; i < n; ++i) {
            if (ports[i] == hypervisor_port_) {
                log_hypervisor();
                events_->unmask(ports[i]);
                continue;
            }
            for (const auto& [domid, c] : live_)
                if (c->port() == ports[i]) {
                    c->on_event();
                    break;
                }
        }
        wait_events();
    });
}

void Daemon::wait_hangup() {
    hangup_.async_wait([this](const auto& e, int) {
        if (e) return;
        if (hypervisor_log_) hypervisor_log_->reopen();
        for (const auto& [domid, c] : live_)
            if (c->log()) c->log()->reopen();
        wait_hangup();
    });
}

void Daemon::log_hypervisor() {
    if (!hypervisor_log_) return;
    for (;;) {
        const auto text = control_->console_since(hypervisor_index_);
        if (!text.ok() || text->empty()) return;
        hypervisor_log_->write(*text);
    }
}

// --- domains

GuestConsole* Daemon::find(xc::DomId domid) {
    const auto it = live_.find(domid);
    return it == live_.end() ? nullptr : it->second.get();
}

void Daemon::scan() {
    const auto domains = control_->list();
    if (!domains.ok()) return warn(domains.problem().text());
    std::map<xc::DomId, bool> present;
    for (const auto& d : *domains)
        if (d.domain != 0 && !(d.flags & XEN_DOMINF_dying)) present[d.domain] = true;
    std::vector<xc::DomId> gone;
    for (const auto& [domid, c] : live_)
        if (!present.count(domid)) gone.push_back(domid);
    for (const xc::DomId domid : gone)
        bury(domid);
    for (const auto& [domid, yes] : present)
        if (!find(domid)) adopt(domid);
}

void Daemon::adopt(xc::DomId domid) {
    const auto name = store_->try_read(node(domid, "/name"));
    if (!name.ok() || !*name) return; // not introduced yet, or gone: there will be an event
    const auto type = store_->try_read(node(domid, "/console/type"));
    if (!type.ok() || (*type && **type != "xenconsoled")) return; // QEMU's
    auto c = std::make_shared<GuestConsole>(io_, *events_, domid, **name, options_.limits);
    if (auto s = c->open_terminal(); !s.ok()) warn(**name + ": " + s.problem().text());
    if (options_.log_guests) {
        auto log =
            std::make_unique<LogFile>(options_.log_dir + "/guest-" + file_name_of(**name) + ".log", options_.guest_log);
        if (log->ok())
            c->set_log(std::move(log));
        else
            warn("cannot write " + log->path());
    }
    live_[domid] = c;
    if (auto s = store_->watch(node(domid, "/console"), std::to_string(domid)); !s.ok()) warn(s.problem().text());
}

void Daemon::connect(GuestConsole& c) {
    const xc::DomId domid = c.domid();
    const auto ref = store_->try_read(node(domid, "/console/ring-ref"));
    const auto port = store_->try_read(node(domid, "/console/port"));
    if (!ref.ok() || !port.ok() || !*ref || !*port) return;
    const std::uint64_t frame = std::strtoull((*ref)->c_str(), nullptr, 10);
    const auto remote = static_cast<std::uint32_t>(std::strtoul((*port)->c_str(), nullptr, 10));
    if (c.connected() && frame == c.ring_ref && remote == c.remote_port) return;
    RingMemory memory;
    if (grants_) {
        if (auto page = grants_->map(domid, console_grant); page.ok()) memory.granted = std::move(*page);
    }
    if (!memory.granted) {
        const xen_pfn_t pfn = frame;
        auto mapping = xc::map_frames(*transport_, domid, {&pfn, 1}, true);
        if (!mapping.ok()) return warn(c.name() + ": " + mapping.problem().text());
        memory.foreign = std::move(*mapping);
    }
    const auto local = events_->bind_interdomain(domid, remote);
    if (!local.ok()) return warn(c.name() + ": " + local.problem().text());
    c.ring_ref = frame;
    c.remote_port = remote;
    c.connect(std::move(memory), *local);
    // Where stock xenconsole looks, readable by the guest as the C daemon leaves it.
    if (auto s = store_->write(node(domid, "/console/tty"), c.terminal()); !s.ok()) warn(s.problem().text());
}

void Daemon::bury(xc::DomId domid) {
    const auto it = live_.find(domid);
    it->second->bury();
    dead_.push_back(it->second);
    if (dead_.size() > options_.keep_dead) dead_.pop_front();
    live_.erase(it);
    // The tree may be gone already; then so is the watch's reason.
    static_cast<void>(store_->unwatch(node(domid, "/console"), std::to_string(domid)).ok());
}

// --- viewers

void Daemon::accept() {
    acceptor_.async_accept([this](const auto& e, Viewer::Socket socket) {
        if (e == asio::error::operation_aborted) return;
        if (!e) read_line(std::make_shared<Viewer>(std::move(socket)), std::make_shared<std::string>());
        accept();
    });
}

void Daemon::read_line(const std::shared_ptr<Viewer>& viewer, std::shared_ptr<std::string> line) {
    auto byte = std::make_shared<char>();
    viewer->socket.async_read_some(asio::buffer(byte.get(), 1), [this, viewer, line, byte](const auto& e, std::size_t) {
        if (e || line->size() > 100) return;
        if (*byte == '\n') return serve(viewer, *line);
        *line += *byte;
        read_line(viewer, line);
    });
}

void Daemon::serve(const std::shared_ptr<Viewer>& viewer, const std::string& line) {
    const auto refuse = [&](const std::string& why) {
        viewer->send("error " + why + "\n");
        viewer->finish();
    };
    if (line == "list") {
        std::string text = "ok\n";
        const auto add = [&](const GuestConsole& c) {
            text += std::to_string(c.domid()) + (c.dead() ? " dead " : " live ") + std::to_string(c.history().size()) +
                    " " + c.name() + "\n";
        };
        for (const auto& [domid, c] : live_)
            add(*c);
        for (const auto& c : dead_)
            add(*c);
        viewer->send(text);
        return viewer->finish();
    }
    const std::size_t space = line.find(' ');
    const std::string verb = line.substr(0, space);
    if ((verb != "attach" && verb != "history") || space == std::string::npos) return refuse("unknown request");
    xc::DomId domid = 0;
    const char* end = line.data() + line.size();
    const auto [stop, bad] = std::from_chars(line.data() + space + 1, end, domid);
    const std::string_view rest(stop, static_cast<std::size_t>(end - stop));
    if (bad != std::errc() || !(rest.empty() || rest == " since-boot")) return refuse("not a domain number");
    std::shared_ptr<GuestConsole> c;
    if (const auto it = live_.find(domid); it != live_.end()) c = it->second;
    for (auto it = dead_.rbegin(); !c && it != dead_.rend(); ++it)
        if ((*it)->domid() == domid) c = *it;
    if (!c) return refuse("no console is kept for domain " + std::to_string(domid));
    viewer->send("ok " + c->name() + "\n");
    if (verb == "attach") return c->attach(viewer, !rest.empty());
    viewer->send(c->history().text());
    viewer->finish();
}

} // namespace hospes::xl::consoled
