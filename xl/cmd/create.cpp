// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <unistd.h>

#include <cstdio>

#include "libxl/domain/create.hpp"
#include "libxl/types/json.hpp"
#include "xc/image.hpp"
#include "xl/config/parser.hpp"
#include "xl/config/to_domain.hpp"

namespace hospes::cli {
namespace {

class CreateCommand final : public Command {
  public:
    static constexpr std::string_view verb = "create";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::string_view help() const override {
        return
#include "create.md.inc"
            ;
    }
    [[nodiscard]] std::vector<Option> options() override {
        return {{'f', "defconfig", true, [this](const char* value) { file_ = value; }},
                {'p', nullptr, false, [this](const char*) { paused_ = true; }},
                {'q', "quiet", false, [this](const char*) { quiet_ = true; }},
                {'n', "dryrun", false, [this](const char*) { dry_run_ = true; }},
                {0, "explain", false, [this](const char*) { explain_ = true; }},
                // Watching over a created domain is not this process's task here: accepted and
                // without effect.
                {'e', nullptr, false, [](const char*) {}},
                {'d', nullptr, false, [](const char*) {}}};
    }
    int run(Context& context, std::span<const std::string> arguments) override {
        std::size_t next = 0;
        if (file_.empty() && !arguments.empty() && arguments[0].find('=') == std::string::npos)
            file_ = arguments[next++];
        if (file_.empty()) {
            std::fprintf(stderr, "xl create: no configuration file is named\n");
            return exit_usage;
        }
        cfg::Translation wanted;
        if (!read_config(arguments.subspan(next), wanted)) return exit_failure;
        if (context.dry_run || dry_run_) {
            std::printf("%s\n", xl::to_json(wanted.config).c_str());
            return exit_success;
        }
        if (!quiet_) std::fprintf(stderr, "Parsing config from %s\n", file_.c_str());
        xl::CreateOptions options;
        options.paused = paused_;
        const bool live = isatty(STDERR_FILENO) && !quiet_;
        options.progress = [&](std::string_view stage) {
            if (live) std::fprintf(stderr, "\r\033[K%.*s ...", static_cast<int>(stage.size()), stage.data());
        };
        auto created = xl::create_domain(context.host, std::move(wanted.config), options);
        if (live) std::fprintf(stderr, "\r\033[K");
        const xl::CreatedDomain domain = XL_TRY(std::move(created));
        if (context.verbosity || explain_) {
            std::fprintf(stderr, "domain %u is %s: %s\n", domain.domain,
                         std::string(to_string(domain.type.type)).c_str(), domain.type.reason.c_str());
            for (const auto& [stage, seconds] : domain.stages)
                std::fprintf(stderr, "  %-26s %8.3f s\n", stage.c_str(), seconds);
        }
        return exit_success;
    }

  private:
    /// Reads the file and the overrides; reports what is wrong. False: stop.
    bool read_config(std::span<const std::string> overrides, cfg::Translation& out) const {
        const auto bytes = xc::read_file(file_, 1U << 20);
        if (!bytes) {
            report(bytes.problem());
            return false;
        }
        auto parsed = cfg::parse({reinterpret_cast<const char*>(bytes->data()), bytes->size()}, file_);
        if (const auto* bad = std::get_if<cfg::Diagnostic>(&parsed)) return complain(*bad);
        cfg::File& file = std::get<cfg::File>(parsed);
        for (const std::string& text : overrides) {
            const auto applied = cfg::parse_override(file, text);
            if (const auto* bad = std::get_if<cfg::Diagnostic>(&applied)) return complain(*bad);
        }
        auto translated = cfg::to_domain_config(file, {});
        if (const auto* bad = std::get_if<cfg::Diagnostic>(&translated)) return complain(*bad);
        out = std::get<cfg::Translation>(std::move(translated));
        for (const cfg::Diagnostic& warning : out.warnings)
            std::fprintf(stderr, "xl: warning: %s\n", warning.render().c_str());
        return true;
    }
    static bool complain(const cfg::Diagnostic& bad) {
        std::fprintf(stderr, "xl: %s\n", bad.render().c_str());
        return false;
    }

    std::string file_;
    bool paused_ = false, quiet_ = false, dry_run_ = false, explain_ = false;
};

const Register<CreateCommand> registration;

} // namespace
} // namespace hospes::cli
