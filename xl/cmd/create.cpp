// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cerrno>
#include <cstdio>
#include <random>

#include "libxl/console/attach.hpp"
#include "libxl/domain/create.hpp"
#include "libxl/domain/supervise.hpp"
#include "libxl/host/cpu_set.hpp"
#include "libxl/host/domains.hpp"
#include "libxl/types/cpu_list.hpp"
#include "libxl/types/json.hpp"
#include "xl/arguments.hpp"
#include "xl/explain.hpp"
#include "xl/guest_file.hpp"
#include "xl/output/json.hpp"
#include "xl/output/progress.hpp"

namespace hospes::cli {
namespace {

// libxl's errors as the stock xl turns them into exit codes.
constexpr int exit_no_file = 6, exit_not_created = 3;

/// vm.cpumask and its kin restrict each vCPU; one without an affinity of its own gets the mask.
Status mask_vcpus(Context& context, xl::DomainConfig& config) {
    const Settings& settings = context.settings;
    if (settings.cpumask.empty() && settings.pv_cpumask.empty() && settings.hvm_cpumask.empty()) return {};
    const auto layout = HOSPES_TRY(xl::node_of_cpus(context.host));
    auto& affinities = config.b_info.vcpu_hard_affinity;
    if (affinities.empty()) affinities.push_back(HOSPES_TRY(xl::parse_cpu_list("all", layout)));
    for (xl::Bitmap& hard : affinities)
        HOSPES_TRY(apply_masks(settings, config.c_info.type, layout, hard));
    return {};
}

/// domid_policy="random" of xl.conf: an id that no domain has.
Result<xc::DomId> random_domid(Context& context) {
    const auto rows = HOSPES_TRY(xl::list_domains(context.host));
    std::random_device device;
    std::uniform_int_distribution<unsigned> ids(1, DOMID_FIRST_RESERVED - 1);
    for (;;) {
        const auto id = static_cast<xc::DomId>(ids(device));
        bool taken = false;
        for (const xl::DomainRow& row : rows)
            taken = taken || row.id == id;
        if (!taken) return id;
    }
}

class CreateCommand final : public Command {
  public:
    static constexpr std::string_view verb = "create";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::vector<Option> options() override {
        const auto flag = [](bool& to) { return [&to](const char*) { to = true; }; };
        return {{'f', "defconfig", true, [this](const char* value) { file_ = value; }},
                {'p', nullptr, false, flag(paused_)},
                {'c', nullptr, false, flag(console_)},
                {'q', "quiet", false, flag(quiet_)},
                {'n', "dryrun", false, flag(dry_run_)},
                {'d', nullptr, false, flag(debug_)},
                {'F', nullptr, false, flag(foreground_)},
                {'e', nullptr, false, flag(unwatched_)},
                {'V', "vncviewer", false, flag(viewer_)},
                {'A', "vncviewer-autopass", false, flag(autopass_)},
                {0, "explain", false, flag(explain_)},
                {0, "ignore-global-affinity-masks", false, flag(ignore_masks_)}};
    }
    int run(Context& context, std::span<const std::string> arguments) override {
        GuestFile wanted(context);
        if (const int code = wanted.take_arguments(arguments, file_); code != exit_success) return usage(code);
        if (wanted.name().empty()) {
            complain("Config file not specified and none in save file");
            return exit_no_file;
        }
        if (const int code = wanted.read(!quiet_); code != exit_success) return code;
        xl::DomainConfig& config = wanted.config();
        if (!ignore_masks_) XL_TRY(mask_vcpus(context, config));
        if (explain_) return explain_creation(context, config);
        if (context.dry_run || dry_run_ || debug_) std::fputs((xl::to_json(config) + "\n").c_str(), stdout);
        if (context.dry_run || dry_run_) return exit_success;
        if (context.settings.random_domids && config.c_info.domid == 0)
            config.c_info.domid = XL_TRY(random_domid(context));
        const bool needs_supervisor = !foreground_ && !unwatched_;
        const Status supervised = needs_supervisor ? xl::ensure_supervisor() : Status();
        const auto domain = create(context, std::move(config));
        if (!domain) return exit_not_created;
        if (!supervised)
            complain("xl: warning: nobody acts when domain %u ends, for there is no supervisor: %s", *domain,
                     supervised.problem().text().c_str());
        return after_creation(context, *domain);
    }

