// SPDX-License-Identifier: MIT
#include "libxl/consoled/daemon.hpp"

#include <array>
#include <charconv>
#include <csignal>

#include <boost/asio/buffer.hpp>

#include "libxl/daemon/log.hpp"
#include "libxl/daemon/names.hpp"

namespace hospes::xl::consoled {

namespace asio = boost::asio;
namespace log = daemon::log;

static constexpr std::uint32_t console_grant = 0; ///< GNTTAB_RESERVED_CONSOLE, <xen/grant_table.h>

static std::string node(xc::DomId domid, const char* leaf) { return "/local/domain/" + std::to_string(domid) + leaf; }

Result<Devices> Devices::of_this_host() {
    Devices d{HOSPES_TRY(xc::open_privcmd()), HOSPES_TRY(xc::EventChannels::open()), std::nullopt};
    if (auto grants = xc::GrantDevice::open()) d.grants.emplace(std::move(*grants));
    return d;
}

Daemon::Daemon(asio::io_context& io, Options options)
    : io_(io), options_(std::move(options)), link_(io, options_.store,
                                                   {[this](xs::Client& store) { return watch(store); },
                                                    [this](const auto& events) {
                                                        for (const xs::WatchEvent& event : events)
                                                            on_watch(event);
                                                    },
                                                    [this] { scan(); }}),
      event_fd_(io), acceptor_(io), hangup_(io) {}

Daemon::~Daemon() {
    if (event_fd_.is_open()) event_fd_.release(); // its owner closes it
}

Status Daemon::start() {
    devices_.emplace(HOSPES_TRY(options_.open_devices()));
    control_.emplace(*devices_->transport);
    if (options_.log_hypervisor) {
        hypervisor_log_ = std::make_unique<LogFile>(options_.log_dir + "/hypervisor.log", options_.hypervisor_log);
        if (auto port = events().bind_virq(VIRQ_CON_RING); port.ok()) hypervisor_port_ = *port;
        log_hypervisor();
    }
    HOSPES_TRY(daemon::listen_at(acceptor_, options_.socket));
    accept();
    HOSPES_TRY(link_.open());
    scan();
    event_fd_.assign(events().fd());
    wait_events();
    hangup_.add(SIGHUP);
    wait_hangup();
    return {};
}

/// Also after the store was away: the rings that are mapped stay as they are.
Status Daemon::watch(xs::Client& store) {
    for (const char* special : {"@introduceDomain", "@releaseDomain"})
        HOSPES_TRY(store.watch(special, special));
    for (const auto& [domid, console] : live_)
        HOSPES_TRY(store.watch(node(domid, "/console"), std::to_string(domid)));
    return {};
}

// --- what happens around us

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
        const std::size_t n = events().pending(ports);
        for (std::size_t i = 0; i < n; ++i) {
            if (ports[i] == hypervisor_port_) {
                log_hypervisor();
                events().unmask(ports[i]);
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
    if (!domains.ok()) return log::warn(domains.problem().text());
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
    xs::Client* const store = link_.client();
    if (!store) return;
    const auto name = store->try_read(node(domid, "/name"));
    if (!name.ok() || !*name) return; // not introduced yet, or gone: there will be an event
    const auto type = store->try_read(node(domid, "/console/type"));
    if (!type.ok() || (*type && **type != "xenconsoled")) return; // QEMU's
    auto c = std::make_shared<GuestConsole>(io_, events(), domid, **name, options_.limits);
    if (auto s = c->open_terminal(); !s.ok()) log::warn(**name + ": " + s.problem().text());
    if (options_.log_guests) {
        const std::string path = options_.log_dir + "/guest-" + daemon::file_name_of(**name) + ".log";
        auto file = std::make_unique<LogFile>(path, options_.guest_log);
        if (file->ok())
            c->set_log(std::move(file));
        else
            log::warn("cannot write " + path);
    }
    live_[domid] = c;
    if (auto s = store->watch(node(domid, "/console"), std::to_string(domid)); !s.ok()) log::warn(s.problem().text());
}

void Daemon::connect(GuestConsole& c) {
    const xc::DomId domid = c.domid();
    xs::Client* const store = link_.client();
    if (!store) return;
    const std::string tty = node(domid, "/console/tty");
    const auto nodes = store->read_all({node(domid, "/console/ring-ref"), node(domid, "/console/port"), tty});
    if (!nodes || !(*nodes)[0] || !(*nodes)[1]) return;
    const std::uint64_t frame = std::strtoull((*nodes)[0]->c_str(), nullptr, 10);
    const auto remote = static_cast<std::uint32_t>(std::strtoul((*nodes)[1]->c_str(), nullptr, 10));
    const bool mapped = c.connected() && frame == c.ring_ref && remote == c.remote_port;
    if (!mapped && !map(c, frame, remote)) return;
    if ((*nodes)[2] == c.terminal() && c.announced) return;
    // Where stock xenconsole looks, readable by the guest as the C daemon leaves it. Also when an earlier daemon had
    // the same terminal: viewers of its wait for an event there.
    c.announced = true;
    if (auto s = store->write(tty, c.terminal()); !s.ok()) log::warn(s.problem().text());
}

/// False, for map().
static bool complain(const GuestConsole& c, const Error& why) {
    log::warn(c.name() + ": " + why.text());
    return false;
}

bool Daemon::map(GuestConsole& c, std::uint64_t frame, std::uint32_t remote) {
    const xc::DomId domid = c.domid();
    RingMemory memory;
    if (devices_->grants) {
        if (auto page = devices_->grants->map(domid, console_grant); page.ok()) memory.granted = std::move(*page);
    }
    if (!memory.granted) {
        const xen_pfn_t pfn = frame;
        auto mapping = xc::map_frames(*devices_->transport, domid, {&pfn, 1}, true);
        if (!mapping.ok()) return complain(c, mapping.problem());
        memory.foreign = std::move(*mapping);
    }
    const auto local = events().bind_interdomain(domid, remote);
    if (!local.ok()) return complain(c, local.problem());
    c.ring_ref = frame;
    c.remote_port = remote;
    c.connect(std::move(memory), *local);
    return true;
}

void Daemon::bury(xc::DomId domid) {
    const auto it = live_.find(domid);
    it->second->bury();
    dead_.push_back(it->second);
    if (dead_.size() > options_.keep_dead) dead_.pop_front();
    live_.erase(it);
    // The tree may be gone already; then so is the watch's reason.
    if (xs::Client* const store = link_.client())
        static_cast<void>(store->unwatch(node(domid, "/console"), std::to_string(domid)).ok());
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
