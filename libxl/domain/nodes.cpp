// SPDX-License-Identifier: MIT
#include "libxl/domain/nodes.hpp"

#include <sys/time.h>

#include <cstdio>

#include "libxl/core/paths.hpp"

namespace hospes::xl {
namespace {

/// A node that the domain may read; its children inherit that.
void readable(xs::Batch& out, const std::string& node, xc::DomId domain) {
    out.mkdir(node);
    out.permissions(node, {{0, 'n'}, {domain, 'r'}});
}
/// A node that belongs to the domain.
void owned(xs::Batch& out, const std::string& node, xc::DomId domain) {
    out.mkdir(node);
    out.permissions(node, {{domain, 'n'}});
}

std::string start_time() {
    timeval now{};
    gettimeofday(&now, nullptr);
    char text[48];
    std::snprintf(text, sizeof(text), "%jd.%02d", static_cast<intmax_t>(now.tv_sec),
                  static_cast<int>(now.tv_usec / 10000));
    return text;
}

void describe_vm(xs::Batch& out, xc::DomId domain, const DomainConfig& config, const std::string& uuid) {
    const std::string vm = path::vm(uuid);
    readable(out, vm, domain);
    out.write(vm + "/name", config.c_info.name);
    out.write(vm + "/uuid", uuid);
    const BuildInfo& b = config.b_info;
    if (b.type == DomainType::pv) {
        out.write(vm + "/image/ostype", "linux");
        out.write(vm + "/image/kernel", b.kernel);
        if (!b.ramdisk.empty()) out.write(vm + "/image/ramdisk", b.ramdisk);
        if (!b.cmdline.empty()) out.write(vm + "/image/cmdline", b.cmdline);
    }
    out.write(vm + "/start_time", start_time());
}

} // namespace

void describe_domain(xs::Batch& out, xc::DomId domain, const DomainConfig& config) {
    const std::string root = path::domain(domain), uuid = to_string(config.c_info.uuid);
    const BuildInfo& b = config.b_info;
    readable(out, root, domain);
    describe_vm(out, domain, config, uuid);
    out.write(root + "/vm", path::vm(uuid));
    out.write(root + "/name", config.c_info.name);
    for (int vcpu = 0; vcpu < b.max_vcpus; ++vcpu)
        out.write(root + "/cpu/" + std::to_string(vcpu) + "/availability",
                  b.avail_vcpus.test(static_cast<unsigned>(vcpu)) ? "online" : "offline");
    out.write(root + "/memory/static-max", std::to_string(b.max_memkb));
    out.write(root + "/memory/target", std::to_string(b.target_memkb));
    out.write(root + "/memory/videoram", "0");
    readable(out, root + "/device", domain);
    owned(out, root + "/device/suspend/event-channel", domain);
    for (const char* node :
         {"/control/shutdown", "/control/feature-poweroff", "/control/feature-reboot", "/control/feature-suspend",
          "/control/sysrq", "/data", "/drivers", "/feature", "/attr", "/error"})
        owned(out, root + node, domain);
    out.write(root + "/control/platform-feature-multiprocessor-suspend", "1");
    out.write(root + "/control/platform-feature-xs_reset_watches", "1");
    if (config.c_info.driver_domain.value_or(false)) // it may run a toolstack's parts of its own
        for (const char* node : {"/libxl", "/device-model"})
            owned(out, root + node, domain);
    out.write(root + "/domid", std::to_string(domain));
    for (const auto& [key, value] : config.c_info.xsdata)
        out.write(root + "/vm-data/" + key, value);
    out.mkdir(path::libxl(domain));
    out.permissions(path::libxl(domain), {{0, 'n'}});
    out.write(path::libxl(domain) + "/type", to_string(b.type));
    out.write(path::libxl(domain) + "/dm-version", "qemu_xen");
}

void describe_rings(xs::Batch& out, xc::DomId domain, const Rings& rings) {
    const std::string root = path::domain(domain), console = root + "/console";
    const std::string backend = path::backend(0, "console", domain, 0);
    out.write(root + "/store/port", std::to_string(rings.store_port));
    out.write(root + "/store/ring-ref", std::to_string(rings.store_frame));
    for (const std::string& node : {backend, path::libxl_device(domain, "console", 0)}) {
        out.mkdir(node);
        if (node == backend) out.permissions(node, {{0, 'n'}, {domain, 'r'}});
        out.write(node + "/frontend", console);
        if (node != backend) out.write(node + "/backend", backend);
        out.write(node + "/frontend-id", std::to_string(domain));
        out.write(node + "/online", "1");
        out.write(node + "/state", "1");
        out.write(node + "/protocol", "vt100");
    }
    out.mkdir(console);
    out.write(console + "/backend", backend);
    out.write(console + "/backend-id", "0");
    out.permissions(console + "/backend-id", {{domain, 'n'}, {0, 'r'}});
    out.write(console + "/limit", "1048576");
    out.write(console + "/type", "xenconsoled");
    out.write(console + "/output", "pty");
    out.write(console + "/tty", "");
    out.write(console + "/port", std::to_string(rings.console_port));
    out.write(console + "/ring-ref", std::to_string(rings.console_frame));
}

void forget_domain(xs::Batch& out, xc::DomId domain, const std::string& uuid) {
    const std::string id = std::to_string(domain);
    out.remove(path::domain(domain));
    out.remove(path::libxl(domain));
    for (const char* kind : {"vbd", "vif", "console", "qdisk", "vfb", "vkbd", "9pfs", "qnic", "pci"})
        out.remove(path::domain(0) + "/backend/" + kind + "/" + id);
    out.remove(path::domain(0) + "/device-model/" + id);
    if (!uuid.empty()) out.remove(path::vm(uuid));
}

} // namespace hospes::xl
