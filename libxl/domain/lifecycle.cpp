// SPDX-License-Identifier: MIT
#include "libxl/domain/lifecycle.hpp"

#include <cerrno>

#include <xen/hvm/params.h>

#include "libxl/core/locks.hpp"
#include "libxl/core/paths.hpp"
#include "libxl/device/unplug.hpp"
#include "libxl/domain/nodes.hpp"
#include "libxl/domain/record.hpp"
#include "xc/dump.hpp"

namespace hospes::xl {
namespace {

constexpr const char* text_of(ShutdownRequest what) {
    switch (what) {
    case ShutdownRequest::poweroff: return "poweroff";
    case ShutdownRequest::reboot: return "reboot";
    case ShutdownRequest::halt: return "halt";
    case ShutdownRequest::suspend: break;
    }
    return "suspend";
}

/// A guest listens on control/shutdown when it is PV or PVH, or HVM with a PV interrupt set up.
Result<bool> listens(Host& host, const xc::DomainInfo& info) {
    if (type_of(host, info) != DomainType::hvm) return true;
    xc::Control* const control = HOSPES_TRY(host.control());
    return HOSPES_TRY(control->get_hvm_param(info.domain, HVM_PARAM_CALLBACK_IRQ)) != 0;
}

} // namespace

Status request_shutdown(Host& host, xc::DomId domain, ShutdownRequest what, const ShutdownOptions& options) {
    xc::Control* const control = HOSPES_TRY(host.control());
    const xc::DomainInfo info = HOSPES_TRY(control->info(domain));
    xs::Client* const store = HOSPES_TRY(host.store());
    if (HOSPES_TRY(listens(host, info))) return store->write(path::domain(domain) + "/control/shutdown", text_of(what));
    if (options.acpi_fallback && what == ShutdownRequest::poweroff)
        return control->send_trigger(domain, XEN_DOMCTL_SENDTRIGGER_POWER, 0);
    if (options.acpi_fallback && what == ShutdownRequest::reboot)
        return control->send_trigger(domain, XEN_DOMCTL_SENDTRIGGER_RESET, 0);
    return error("ask domain " + std::to_string(domain) + " to " + text_of(what), ENOTSUP, "it has no PV drivers",
                 "-F presses its ACPI button; `xl destroy` ends it at once");
}

Status destroy_domain(Host& host, xc::DomId domain) {
    const std::string stage = "destroy domain " + std::to_string(domain);
    if (domain == 0) return error(stage, EINVAL, "it is the control domain itself");
    const ProcessLock lock = ProcessLock::domain(domain);
    xc::Control* const control = HOSPES_TRY(host.control());
    const auto info = control->info(domain);
    if (!info && info.problem().code != ESRCH) return info.problem();
    Status result;
    const auto keep = [&result](Status step) {
        if (!step && result) result = std::move(step);
    };
    if (info && !state_of(*info).dying) keep(control->pause(domain));
    auto connection = host.store();
    if (!connection) { // no guest outlives its order to die because the store is down
        if (info) keep(control->destroy(domain));
        return Error(connection.problem()).within(stage);
    }
    xs::Client& store = **connection;
    const auto vm = store.try_read(path::domain(domain) + "/vm");
    const auto type = store.try_read(path::libxl(domain) + "/type");
    if (!info && vm && !*vm && type && !*type) return error(stage, ESRCH, "there is no such domain");
    keep(unplug_all(host, domain, Clock::now() + std::chrono::seconds(5)));
    if (info) keep(control->destroy(domain));
    static_cast<void>(store.release(domain)); // fails when the ring was never introduced
    xs::Batch nodes;
    forget_domain(nodes, domain, vm && *vm ? (*vm)->substr((*vm)->rfind('/') + 1) : std::string());
    keep(store.commit(nodes));
    forget_record(domain);
    return result;
}

Status rename_domain(Host& host, xc::DomId domain, const std::string& name) {
    const std::string stage = "rename domain " + std::to_string(domain) + " to '" + name + "'";
    if (name.empty() || name.size() > 255 || name.find('/') != std::string::npos)
        return error(stage, EINVAL, "a name has 1 to 255 characters and no '/'");
    xc::Control* const control = HOSPES_TRY(host.control());
    xs::Client* const store = HOSPES_TRY(host.store());
    static_cast<void>(HOSPES_TRY(control->info(domain)));
    const ProcessLock lock = ProcessLock::names();
    const auto others = HOSPES_TRY(control->list());
    const auto vm = HOSPES_TRY(store->try_read(path::domain(domain) + "/vm"));
    // In one transaction with the look at the other names: the stock tools do not know the lock.
    const auto rename = [&](xs::TransactionId transaction) -> Status {
        for (const xc::DomainInfo& other : others) {
            const auto taken = HOSPES_TRY(store->try_read(path::domain(other.domain) + "/name", transaction));
            if (other.domain != domain && taken == name)
                return error(stage, EEXIST, "domain " + std::to_string(other.domain) + " has this name");
        }
        xs::Batch nodes;
        nodes.write(path::domain(domain) + "/name", name);
        if (vm) nodes.write(*vm + "/name", name);
        return store->run(nodes, transaction);
    };
    HOSPES_TRY(store->transact(rename));
    // A domain of other tools has no record of ours.
    static_cast<void>(change_record(domain, [&](DomainConfig& config) { config.c_info.name = name; }));
    return {};
}

Status send_sysrq(Host& host, xc::DomId domain, char key) {
    xc::Control* const control = HOSPES_TRY(host.control());
    static_cast<void>(HOSPES_TRY(control->info(domain)));
    xs::Client* const store = HOSPES_TRY(host.store());
    return store->write(path::domain(domain) + "/control/sysrq", std::string(1, key));
}

Status soft_reset_domain(Host& host, xc::DomId domain) {
    xc::Control* const control = HOSPES_TRY(host.control());
    static_cast<void>(HOSPES_TRY(control->info(domain)));
    return error("soft-reset domain " + std::to_string(domain), EOPNOTSUPP, "not supported in this version",
                 "on_soft_reset=\"restart\" starts the guest anew instead");
}

Status dump_core(Host& host, xc::DomId domain, const std::string& path, bool live) {
    xc::Control* const control = HOSPES_TRY(host.control());
    const xc::DomainInfo info = HOSPES_TRY(control->info(domain));
    const DomainState state = state_of(info);
    const bool pause = !live && !state.paused && !state.shut_down;
    if (pause) HOSPES_TRY(control->pause(domain));
    const auto written = xc::dump_core(*control, domain, path);
    if (pause) HOSPES_TRY(control->unpause(domain));
    return written ? Status() : Status(written.problem());
}

} // namespace hospes::xl
