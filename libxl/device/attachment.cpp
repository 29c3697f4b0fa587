// SPDX-License-Identifier: MIT
#include "libxl/device/attachment.hpp"

#include <algorithm>
#include <cerrno>
#include <set>

#include "libxl/core/paths.hpp"
#include "libxl/device/device_model.hpp"
#include "libxl/device/disk_spec.hpp"
#include "libxl/device/spec_text.hpp"

namespace hospes::xl {
namespace {

template <typename List> Status complete(Host& host, List& list, const char* what) {
    std::set<int> taken;
    for (const auto& device : list)
        if (!device.devid.is_default() && !taken.insert(device.devid.value).second)
            return error("number the " + std::string(what) + "s", EEXIST,
                         "two have the id " + std::to_string(device.devid.value));
    int next = 0;
    for (auto& device : list) {
        device.backend_domid = HOSPES_TRY(backend_of(host, device.backend_domid, device.backend_domname));
        while (device.devid.is_default() && taken.count(next))
            ++next;
        if (device.devid.is_default()) {
            device.devid = next;
            taken.insert(next);
        }
    }
    return {};
}

std::string name_of(const Device& device) {
    for (const auto& [key, value] : device.backend)
        if (key == "dev") return "disk " + value;
    return device.kind + " " + std::to_string(device.devid);
}

} // namespace

Result<std::uint32_t> backend_of(Host& host, std::uint32_t id, const std::string& name) {
    if (name.empty()) return id;
    auto found = host.find(name);
    if (!found) return Error(found.problem()).within("find backend domain '" + name + "'");
    return static_cast<std::uint32_t>(*found);
}

Status complete_devices(Host& host, DomainConfig& config) {
    std::set<std::uint32_t> vdevs;
    for (DeviceDisk& disk : config.disks) {
        const auto number = vdev_number(disk.vdev);
        if (!number) return error("disk " + disk.vdev, EINVAL, "this is not a virtual device");
        if (!vdevs.insert(*number).second) return error("disk " + disk.vdev, EEXIST, "two disks have this name");
        disk.backend_domid = HOSPES_TRY(backend_of(host, disk.backend_domid, disk.backend_domname));
    }
    HOSPES_TRY(complete(host, config.nics, "vif"));
    for (DeviceNic& nic : config.nics)
        if (nic.mac.is_default()) nic.mac = random_mac();
    HOSPES_TRY(complete(host, config.vfbs, "vfb"));
    HOSPES_TRY(complete(host, config.vkbs, "vkb"));
    HOSPES_TRY(complete(host, config.p9s, "9pfs device"));
    return complete(host, config.channels, "channel");
}

std::string backend_complaint(xs::Client& store, const Device& device) {
    const std::string own = device.backend_path(), home = path::domain(device.backend_domain);
    if (auto text = store.read(home + "/error" + own.substr(home.size()) + "/error")) return *text;
    if (auto text = store.read(own + "/hotplug-error")) return *text;
    return {};
}

Status Attachment::add_disk(const DeviceDisk& disk) {
    if (disk.backend == DiskBackend::tap)
        return error("attach disk " + disk.vdev, EOPNOTSUPP, "there is no tap backend any more",
                     "leave backendtype= out");
    if (disk.format == DiskFormat::empty || disk.pdev_path.empty())
        return error("attach disk " + disk.vdev, EOPNOTSUPP,
                     "an empty drive needs a device model, which only HVM guests have",
                     "name an image, or drop the drive");
    Disk added{disk, {}, {}, !is_native_block_script(disk.script)};
    const bool here = disk.backend_domid == 0;
    if (needs_qemu(disk)) {
        if (added.scripted)
            return error("attach disk " + disk.vdev, EOPNOTSUPP,
                         "a script gives a raw block device, which QEMU opens not",
                         "drop format= and backendtype=, or the script");
        if (here) HOSPES_TRY(host_.hotplug().check_image(disk.pdev_path, disk.readwrite != 0));
    } else if (here) {
        HOSPES_TRY(host_.hotplug().check_backend("vbd"));
        if (!added.scripted) added.source = HOSPES_TRY(host_.hotplug().open_disk(disk));
    }
    added.device = added.source.node().empty()
                       ? describe_disk(disk, guest_)
                       : describe_disk(disk, guest_, added.source.node(), added.source.number());
    disks_.push_back(std::move(added));
    return {};
}

Status Attachment::add_nic(const DeviceNic& nic) {
    if (nic.nictype == NicType::vif_ioemu)
        return error("attach vif " + std::to_string(nic.devid.value), EOPNOTSUPP,
                     "an emulated network card needs a device model, which only HVM guests have", "leave type= out");
    if (nic.backend_domid == 0) HOSPES_TRY(host_.hotplug().check_backend("vif"));
    nics_.push_back({nic, describe_nic(nic, guest_)});
    return {};
}

Status Attachment::add_all(const DomainConfig& config) {
    for (const DeviceDisk& disk : config.disks)
        HOSPES_TRY(add_disk(disk));
    for (const DeviceNic& nic : config.nics)
        HOSPES_TRY(add_nic(nic));
    for (const DeviceVfb& vfb : config.vfbs)
        add(describe_vfb(vfb, guest_, config.c_info.name));
    for (const DeviceVkb& vkb : config.vkbs)
        add(describe_vkb(vkb, guest_));
    for (const DeviceP9& p9 : config.p9s)
        add(describe_p9(p9, guest_));
    for (const DeviceChannel& channel : config.channels)
        add(describe_channel(channel, guest_));
    if (needs_device_model(config)) model_ = config;
    return {};
}

std::vector<Device> Attachment::devices() const {
    std::vector<Device> all;
    for (const Disk& disk : disks_)
        all.push_back(disk.device);
    for (const Nic& nic : nics_)
        all.push_back(nic.device);
    all.insert(all.end(), plain_.begin(), plain_.end());
    return all;
}

void Attachment::write_nodes(xs::Batch& out) const {
    for (const Device& device : devices())
        xl::write_nodes(out, device);
}

Status Attachment::wait_backends() {
    xs::Client* const store = HOSPES_TRY(host_.store());
    std::vector<Device> waiting;
    std::vector<std::string> watches;
    for (Device& device : devices()) {
        if (device.kind != "vbd" && device.kind != "vif" && !device.model_backend()) continue;
        // Elsewhere, whoever plugs may also say that it cannot.
        watches.push_back(device.backend_path() + (device.backend_domain ? "" : "/state"));
        waiting.push_back(std::move(device));
    }
    if (waiting.empty()) return {};
    const auto ready = [&]() -> Result<bool> {
        while (!waiting.empty()) {
            const Device& device = waiting.back();
            const BusState state = read_state(*store, device.backend_path());
            if (given_up(*store, device) || state == BusState::closing || state == BusState::closed) {
                const std::string why = backend_complaint(*store, device);
                return error("attach " + name_of(device), EIO,
                             why.empty() ? "its backend refused it" : "its backend says: " + why);
            }
            if (state < BusState::init_wait) return false;
            waiting.pop_back();
        }
        return true;
    };
    if (HOSPES_TRY(wait_until(*store, watches, deadline_, ready, cancel_))) return {};
    const Device& late = waiting.back();
    std::string why = backend_complaint(*store, late);
    if (why.empty() && late.model_backend()) why = device_model_words(host_.name_of(guest_));
    return error("attach " + name_of(late), ETIMEDOUT,
                 why.empty() ? "its backend in domain " + std::to_string(late.backend_domain) + " does not answer"
                             : "its backend says: " + why,
                 late.backend_domain    ? "does `xl devd` run there?"
                 : late.model_backend() ? "its log is in /var/log/xen"
                 : late.kind == "vbd"   ? "is module xen-blkback loaded?"
                                        : "is module xen-netback loaded?");
}

Status Attachment::start_model() {
    const bool here = model_ && !device_model_lives(host_, model_of(guest_));
    const bool elsewhere =
        std::any_of(disks_.begin(), disks_.end(), [](const Disk& disk) { return disk.device.remote_model(); });
    // A program of that size takes longer to load, and to look around, than a kernel to answer: the stock tools wait
    // 60 s for the one, 10 s for the other.
    if (here || elsewhere) deadline_ = Clock::now() + 6 * (deadline_ - Clock::now());
    if (!here) return {};
    HOSPES_TRY(start_device_model(host_, guest_, *model_, deadline_, cancel_));
    started_model_ = true;
    return {};
}

Status Attachment::run_script(const Device& device, const std::string& script, const char* action,
                              const DeviceNic* nic) {
    ScriptCall call{script, action, device.kind, device.backend_path(), {}, {}};
    if (nic) {
        call.interface = "vif" + std::to_string(guest_) + "." + std::to_string(device.devid);
        call.gatewaydev = nic->gatewaydev;
    }
    Status done = host_.hotplug().run_script(call, deadline_, cancel_);
    xs::Client* const store = HOSPES_TRY(host_.store());
    const auto complaint = store->read(device.backend_path() + "/hotplug-error");
    if (!done && complaint) return error(std::move(done).problem().stage, EIO, *complaint);
    if (done && complaint && !complaint->empty()) return error("run script " + script, EIO, *complaint);
    return done;
}

Status Attachment::plug_nic(const Nic& nic, xs::Batch& out) {
    if (!is_native_vif_script(nic.config.script))
        return run_script(nic.device, nic.config.script, "online", &nic.config);
    VifPort port{"vif" + std::to_string(guest_) + "." + std::to_string(nic.device.devid), 0, {}, {}};
    if (nic.config.script.ends_with("vif-openvswitch")) { // a bridge keeps nothing of it
        xs::Client* const store = HOSPES_TRY(host_.store());
        const std::string vm = HOSPES_TRY(store->read(path::domain(guest_) + "/vm"));
        port.guest_name = host_.name_of(guest_);
        port.guest_uuid = vm.substr(vm.rfind('/') + 1);
    }
    HOSPES_TRY(host_.hotplug().plug_nic(port, nic.config, deadline_, cancel_));
    if (port.mtu) { // for the guest to read, not to change
        const std::string node = nic.device.frontend_path() + "/mtu";
        out.write(node, std::to_string(port.mtu));
        out.permissions(node, {{0, 'n'}, {guest_, 'r'}});
    }
    out.write(nic.device.backend_path() + "/hotplug-status", "connected");
    return {};
}

Status Attachment::connect() {
    HOSPES_TRY(start_model());
    HOSPES_TRY(wait_backends());
    for (const Disk& disk : disks_)
        if (disk.scripted && disk.device.backend_domain == 0)
            HOSPES_TRY(run_script(disk.device, disk.config.script, "add", nullptr));
    xs::Batch out;
    for (const Nic& nic : nics_)
        if (nic.device.backend_domain == 0) HOSPES_TRY(plug_nic(nic, out));
    if (out.size()) {
        xs::Client* const store = HOSPES_TRY(host_.store());
        HOSPES_TRY(store->run(out));
    }
    for (Disk& disk : disks_)
        HOSPES_TRY(disk.source.keep());
    return {};
}

} // namespace hospes::xl
