// SPDX-License-Identifier: MIT
#include "libxl/consoled/guest_console.hpp"

#include <cerrno>
#include <chrono>
#include <cstdlib>

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>

namespace hospes::xl::consoled {

namespace asio = boost::asio;

static std::uint64_t now_ms() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

// --- Viewer

void Viewer::send(std::string_view bytes) {
    constexpr std::size_t limit = std::size_t{1} << 20;
    pending_ += bytes;
    if (!writing_ && pending_.size() > limit) pending_.erase(0, pending_.size() - limit);
    pump();
}

void Viewer::finish() {
    finishing_ = true;
    pump();
}

void Viewer::pump() {
    if (writing_) return;
    if (pending_.empty()) {
        boost::system::error_code ignored;
        if (finishing_) socket.close(ignored);
        return;
    }
    writing_ = true;
    socket.async_write_some(asio::buffer(pending_), [self = shared_from_this()](const auto& error, std::size_t n) {
        self->writing_ = false;
        if (error)
            self->pending_.clear();
        else
            self->pending_.erase(0, n);
        self->pump();
    });
}

// --- GuestConsole

GuestConsole::GuestConsole(asio::io_context& io, xc::EventChannels& events, xc::DomId domid, std::string name,
                           Limits limits)
    : events_(events), domid_(domid), name_(std::move(name)), limits_(limits), history_(limits.history), terminal_(io),
      terminal_peer_(io), throttle_(io) {}

Status GuestConsole::open_terminal() {
    const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    char name[64];
    if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0 ||
        ::ptsname_r(master, name, sizeof name) != 0) {
        const int code = errno;
        if (master >= 0) ::close(master);
        return error("open a pseudo terminal", code);
    }
    terminal_.assign(master);
    const int peer = ::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (peer < 0) return error("open pseudo terminal " + std::string(name), errno);
    terminal_peer_.assign(peer);
    termios raw{};
    if (::tcgetattr(peer, &raw) == 0) {
        ::cfmakeraw(&raw);
        ::tcsetattr(peer, TCSAFLUSH, &raw);
    }
    terminal_name_ = name;
    read_terminal();
    return {};
}

void GuestConsole::connect(RingMemory memory, std::uint32_t local_port) {
    if (port_) events_.unbind(port_);
    memory_ = std::move(memory);
    port_ = local_port;
    dead_ = false;
    on_event(); // what was said before we came
}

void GuestConsole::on_event() {
    if (!connected()) return;
    said(ConsoleRing(*memory_.page()).take());
    events_.notify(port_); // the guest may wait for room
    pump_input();
    const std::uint64_t now = now_ms();
    if (now - period_start_ >= period_ms) {
        period_start_ = now;
        events_in_period_ = 0;
    }
    if (++events_in_period_ < allowance) return events_.unmask(port_);
    if (throttled_) return;
    throttled_ = true;
    throttle_.expires_after(std::chrono::milliseconds(period_ms));
    throttle_.async_wait([self = shared_from_this()](const auto& error) {
        self->throttled_ = false;
        if (!error && self->connected()) self->on_event();
    });
}

void GuestConsole::bury() {
    if (connected()) {
        said(ConsoleRing(*memory_.page()).take());
        events_.unbind(port_);
        port_ = 0;
        memory_ = {}; // or the hypervisor cannot free the domain
    }
    dead_ = true;
    throttle_.cancel();
    boost::system::error_code ignored;
    terminal_.close(ignored);
    terminal_peer_.close(ignored);
    for (const auto& v : viewers_)
        v->finish();
    viewers_.clear();
    log_.reset();
}

void GuestConsole::said(std::string_view text) {
    if (text.empty()) return;
    history_.append(text);
    if (log_) log_->write(text);
    if (terminal_.is_open()) {
        terminal_pending_ += text;
        if (!terminal_writing_ && terminal_pending_.size() > limits_.pty)
            terminal_pending_.erase(0, terminal_pending_.size() - limits_.pty);
        write_terminal();
    }
    for (const auto& v : viewers_)
        v->send(text);
}

void GuestConsole::write_terminal() {
    if (terminal_writing_ || terminal_pending_.empty() || !terminal_.is_open()) return;
    terminal_writing_ = true;
    terminal_.async_wait(asio::posix::stream_descriptor::wait_write, [self = shared_from_this()](const auto& error) {
        self->terminal_writing_ = false;
        if (error || !self->terminal_.is_open()) return;
        std::string& p = self->terminal_pending_;
        const ssize_t n = ::write(self->terminal_.native_handle(), p.data(), p.size());
        if (n > 0) p.erase(0, static_cast<std::size_t>(n));
        self->write_terminal();
    });
}

void GuestConsole::read_terminal() {
    if (terminal_reading_ || !terminal_.is_open() || input_.size() >= input_limit) return;
    terminal_reading_ = true;
    terminal_.async_read_some(asio::buffer(typed_buffer_),
                              [self = shared_from_this()](const auto& error, std::size_t n) {
                                  self->terminal_reading_ = false;
                                  if (error) return;
                                  self->typed({self->typed_buffer_.data(), n});
                                  self->read_terminal();
                              });
}

void GuestConsole::typed(std::string_view text) {
    input_ += text.substr(0, input_limit * 2 - std::min(input_.size(), input_limit * 2));
    pump_input();
}

void GuestConsole::pump_input() {
    if (!connected() || input_.empty()) return;
    const std::size_t n = ConsoleRing(*memory_.page()).give(input_);
    if (n == 0) return;
    input_.erase(0, n);
    events_.notify(port_);
    read_terminal();
}

void GuestConsole::attach(std::shared_ptr<Viewer> viewer, bool since_boot) {
    if (since_boot || dead_) viewer->send(history_.text());
    if (dead_) return viewer->finish();
    viewers_.insert(viewer);
    read_viewer(viewer);
}

void GuestConsole::read_viewer(const std::shared_ptr<Viewer>& viewer) {
    auto buffer = std::make_shared<std::array<char, 512>>();
    viewer->socket.async_read_some(asio::buffer(*buffer),
                                   [self = shared_from_this(), viewer, buffer](const auto& error, std::size_t n) {
                                       if (error) {
                                           self->viewers_.erase(viewer);
                                           return;
                                       }
                                       self->typed({buffer->data(), n});
                                       self->read_viewer(viewer);
                                   });
}

} // namespace hospes::xl::consoled
