// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

#include "libxl/core/paths.hpp"
#include "libxl/device/spec_text.hpp"

namespace hospes::cli {
namespace {

class VncviewerCommand final : public Command {
  public:
    static constexpr std::string_view verb = "vncviewer";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 1; }
    [[nodiscard]] std::vector<Option> options() override {
        return {{0, "autopass", false, [this](const char*) { autopass_ = true; }},
                {0, "vncviewer-autopass", false, [this](const char*) { autopass_ = true; }}};
    }
    int run(Context& context, std::span<const std::string> arguments) override {
        const xc::DomId domain = XL_DOMAIN(context, arguments[0]);
        xs::Client* const store = XL_TRY(context.host.store());
        const std::string console = xl::path::domain(domain) + "/console";
        const auto port = XL_TRY(store->try_read(console + "/vnc-port"));
        const auto number = xl::to_number<unsigned>(port.value_or(""));
        if (!number || *number < vnc_base)
            return report(error("attach a VNC viewer to domain " + std::to_string(domain), ENOENT,
                                "it has no VNC server", "vfb = [ 'vnc=1' ] in its configuration gives it one"));
        const auto listen = XL_TRY(store->try_read(console + "/vnc-listen"));
        if (autopass_) XL_TRY(password_to_stdin(*store, domain));
        const std::string display = listen.value_or("localhost") + ":" + std::to_string(*number - vnc_base);
        std::fflush(nullptr);
        const char* const chosen = std::getenv("VNCVIEWER");
        const char* const viewer = chosen ? chosen : "vncviewer";
        if (autopass_)
            ::execlp(viewer, "vncviewer", display.c_str(), "-autopass", static_cast<char*>(nullptr));
        else
            ::execlp(viewer, "vncviewer", display.c_str(), static_cast<char*>(nullptr));
        return report(error("run " + std::string(viewer) + " " + display, errno, {},
                            "install a VNC viewer, such as tigervnc-viewer"));
    }

  private:
    static constexpr unsigned vnc_base = 5900;

    /// The viewer reads it there; a file without a name keeps it off the disk's directory.
    static Status password_to_stdin(xs::Client& store, xc::DomId domain) {
        const auto password = HOSPES_TRY(store.try_read(xl::path::domain(domain) + "/console/vnc-pass"));
        if (!password) return {}; // none is set, then none is asked for
        std::FILE* const file = std::tmpfile();
        if (!file || std::fputs(password->c_str(), file) < 0 || std::fflush(file) != 0)
            return error("hand the VNC password over", errno);
        std::rewind(file);
        return ::dup2(::fileno(file), STDIN_FILENO) < 0 ? Status(error("hand the VNC password over", errno)) : Status();
    }

    bool autopass_ = false;
};

const Register<VncviewerCommand> vncviewer_registration;

} // namespace
} // namespace hospes::cli
