// SPDX-License-Identifier: MIT
#include "xl/end.hpp"

#include <cerrno>
#include <cstdio>
#include <set>

#include "libxl/domain/events.hpp"
#include "libxl/host/domains.hpp"

namespace hospes::cli {
namespace {

int ask(Context& context, xc::DomId domain, xl::ShutdownRequest what, bool fallback) {
    const bool reboot = what == xl::ShutdownRequest::reboot;
    complain("%s domain %u", reboot ? "Rebooting" : "Shutting down", domain);
    const Status done = xl::request_shutdown(context.host, domain, what, {.acpi_fallback = fallback});
    if (done) return exit_success;
    if (done.problem().code == ENOTSUP) {
        complain("PV control interface not available:\n external graceful %s not possible.\n"
                 "Use \"-F\" to fallback to ACPI %s event.",
                 reboot ? "reboot" : "shutdown", reboot ? "reset" : "power");
        return exit_failure;
    }
    return report(done.problem());
}

int wait_for(Context& context, std::set<xc::DomId> domains, bool until_gone) {
    const auto cancel = xl::Cancel::on_signals();
    auto events = XL_TRY(xl::DomainEvents::open(context.host, domains));
    while (!domains.empty()) {
        const auto event = XL_TRY(events.next(-1, cancel.get()));
        if (!event) break;
        if (event->kind == xl::DomainEvent::Kind::death) {
            complain("Domain %u has been destroyed", event->domain);
            domains.erase(event->domain);
        } else {
            complain("Domain %u has been shut down, reason code %d", event->domain, static_cast<int>(event->reason));
            if (!until_gone) domains.erase(event->domain);
        }
    }
    return exit_success;
}

} // namespace

std::vector<Option> end_options(EndOptions& out) {
    return {{'a', "all", false, [&out](const char*) { out.all = true; }},
            {'F', nullptr, false, [&out](const char*) { out.fallback = true; }},
            {'w', "wait", false, [&out](const char*) { ++out.wait; }}};
}

int ask_to_end(Context& context, xl::ShutdownRequest what, const EndOptions& options,
               std::span<const std::string> arguments) {
    if (arguments.empty() && !options.all) return complain("You must specify -a or a domain id.\n");
    std::set<xc::DomId> domains;
    if (options.all) {
        for (const xl::DomainRow& row : XL_TRY(xl::list_domains(context.host)))
            if (row.id != 0) domains.insert(row.id);
    } else {
        domains.insert(XL_DOMAIN(context, arguments[0]));
    }
    int code = exit_success;
    for (const xc::DomId domain : domains)
        if (ask(context, domain, what, options.fallback) != exit_success) code = exit_failure;
    if (options.wait == 0 || code != exit_success) return code;
    complain("Waiting for %zu domains", domains.size());
    return wait_for(context, std::move(domains), options.wait > 1);
}

} // namespace hospes::cli
