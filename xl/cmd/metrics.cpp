// SPDX-License-Identifier: MIT
#include "libxl/report/metrics.hpp"
#include "xl/command.hpp"

#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libxl/console/stream.hpp"

namespace hospes::cli {
namespace {

class MetricsCommand final : public Command {
  public:
    static constexpr std::string_view verb = "metrics";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::string_view help() const override {
        return
#include "metrics.md.inc"
            ;
    }
    [[nodiscard]] std::vector<Option> options() override {
        return {{'o', "output", true, [this](const char* value) { file_ = value; }}};
    }
    int run(Context& context, std::span<const std::string>) override {
        const std::string text = XL_TRY(xl::report::metrics(context.host));
        if (file_.empty()) return xl::console::write_all(STDOUT_FILENO, text) ? exit_success : exit_failure;
        const Status done = replace(text);
        return done ? exit_success : report(done.problem());
    }

  private:
    /// A collector must never see half of it.
    [[nodiscard]] Status replace(const std::string& text) const {
        std::string fresh = file_ + ".XXXXXX";
        const int fd = ::mkostemp(fresh.data(), O_CLOEXEC);
        if (fd < 0) return error("write " + file_, errno);
        const bool written = xl::console::write_all(fd, text) && ::fchmod(fd, 0644) == 0;
        const int why = errno;
        if (::close(fd) == 0 && written && ::rename(fresh.c_str(), file_.c_str()) == 0) return {};
        const int code = written ? errno : why;
        ::unlink(fresh.c_str());
        return error("write " + file_, code);
    }

    std::string file_;
};

const Register<MetricsCommand> metrics_registration;

} // namespace
} // namespace hospes::cli
