// SPDX-License-Identifier: MIT
#include "libxl/device/unplug.hpp"

#include <cerrno>

#include "libxl/core/paths.hpp"
#include "libxl/device/device_model.hpp"
#include "libxl/device/spec_text.hpp"

namespace hospes::xl {
namespace {

/// What must be known of a device before its nodes go, to undo the host's side.
struct HostSide {
    Device device;
    std::string node, params, script, interface, bridge, gatewaydev;
};

std::vector<HostSide> read_host_sides(xs::Client& store, const std::vector<Device>& devices) {
    constexpr std::pair<const char*, std::string HostSide::*> leaves[] = {
        {"script", &HostSide::script},     {"node", &HostSide::node},     {"params", &HostSide::params},
        {"vifname", &HostSide::interface}, {"bridge", &HostSide::bridge}, {"gatewaydev", &HostSide::gatewaydev}};
    std::vector<std::string> paths;
    for (const Device& device : devices)
        for (const auto& [name, member] : leaves)
            paths.push_back(device.backend_path() + "/" + name);
    const auto values = store.read_all(paths);
    std::vector<HostSide> sides;
    std::size_t at = 0;
    for (const Device& device : devices) {
        HostSide& side = sides.emplace_back(HostSide{device, {}, {}, {}, {}, {}, {}});
        for (const auto& [name, member] : leaves) {
            if (values && (*values)[at]) side.*member = *(*values)[at];
            ++at;
        }
        if (device.kind == "vif" && side.interface.empty())
            side.interface = "vif" + std::to_string(device.guest) + "." + std::to_string(device.devid);
    }
    return sides;
}

/// After the backend has let go.
Status undo_host_side(Host& host, const HostSide& side) {
    if (side.device.backend_domain != 0) return {};
    const auto limit = Clock::now() + std::chrono::seconds(40);
    if (side.device.kind == "vbd") {
        if (!is_native_block_script(side.script))
            return host.hotplug().run_script({side.script, "remove", "vbd", side.device.backend_path(), {}, {}}, limit,
                                             nullptr);
        if (!side.node.empty()) host.hotplug().close_disk(side.node, side.params);
    } else if (side.device.kind == "vif") {
        if (!is_native_vif_script(side.script))
            return host.hotplug().run_script(
                {side.script, "offline", "vif", side.device.backend_path(), side.interface, side.gatewaydev}, limit,
                nullptr);
        host.hotplug().unplug_nic(side.interface, side.script, side.bridge);
    }
    return {};
}

Status ask_to_close(xs::Client& store, const std::string& backend) {
    // Only what is there: writing into a backend that has just gone would leave a node behind.
    return store.transact([&](xs::TransactionId transaction) -> Status {
        const auto state = store.try_read(backend + "/state", transaction);
        if (!state) return state.problem();
        if (!*state || **state == "6") return {};
        if (Status off = store.write(backend + "/online", "0", transaction); !off) return off;
        return store.write(backend + "/state", "5", transaction);
    });
}

/// The same for all of a guest that answers no more. Its ends go, too: that is what the kernel's backends look at.
Status close_all(xs::Client& store, const std::vector<Device>& devices) {
    std::vector<std::string> states;
    for (const Device& device : devices)
        states.push_back(device.backend_path() + "/state");
    return store.transact([&](xs::TransactionId transaction) -> Status {
        const auto now = HOSPES_TRY(store.read_all(states, transaction));
        xs::Batch out;
        for (std::size_t i = 0; i < devices.size(); ++i) {
            if (now[i] && *now[i] != "6") {
                out.write(devices[i].backend_path() + "/online", "0");
                out.write(states[i], "5");
            }
            out.remove(devices[i].frontend_path());
        }
        return store.run(out, transaction);
    });
}

bool has_closed(xs::Client& store, const std::string& backend) {
    const BusState state = read_state(store, backend);
    return state == BusState::closed || state == BusState::unknown;
}

} // namespace

Result<std::vector<Device>> recorded_devices(Host& host, xc::DomId guest) {
    xs::Client* const store = HOSPES_TRY(host.store());
    std::vector<Device> devices;
    const std::string base = path::libxl(guest) + "/device";
    const auto kinds = store->directory(base);
    if (!kinds && kinds.problem().code != ENOENT) return kinds.problem();
    for (const std::string& kind : kinds ? *kinds : std::vector<std::string>()) {
        const auto ids = store->directory(base + "/" + kind);
        for (const std::string& text : ids ? *ids : std::vector<std::string>()) {
            const auto id = to_number<unsigned>(text);
            const auto backend = store->read(base + "/" + kind + "/" + text + "/backend");
            if (!id || !backend) continue;
            constexpr std::string_view local = "/local/domain/";
            std::string_view owner(*backend);
            if (!owner.starts_with(local)) continue;
            owner.remove_prefix(local.size());
            const auto domain = to_number<xc::DomId>(owner.substr(0, owner.find('/')));
            constexpr std::string_view folder = "/backend/";
            const auto start = owner.find(folder);
            if (!domain || start == std::string_view::npos) continue;
            owner.remove_prefix(start + folder.size());
            devices.push_back({kind, guest, *domain, *id, {}, {}, std::string(owner.substr(0, owner.find('/')))});
        }
    }
    return devices;
}

Status unplug_all(Host& host, xc::DomId guest, Clock::time_point deadline) {
    xs::Client* const store = HOSPES_TRY(host.store());
    const std::vector<Device> all = HOSPES_TRY(recorded_devices(host, guest));
    const std::vector<HostSide> sides = read_host_sides(*store, all);
    std::vector<Device> served;
    std::vector<std::string> waiting, watches;
    for (const Device& device : all) {
        // Our QEMU closes its own when it ends; one elsewhere that has ended closes nothing.
        if (!device.kernel_backend() && (!device.remote_model() || given_up(*store, device))) continue;
        served.push_back(device);
        waiting.push_back(device.backend_path());
        watches.push_back(device.backend_path() + "/state");
    }
    if (!served.empty()) static_cast<void>(close_all(*store, served));
    const auto all_closed = [&]() -> Result<bool> {
        while (!waiting.empty() && has_closed(*store, waiting.back()))
            waiting.pop_back();
        return waiting.empty();
    };
    // A backend that does not answer loses its nodes all the same: the kernel's bus then takes the device away.
    static_cast<void>(HOSPES_TRY(wait_until(*store, watches, deadline, all_closed)));
    Status result = stop_device_model(host, model_of(guest), deadline);
    for (const HostSide& side : sides)
        if (Status undone = undo_host_side(host, side); !undone && result) result = std::move(undone);
    xs::Batch gone;
    for (const HostSide& side : sides)
        remove_nodes(gone, side.device);
    if (Status removed = store->run(gone); !removed && result) result = std::move(removed);
    return result;
}

Status unplug(Host& host, const Device& device, Clock::time_point deadline, bool insist, const Cancel* cancel) {
    xs::Client* const store = HOSPES_TRY(host.store());
    const std::string backend = device.backend_path(), name = device.kind + " " + std::to_string(device.devid);
    const HostSide side = read_host_sides(*store, {device}).front();
    const BusState guest_end = read_state(*store, device.frontend_path());
    // A guest that never took the device up cannot give it back; nor can one that is no more.
    const bool in_use = guest_end >= BusState::initialised && guest_end <= BusState::closing;
    const bool answers = device.kernel_backend() || (device.remote_model() && !given_up(*store, device)) ||
                         (device.model_backend() && device_model_lives(host, model_of(device.guest)));
    if (answers && (in_use || insist)) {
        HOSPES_TRY(insist ? close_all(*store, {device}) : ask_to_close(*store, backend));
        const auto closed = [&]() -> Result<bool> { return has_closed(*store, backend); };
        const auto until = insist ? std::min(deadline, Clock::now() + std::chrono::seconds(1)) : deadline;
        const bool done = HOSPES_TRY(wait_until(*store, {backend + "/state"}, until, closed, cancel));
        if (!done && !insist)
            return error("detach " + name, ETIMEDOUT, "the guest does not let go of it",
                         "is it mounted or in use there? --force takes it away");
    }
    Status undone;
    if (!answers || in_use || insist) undone = undo_host_side(host, side);
    xs::Batch gone;
    remove_nodes(gone, device);
    HOSPES_TRY(store->commit(gone));
    if (answers && !in_use && !insist) undone = undo_host_side(host, side);
    return undone;
}

} // namespace hospes::xl
