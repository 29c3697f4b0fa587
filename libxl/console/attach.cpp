// SPDX-License-Identifier: MIT
#include "libxl/console/attach.hpp"

#include <cerrno>
#include <sstream>

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include "libxl/console/stream.hpp"
#include "libxl/core/paths.hpp"
#include "libxl/core/wait.hpp"

namespace hospes::xl::console {
namespace {

/// A terminal that passes every key on; as it was before when destroyed.
class RawTerminal {
  public:
    explicit RawTerminal(int fd) : fd_(fd), saved_(::isatty(fd) && ::tcgetattr(fd, &before_) == 0) {
        if (!saved_) return;
        termios raw = before_;
        ::cfmakeraw(&raw);
        ::tcsetattr(fd_, TCSANOW, &raw);
    }
    ~RawTerminal() {
        if (saved_) ::tcsetattr(fd_, TCSAFLUSH, &before_);
    }
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;

  private:
    int fd_;
    termios before_{};
    bool saved_;
};

/// Where the store names the terminal of a console.
std::string terminal_node(xc::DomId domain, ConsoleType type, unsigned number) {
    const std::string root = path::domain(domain);
    switch (type) {
    case ConsoleType::serial: return root + "/serial/" + std::to_string(number) + "/tty";
    case ConsoleType::vuart: return root + "/vuart/" + std::to_string(number) + "/tty";
    default: return number == 0 ? root + "/console/tty" : root + "/device/console/" + std::to_string(number) + "/tty";
    }
}

class Session {
  public:
    Session(Host& host, xc::DomId domain, const Options& options)
        : host_(host), domain_(domain), options_(options), type_(options.type) {}

    Result<Ending> run() {
        control_ = HOSPES_TRY(host_.control());
        store_ = HOSPES_TRY(host_.store());
        const xc::DomainInfo info = HOSPES_TRY(control_->info(domain_));
        if (type_ == ConsoleType::unknown)
            type_ = type_of(host_, info) == DomainType::hvm ? ConsoleType::serial : ConsoleType::pv;
        bool since_boot = options_.since_boot, announced = false;
        // Made before the guest's first byte may arrive, and kept over a change of the daemon.
        cancel_ = Cancel::on_signals();
        const RawTerminal raw(options_.in);
        for (;;) {
            std::optional<Stream> stream = HOSPES_TRY(open(since_boot, announced));
            if (!stream) return Ending::ended;
            if (!std::exchange(announced, true) && options_.ready) HOSPES_TRY(options_.ready());
            if (pump(*stream) == Ending::left) return Ending::left;
            if (!alive()) return Ending::ended;
            since_boot = false; // seen already
        }
    }

  private:
    /// The stream ended: did the guest, or only the daemon?
    [[nodiscard]] bool alive() const {
        const auto info = control_->info(domain_);
        return info.ok() && !(info->flags & (XEN_DOMINF_dying | XEN_DOMINF_shutdown));
    }

    /// Our daemon if it has this console, else the terminal that the store names, waited for. `again`: the daemon went
    /// away and its successor is awaited; nothing if the guest ends first.
    Result<std::optional<Stream>> open(bool since_boot, bool again) {
        const bool ours = type_ == ConsoleType::pv && options_.number == 0;
        if (since_boot && !ours)
            return error("show the console since boot", EOPNOTSUPP, "only the primary PV console is kept");
        std::optional<Stream> found;
        Error problem;
        const std::string node = terminal_node(domain_, type_, options_.number);
        const auto done = [&]() -> Result<bool> {
            if (again && !alive()) return true;
            if (ours) {
                const std::string request = "attach " + std::to_string(domain_) + (since_boot ? " since-boot" : "");
                auto stream = Stream::ask_daemon(options_.socket, request, options_.timeout_ms);
                if (stream) {
                    found.emplace(*std::move(stream));
                    return true;
                }
                problem = std::move(stream).problem();
            }
            const auto terminal = HOSPES_TRY(store_->try_read(node));
            if (since_boot || !terminal || terminal->empty()) return false;
            auto stream = Stream::open_terminal(*terminal);
            if (stream) found.emplace(*std::move(stream));
            return found.has_value();
        };
        const auto deadline =
            Clock::now() + std::chrono::milliseconds(again ? options_.follow_ms : options_.timeout_ms);
        HOSPES_TRY(wait_until(*store_, {node, "@releaseDomain"}, deadline, done, cancel_.get()));
        if (found || (again && !alive())) return found;
        if (since_boot) return std::move(problem).within("show the console since boot");
        return error("attach to the console", ENOENT, "Could not read tty from store: nothing is at " + node,
                     "is xenconsoled running? `systemctl status xenconsoled`");
    }

