// SPDX-License-Identifier: MIT
// The host's side of devices on a real host.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "libxl/core/process.hpp"
#include "libxl/hotplug/disk.hpp"
#include "libxl/hotplug/vif.hpp"

namespace hospes::xl {
namespace {

class NativeHotplug final : public Hotplug {
  public:
    Result<DiskSource> open_disk(const DeviceDisk& disk) override {
        struct stat info {};
        if (::stat(disk.pdev_path.c_str(), &info) < 0) return error("open disk " + disk.pdev_path, errno);
        if (S_ISREG(info.st_mode)) return attach_loop(disk.pdev_path, disk.readwrite != 0);
        if (!S_ISBLK(info.st_mode))
            return error("open disk " + disk.pdev_path, ENOTBLK, "it is neither a block device nor a file");
        // blkback will fail where this fails, but can tell nobody why.
        const int device = ::open(disk.pdev_path.c_str(), (disk.readwrite ? O_RDWR : O_RDONLY) | O_CLOEXEC);
        if (device < 0) return error("open disk " + disk.pdev_path, errno);
        ::close(device);
        return DiskSource(disk.pdev_path, major(info.st_rdev), minor(info.st_rdev));
    }

    Status check_image(const std::string& file, bool writable) override {
        const int image = ::open(file.c_str(), (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
        if (image < 0) return error("open disk " + file, errno);
        ::close(image);
        return {};
    }

    void close_disk(const std::string& node, const std::string& params) override {
        if (node == params) return; // a block device of the host's
        if (node.starts_with("/dev/loop")) detach_loop(node);
    }

    Status plug_nic(VifPort& port, const DeviceNic& nic, Clock::time_point deadline, const Cancel* cancel) override {
        return plug_vif(port, nic, deadline, cancel);
    }
    void unplug_nic(const std::string& interface, const std::string& script, const std::string&) override {
        unplug_vif(interface, script);
    }

    Status check_backend(std::string_view kind) override {
        if (::access("/sys/bus/xen-backend/drivers", F_OK) != 0) return {}; // cannot tell
        if (::access(("/sys/bus/xen-backend/drivers/" + std::string(kind)).c_str(), F_OK) == 0) return {};
        const std::string module = kind == "vbd" ? "xen-blkback" : "xen-netback";
        return error("serve a " + std::string(kind), ENODEV,
                     "the kernel has no backend for it: module " + module + " is not loaded", "modprobe " + module);
    }

    Status run_script(const ScriptCall& call, Clock::time_point deadline, const Cancel* cancel) override {
        const std::string script =
            call.script.find('/') == std::string::npos ? "/etc/xen/scripts/" + call.script : call.script;
        const std::size_t relative = call.backend_path.find("/backend/") + 1;
        std::vector<std::string> environment = {"script=" + script, "XENBUS_TYPE=" + call.kind,
                                                "XENBUS_PATH=" + call.backend_path.substr(relative),
                                                "XENBUS_BASE_PATH=backend"};
        std::vector<std::string> arguments = {script, call.action};
        if (call.kind == "vif") {
            environment.push_back("vif=" + call.interface);
            environment.push_back("netdev=" + call.gatewaydev);
            environment.push_back("gatewaydev=" + call.gatewaydev);
            arguments.emplace_back("type_if=vif");
        }
        const std::string stage = "run script " + script + " " + call.action;
        const auto run = run_program(arguments, environment, deadline, cancel);
        if (!run) return Error(run.problem()).within(stage);
        if (run->status != 0)
            return error(stage, EIO,
                         "it ended with status " + std::to_string(run->status) +
                             (run->output.empty() ? "" : ": " + run->output));
        return {};
    }
};

} // namespace

std::unique_ptr<Hotplug> native_hotplug() { return std::make_unique<NativeHotplug>(); }

} // namespace hospes::xl
