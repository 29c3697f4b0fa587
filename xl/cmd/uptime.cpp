// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cerrno>
#include <cstdio>
#include <ctime>

#include "xl/output/domain_table.hpp"

namespace hospes::cli {
namespace {

class UptimeCommand final : public Command {
  public:
    static constexpr std::string_view verb = "uptime";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::vector<Option> options() override {
        return {{'s', nullptr, false, [this](const char*) { brief_ = true; }}};
    }
    int run(Context& context, std::span<const std::string> arguments) override {
        std::vector<xc::DomId> wanted;
        for (const std::string& argument : arguments)
            wanted.push_back(XL_DOMAIN(context, argument));
        if (wanted.empty())
            for (const xl::DomainRow& row : XL_TRY(xl::list_domains(context.host)))
                wanted.push_back(row.id);
        const std::time_t now = std::time(nullptr);
        std::vector<output::Uptime> rows;
        for (const xc::DomId domain : wanted) {
            if (domain == 0) {
                rows.push_back({0, context.host.name_of(0), XL_TRY(own_uptime())});
            } else if (const auto start = XL_TRY(xl::start_time(context.host, domain))) {
                const auto time = static_cast<std::uint64_t>(now);
                rows.push_back({domain, context.host.name_of(domain), time > *start ? time - *start : 0});
            }
        }
        print(context, rows, now);
        return exit_success;
    }

  private:
    /// Of the kernel that runs this program, which is domain 0's.
    static Result<std::uint64_t> own_uptime() {
        timespec up{};
        if (::clock_gettime(CLOCK_BOOTTIME, &up) < 0) return error("read the uptime", errno);
        return static_cast<std::uint64_t>(up.tv_sec);
    }
    void print(const Context& context, const std::vector<output::Uptime>& rows, std::time_t now) const {
        if (context.json) {
            output::Json json(stdout);
            json.open_array();
            for (const output::Uptime& row : rows) {
                json.open_map();
                json.field("name", row.name);
                json.field("domid", row.id);
                json.field("uptime_s", row.seconds);
                json.close_map();
            }
            json.close_array();
            return;
        }
        std::tm parts{};
        ::localtime_r(&now, &parts);
        char clock[16];
        std::strftime(clock, sizeof(clock), "%H:%M:%S", &parts);
        std::fputs((brief_ ? output::uptime_brief(rows, clock) : output::uptime_table(rows)).c_str(), stdout);
    }

    bool brief_ = false;
};

const Register<UptimeCommand> uptime_registration;

} // namespace
} // namespace hospes::cli
