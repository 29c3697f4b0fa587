// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cstdio>
#include <cstring>

#include "libxl/device/spec_text.hpp"
#include "libxl/host/cpu_set.hpp"
#include "libxl/host/cpupools.hpp"
#include "libxl/host/domains.hpp"
#include "libxl/types/cpu_list.hpp"
#include "xc/image.hpp"
#include "xl/arguments.hpp"
#include "xl/config/parser.hpp"

namespace hospes::cli {
namespace {

class CpupoolCreateCommand final : public Command {
  public:
    static constexpr std::string_view verb = "cpupool-create";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::vector<Option> options() override {
        return {{'f', "defconfig", true, [this](const char* value) { file_ = value; }},
                {'n', "dryrun", false, [this](const char*) { dry_run_ = true; }}};
    }
    int run(Context& context, std::span<const std::string> arguments) override {
        cfg::File file;
        if (!read(arguments, file)) return exit_failure;
        const auto text = [&](const char* key) {
            const cfg::Setting* const setting = file.find(key);
            return setting && !setting->value.is_list() ? setting->value.text() : std::string();
        };
        std::string name = text("name");
        if (name.empty() && !file_.empty()) name = file_.substr(file_.rfind('/') + 1);
        if (name.empty()) return complain("Missing cpupool name!");
        for (const xl::CpuPool& pool : XL_TRY(xl::list_pools(context.host)))
            if (pool.name == name) return complain("Pool name \"%s\" already exists", name.c_str());
        xc::Control* const control = XL_TRY(context.host.control());
        auto scheduler = static_cast<xl::Scheduler>(XL_TRY(control->scheduler()));
        // Without sched= the stock xl fails with the default scheduler's number as its exit code.
        int failure = static_cast<int>(scheduler);
        if (const std::string wanted = text("sched"); !wanted.empty()) {
            failure = exit_failure;
            const auto known = xl::from_string<xl::Scheduler>(wanted);
            if (!known || *known == xl::Scheduler::unknown) return complain("Unknown scheduler");
            scheduler = *known;
        }
        xl::Bitmap cpus;
        if (!choose_cpus(context, file, cpus)) return failure;
        std::printf("Using config file \"%s\"\ncpupool name:   %s\nscheduler:      %s\nnumber of cpus: %u\n",
                    file_.empty() ? "command line" : file_.c_str(), name.c_str(),
                    std::string(to_string(scheduler)).c_str(), cpus.count());
        if (context.dry_run || dry_run_) return exit_success;
        if (const auto made = xl::create_pool(context.host, name, scheduler, cpus); !made) {
            report(made.problem());
            complain("error on creating cpupool");
            return failure;
        }
        return exit_success;
    }

  private:
    /// The file and the settings of the command line; false after complaining.
    bool read(std::span<const std::string> arguments, cfg::File& out) {
        std::string overrides;
        for (const std::string& argument : arguments) {
            if (argument.find('=') != std::string::npos) {
                overrides += argument + "\n";
            } else if (file_.empty()) {
                file_ = argument;
            } else {
                static_cast<void>(usage(exit_failure));
                return false;
            }
        }
        std::string text;
        if (!file_.empty()) {
            const auto bytes = xc::read_file(file_, 1U << 20);
            if (!bytes) {
                complain("Failed to read config file: %s: %s", file_.c_str(), std::strerror(bytes.problem().code));
                return false;
            }
            text.assign(reinterpret_cast<const char*>(bytes->data()), bytes->size());
        }
        auto parsed = cfg::parse(text + "\n" + overrides, file_.empty() ? "command line" : file_);
        if (const auto* bad = std::get_if<cfg::Diagnostic>(&parsed)) {
            complain("xl: %s", bad->render().c_str());
            return false;
        }
        out = std::get<cfg::File>(std::move(parsed));
        return true;
    }
    /// nodes= wins over cpus=, which is one list text or a list of CPUs; none of them: no CPU yet.
    static bool choose_cpus(Context& context, const cfg::File& file, xl::Bitmap& out) {
        const auto free = xl::free_cpus(context.host);
        const auto layout = xl::node_of_cpus(context.host);
        if (!free || !layout) {
            report(free ? layout.problem() : free.problem());
            return false;
        }
        if (const cfg::Setting* const nodes = file.find("nodes")) {
            for (const std::string& node : texts(nodes->value))
                for (unsigned cpu = 0; cpu < layout->size(); ++cpu)
                    if (xl::to_number<unsigned>(node) == (*layout)[cpu] && free->test(cpu)) out.set(cpu);
            if (out.empty()) complain("no free cpu found");
            return !out.empty();
        }
        const cfg::Setting* const cpus = file.find("cpus");
        if (!cpus) return true;
        for (const std::string& part : texts(cpus->value)) {
            const auto set = xl::parse_cpu_list(part, *layout);
            if (!set) {
                complain("Invalid pcpu range: %s.", part.c_str());
                return false;
            }
            for (const unsigned cpu : set->members()) {
                if (!free->test(cpu)) {
                    complain("cpu %u illegal or not free", cpu);
                    return false;
                }
                out.set(cpu);
            }
        }
        return true;
    }
    static std::vector<std::string> texts(const cfg::Value& value) {
        std::vector<std::string> out;
        if (!value.is_list()) return {value.text()};
        for (const cfg::Value& item : value.list())
            if (!item.is_list()) out.push_back(item.text());
        return out;
    }

    std::string file_;
    bool dry_run_ = false;
};

const Register<CpupoolCreateCommand> cpupool_create_registration;

} // namespace
} // namespace hospes::cli