  private:
    std::optional<xc::DomId> create(Context& context, xl::DomainConfig&& config) const {
        const std::string name = config.c_info.name;
        output::Progress progress(
            output::Progress::form_for(quiet_, context.verbosity > 0 || debug_, context.progress_cr));
        xl::CreateOptions options;
        options.paused = paused_ || console_; // the console is to miss nothing: attach() lets it run
        const auto cancel = xl::Cancel::on_signals();
        options.cancel = cancel.get();
        options.autoballoon = balloons(context);
        options.supervision = foreground_  ? xl::Supervision::self
                              : unwatched_ ? xl::Supervision::none
                                           : xl::Supervision::daemon;
        options.progress = [&progress](std::string_view stage) { progress.stage(stage); };
        const auto created = xl::create_domain(context.host, std::move(config), options);
        progress.finish();
        if (!created) {
            report(created.problem());
            return std::nullopt;
        }
        if (context.verbosity > 0 || debug_) {
            complain("domain %u is %s: %s", created->domain, std::string(to_string(created->type.type)).c_str(),
                     created->type.reason.c_str());
            for (const auto& [stage, seconds] : created->stages)
                complain("  %-26s %8.3f s", stage.c_str(), seconds);
        }
        if (context.json) {
            output::Json json(stdout);
            json.open_map();
            json.field("domid", created->domain);
            json.field("name", name);
            json.field("type", to_string(created->type.type));
            json.field("reason", created->type.reason);
            json.close_map();
        }
        return created->domain;
    }
    /// What the user wants of a guest that runs: its console, its display, to wait for its end.
    [[nodiscard]] int after_creation(Context& context, xc::DomId domain) const {
        int code = exit_success;
        if (viewer_ || autopass_) code = run_verb(context, "vncviewer", domain, autopass_ ? "--autopass" : nullptr);
        if (console_) code = attach_console(context, domain);
        if (foreground_ && code == exit_success) code = stay_with(context, domain);
        return code;
    }
    [[nodiscard]] int attach_console(Context& context, xc::DomId domain) const {
        xc::Control* const control = XL_TRY(context.host.control());
        bool started = paused_;
        xl::console::Options options;
        options.ready = [&]() -> Status {
            if (std::exchange(started, true)) return {};
            return control->unpause(domain);
        };
        const auto ending = xl::console::attach(context.host, domain, options);
        if (!started) XL_TRY(control->unpause(domain)); // a guest without a console shall run all the same
        return ending ? exit_success : report(ending.problem());
    }
    static int run_verb(Context& context, std::string_view other, xc::DomId domain, const char* option) {
        const auto command = make_command(other);
        if (!command) return not_supported_yet(other);
        std::vector<std::string> arguments;
        if (option) arguments.emplace_back(option);
        arguments.push_back(std::to_string(domain));
        std::fflush(nullptr);
        return run_command(*command, context, std::move(arguments));
    }
    /// autoballoon of xl.conf; "auto" is off when the hypervisor was told how much domain 0 has.
    static bool balloons(Context& context) {
        if (context.settings.autoballoon != Settings::Balloon::automatic)
            return context.settings.autoballoon == Settings::Balloon::on;
        const auto control = context.host.control();
        if (!control) return false;
        const auto version = (*control)->version();
        return version && version->command_line.find("dom0_mem=") == std::string::npos;
    }
    static int stay_with(Context& context, xc::DomId domain) {
        const auto cancel = xl::Cancel::on_signals();
        XL_TRY(xl::watch_over(
            context.host, domain, [](const std::string& line) { complain("%s", line.c_str()); }, cancel.get()));
        return exit_success;
    }

    std::string file_;
    bool paused_ = false, console_ = false, quiet_ = false, dry_run_ = false, debug_ = false, foreground_ = false,
         unwatched_ = false, viewer_ = false, autopass_ = false, explain_ = false, ignore_masks_ = false;
};

const Register<CreateCommand> create_registration;

} // namespace
} // namespace hospes::cli
