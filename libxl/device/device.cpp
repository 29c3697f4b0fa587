// SPDX-License-Identifier: MIT
#include "libxl/device/device.hpp"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "libxl/core/paths.hpp"
#include "libxl/device/disk_spec.hpp"
#include "libxl/device/spec_text.hpp"

namespace hospes::xl {
namespace {

using Clock = std::chrono::steady_clock;

BusState read_state(xs::Client& store, const std::string& backend) {
    const auto text = store.read(backend + "/state");
    return text ? static_cast<BusState>(to_number<int>(*text).value_or(0)) : BusState::unknown;
}

/// Waits for events on `watch` until `done` holds; false on timeout. The first event comes at once,
/// so nothing is missed.
Result<bool> wait_until(xs::Client& store, const std::string& watch, int timeout_ms,
                        const std::function<bool()>& done) {
    const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
    HOSPES_TRY(store.watch(watch, "hospes-wait"));
    bool reached = done();
    while (!reached) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
        if (left <= 0) break;
        auto event = store.next_event(static_cast<int>(left));
        if (!event) return std::move(event).problem();
        reached = done();
    }
    HOSPES_TRY(store.unwatch(watch, "hospes-wait"));
    return reached;
}

/// Binds `file` to a free loop device. The driver detaches it with its last user
/// (LO_FLAGS_AUTOCLEAR).
Result<std::string> attach_loop(const std::string& file, bool writable) {
    const int control = ::open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (control < 0) return error("open /dev/loop-control", errno, {}, "load module loop");
    const int image = ::open(file.c_str(), (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    int failure = image < 0 ? errno : EBUSY;
    std::string device;
    for (int attempt = 0; image >= 0 && device.empty() && attempt < 64; ++attempt) {
        const int number = ::ioctl(control, LOOP_CTL_GET_FREE);
        if (number < 0) {
            failure = errno;
            break;
        }
        const std::string name = "/dev/loop" + std::to_string(number);
        const int loop = ::open(name.c_str(), (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
        loop_config config{};
        config.fd = static_cast<std::uint32_t>(image);
        config.info.lo_flags = writable ? 0 : LO_FLAGS_READ_ONLY;
        std::snprintf(reinterpret_cast<char*>(config.info.lo_file_name), LO_NAME_SIZE, "%s", file.c_str());
        if (loop >= 0 && ::ioctl(loop, LOOP_CONFIGURE, &config) == 0)
            device = name;
        else
            failure = errno; // EBUSY: somebody else took it meanwhile
        if (loop >= 0) ::close(loop);
        if (device.empty() && failure != EBUSY) break;
    }
    if (image >= 0) ::close(image);
    ::close(control);
    if (device.empty()) return error("give " + file + " a loop device", failure);
    return device;
}

void detach_loop(const std::string& device) {
    const int loop = ::open(device.c_str(), O_RDONLY | O_CLOEXEC);
    if (loop < 0) return;
    ::ioctl(loop, LOOP_CLR_FD, 0);
    ::close(loop);
}

} // namespace

std::string Device::backend_path() const { return path::backend(backend_domain, kind, guest, devid); }
std::string Device::frontend_path() const { return path::frontend(guest, kind, devid); }

Device describe_disk(const DeviceDisk& disk, xc::DomId guest) {
    Device d{"vbd", guest, static_cast<xc::DomId>(disk.backend_domid), vdev_number(disk.vdev).value_or(0), {}, {}};
    const std::string type = disk.is_cdrom ? "cdrom" : "disk";
    d.backend = {{"params", disk.pdev_path},
                 {"script", disk.script.empty() ? "/etc/xen/scripts/block" : disk.script},
                 {"removable", disk.removable ? "1" : "0"},
                 {"bootable", "1"},
                 {"dev", disk.vdev},
                 {"type", "phy"},
                 {"mode", disk.readwrite ? "w" : "r"},
                 {"device-type", type},
                 {"discard-enable", disk.discard_enable.value_or(disk.readwrite != 0) ? "1" : "0"},
                 {"specification", "xen"}};
    if (disk.direct_io_safe) d.backend.emplace_back("direct-io-safe", "1");
    d.frontend = {{"virtual-device", std::to_string(d.devid)},
                  {"device-type", type},
                  {"trusted", disk.trusted.value_or(true) ? "1" : "0"},
                  {"protocol", "x86_64-abi"}};
    return d;
}

Device describe_nic(const DeviceNic& nic, xc::DomId guest) {
    Device d{"vif", guest, static_cast<xc::DomId>(nic.backend_domid), static_cast<unsigned>(nic.devid.value), {}, {}};
    d.backend = {{"script", nic.script.empty() ? "/etc/xen/scripts/vif-bridge" : nic.script},
                 {"mac", to_string(nic.mac)},
                 {"bridge", nic.bridge},
                 {"handle", std::to_string(d.devid)},
                 {"type", "vif"},
                 {"hotplug-status", ""}};
    if (!nic.ip.empty()) d.backend.emplace_back("ip", nic.ip);
    if (!nic.ifname.empty()) d.backend.emplace_back("vifname", nic.ifname);
    if (nic.rate_interval_usecs)
        d.backend.emplace_back("rate", std::to_string(nic.rate_bytes_per_interval) + "," +
                                           std::to_string(nic.rate_interval_usecs));
    d.frontend = {{"handle", std::to_string(d.devid)},
                  {"mac", to_string(nic.mac)},
                  {"trusted", nic.trusted.value_or(true) ? "1" : "0"}};
    return d;
}

void write_nodes(xs::Batch& out, const Device& device) {
    const std::string front = device.frontend_path(), back = device.backend_path();
    const std::string record = path::libxl_device(device.guest, device.kind, device.devid);
    const std::string guest = std::to_string(device.guest);
    out.mkdir(front);
    out.permissions(front, {{device.guest, 'n'}, {device.backend_domain, 'r'}});
    out.write(front + "/backend", back);
    out.write(front + "/backend-id", std::to_string(device.backend_domain));
    out.write(front + "/state", "1");
    for (const auto& [key, value] : device.frontend)
        out.write(front + "/" + key, value);
    out.mkdir(back);
    out.permissions(back, {{device.backend_domain, 'n'}, {device.guest, 'r'}});
    for (const std::string& end : {back, record}) {
        out.write(end + "/frontend", front);
        if (end == record) out.write(end + "/backend", back);
        for (const auto& [key, value] : device.backend)
            out.write(end + "/" + key, value);
        out.write(end + "/frontend-id", guest);
        out.write(end + "/online", "1");
        out.write(end + "/state", "1");
    }
}

Status wait_backends(Host& host, const std::vector<Device>& devices, int timeout_ms) {
    xs::Client* const store = HOSPES_TRY(host.store());
    for (const Device& device : devices) {
        const std::string back = device.backend_path();
        const bool ready = HOSPES_TRY(wait_until(*store, back + "/state", timeout_ms,
                                                 [&] { return read_state(*store, back) >= BusState::init_wait; }));
        if (!ready)
            return error("attach " + device.kind + " " + std::to_string(device.devid), ETIMEDOUT,
                         "its backend did not answer within " + std::to_string(timeout_ms / 1000) + " s",
                         device.kind == "vbd" ? "is module xen-blkback loaded?" : "is module xen-netback loaded?");
    }
    return {};
}

Status plug_disk(Host& host, const Device& device, const DeviceDisk& disk) {
    struct stat info {};
    if (::stat(disk.pdev_path.c_str(), &info) < 0) return error("open disk " + disk.pdev_path, errno);
    std::string node = disk.pdev_path;
    if (S_ISREG(info.st_mode)) {
        node = HOSPES_TRY(attach_loop(disk.pdev_path, disk.readwrite != 0));
        if (::stat(node.c_str(), &info) < 0) return error("open " + node, errno);
    } else if (!S_ISBLK(info.st_mode)) {
        return error("open disk " + disk.pdev_path, ENOTBLK, "it is neither a block device nor a file");
    }
    char number[32];
    std::snprintf(number, sizeof(number), "%x:%x", major(info.st_rdev), minor(info.st_rdev));
    xs::Client* const store = HOSPES_TRY(host.store());
    const std::string back = device.backend_path();
    xs::Batch batch;
    batch.write(back + "/node", node);
    batch.write(back + "/physical-device-path", node);
    batch.write(back + "/physical-device", number); // blkback opens the device when it sees this
    batch.write(back + "/hotplug-status", "connected");
    return store->run(batch);
}

Status unplug_all(Host& host, xc::DomId guest, int timeout_ms) {
    xs::Client* const store = HOSPES_TRY(host.store());
    std::vector<std::string> backends, loops;
    for (const char* kind : {"vbd", "vif"}) {
        const std::string kind_path = path::libxl(guest) + "/device/" + kind;
        const auto ids = store->directory(kind_path);
        if (!ids) continue;
        for (const std::string& id : *ids) {
            const auto backend = store->read(kind_path + "/" + id + "/backend");
            if (!backend) continue;
            backends.push_back(*backend);
            const auto node = store->read(*backend + "/node");
            if (node && node->starts_with("/dev/loop")) loops.push_back(*node);
            xs::Batch close;
            close.write(*backend + "/online", "0");
            close.write(*backend + "/state", "5");
            static_cast<void>(store->run(close));
        }
    }
    for (const std::string& backend : backends)
        static_cast<void>(wait_until(*store, backend + "/state", timeout_ms, [&] {
            const BusState state = read_state(*store, backend);
            return state == BusState::closed || state == BusState::unknown;
        }));
    xs::Batch gone;
    for (const std::string& backend : backends)
        gone.remove(backend);
    HOSPES_TRY(store->run(gone));
    for (const std::string& loop : loops)
        detach_loop(loop);
    return {};
}

} // namespace hospes::xl