    Ending pump(Stream& stream) {
        for (;;) {
            pollfd wait[3] = {
                {stream.fd(), POLLIN, 0}, {input_open_ ? options_.in : -1, POLLIN, 0}, {cancel_->fd(), POLLIN, 0}};
            if (::poll(wait, 3, -1) < 0 && errno != EINTR) return Ending::left;
            if (cancel_->requested()) return Ending::left;
            if (wait[0].revents) {
                const std::string said = stream.read();
                if (said.empty()) return Ending::ended;
                if (!write_all(options_.out, said)) return Ending::left;
            }
            if (wait[1].revents && !type_in(stream)) return Ending::left;
        }
    }

    /// Passes on what was typed; false when the user leaves.
    bool type_in(Stream& stream) {
        char keys[512];
        const ssize_t n = ::read(options_.in, keys, sizeof keys);
        if (n < 0 && errno == EINTR) return true;
        if (n <= 0) { // a script's input is over: go on listening, as the stock tool does
            input_open_ = false;
            return true;
        }
        const std::string_view typed(keys, static_cast<std::size_t>(n));
        const auto escape = typed.find(options_.escape);
        static_cast<void>(stream.write(typed.substr(0, escape))); // its loss shows when reading
        return escape == std::string_view::npos;
    }

    Host& host_;
    xc::DomId domain_;
    const Options& options_;
    ConsoleType type_;
    xc::Control* control_ = nullptr;
    xs::Client* store_ = nullptr;
    std::unique_ptr<Cancel> cancel_;
    bool input_open_ = true;
};

} // namespace

Result<Ending> attach(Host& host, xc::DomId domain, const Options& options) {
    return Session(host, domain, options).run();
}

Status print_history(const std::string& domain, const Options& options) {
    const Stream list = HOSPES_TRY(Stream::ask_daemon(options.socket, "list", options.timeout_ms));
    std::string text;
    for (std::string piece = list.read(); !piece.empty(); piece = list.read())
        text += piece;
    std::istringstream lines(text); // "DOMID live|dead BYTES NAME"
    std::string number, state, bytes, name, found;
    while (lines >> number >> state >> bytes && std::getline(lines >> std::ws, name))
        if (number == domain || name == domain) found = number; // the later one is the newer
    if (found.empty())
        return error("show the console of '" + domain + "'", ENOENT, "the console daemon keeps nothing of it",
                     "older consoles may be in /var/log/xen/console");
    const Stream history = HOSPES_TRY(Stream::ask_daemon(options.socket, "history " + found, options.timeout_ms));
    for (std::string piece = history.read(); !piece.empty(); piece = history.read())
        if (!write_all(options.out, piece)) return error("print the console", errno);
    return {};
}

std::optional<char> parse_escape(std::string_view text) {
    if (text.size() == 1) return text[0];
    if (text.size() != 2 || text[0] != '^') return std::nullopt;
    const char key = text[1] >= 'a' && text[1] <= 'z' ? static_cast<char>(text[1] - 'a' + 'A') : text[1];
    if (key < '@' || key > '_') return std::nullopt;
    return static_cast<char>(key - '@');
}

} // namespace hospes::xl::console
