// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libxl/device/driver_domain.hpp"

namespace hospes::cli {
namespace {

constexpr const char* log_folder = "/var/log/xen";
constexpr const char* log_name = "/var/log/xen/xldevd.log";

class DevdCommand final : public Command {
  public:
    static constexpr std::string_view verb = "devd";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::vector<Option> options() override {
        return {{'F', nullptr, false, [this](const char*) { foreground_ = true; }},
                {'p', "pidfile", true, [this](const char* value) { pid_file_ = value; }}};
    }
    int run(Context&, std::span<const std::string>) override {
        std::signal(SIGPIPE, SIG_IGN);
        if (foreground_) return serve(-1);
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) return report(error("start the service", errno));
        std::fflush(nullptr);
        const pid_t child = ::fork();
        if (child < 0) return report(error("start the service", errno));
        ::close(ends[child > 0 ? 1 : 0]);
        if (child > 0) { // leaves when the service is ready, with its verdict
            char byte = 0;
            return ::read(ends[0], &byte, 1) == 1 ? exit_success : exit_failure;
        }
        ::setsid();
        ::_exit(serve(ends[1]));
    }

  private:
    int serve(int ready) {
        const auto cancel = xl::Cancel::on_signals();
        xl::Host host;
        const auto log = [](const std::string& line) {
            std::fprintf(stderr, "%s\n", line.c_str());
            std::fflush(stderr);
        };
        auto service = XL_TRY(xl::DriverDomain::open(host, log));
        if (!pid_file_.empty()) XL_TRY(write_pid());
        if (ready >= 0) {
            detach();
            [[maybe_unused]] const ssize_t told = ::write(ready, "", 1);
            ::close(ready);
        }
        const Status done = service.serve(*cancel);
        if (!pid_file_.empty()) ::unlink(pid_file_.c_str());
        return done ? exit_success : report(done.problem());
    }

    [[nodiscard]] Status write_pid() const {
        std::FILE* const file = std::fopen(pid_file_.c_str(), "we");
        if (!file) return error("write " + pid_file_, errno);
        const bool written = std::fprintf(file, "%d\n", ::getpid()) > 0;
        return std::fclose(file) == 0 && written ? Status() : Status(error("write " + pid_file_, errno));
    }

    /// From the terminal: what it says goes to its log.
    static void detach() {
        ::mkdir(log_folder, 0755);
        const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        const int log = ::open(log_name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
        ::dup2(null, 0);
        ::dup2(log >= 0 ? log : null, 1);
        ::dup2(log >= 0 ? log : null, 2);
    }

    bool foreground_ = false;
    std::string pid_file_;
};

const Register<DevdCommand> devd_registration;

} // namespace
} // namespace hospes::cli
