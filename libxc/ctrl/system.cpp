// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>

#include "ctrl/call.hpp"

namespace hospes::xc {
namespace {

Error failed(const char* stage, long result) { return error(stage, static_cast<int>(-result)); }

/// A fixed-size text field that need not be terminated.
template <std::size_t N> std::string text(const char (&field)[N]) { return {field, std::find(field, field + N, '\0')}; }

} // namespace

long Control::sysctl(xen_sysctl& op) {
    Buffer<xen_sysctl> buffer(transport_);
    if (!buffer) return -ENOMEM;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    *buffer = op;
    const long result = transport_.hypercall(__HYPERVISOR_sysctl, {address_of(buffer.data())});
    op = *buffer;
    return result;
}

Result<VersionInfo> Control::version() {
    Buffer<std::uint8_t> page(transport_, page_size);
    if (!page) return failed("read the hypervisor's version", -ENOMEM);
    const auto ask = [&](unsigned command) {
        return transport_.hypercall(__HYPERVISOR_xen_version, {command, address_of(page.data())});
    };
    VersionInfo out;
    const long version = transport_.hypercall(__HYPERVISOR_xen_version, {XENVER_version});
    if (version < 0) return failed("read the hypervisor's version", version);
    out.major = static_cast<unsigned>(version) >> 16;
    out.minor = static_cast<unsigned>(version) & 0xffff;
    const auto field = [&]<std::size_t N>(unsigned command, char(*)[N], std::string& to) {
        if (ask(command) >= 0) to = text(*reinterpret_cast<char(*)[N]>(page.data()));
    };
    field(XENVER_extraversion, static_cast<xen_extraversion_t*>(nullptr), out.extra);
    field(XENVER_capabilities, static_cast<xen_capabilities_info_t*>(nullptr), out.capabilities);
    field(XENVER_changeset, static_cast<xen_changeset_info_t*>(nullptr), out.changeset);
    field(XENVER_commandline, static_cast<xen_commandline_t*>(nullptr), out.command_line);
    if (ask(XENVER_compile_info) >= 0) {
        const auto& info = *reinterpret_cast<const xen_compile_info*>(page.data());
        out.compiler = text(info.compiler);
        out.compiled_by = text(info.compile_by);
        out.compile_domain = text(info.compile_domain);
        out.compile_date = text(info.compile_date);
    }
    if (ask(XENVER_platform_parameters) >= 0)
        out.virtual_start = reinterpret_cast<const xen_platform_parameters*>(page.data())->virt_start;
    if (const long size = transport_.hypercall(__HYPERVISOR_xen_version, {XENVER_pagesize}); size > 0)
        out.page_size = static_cast<std::uint64_t>(size);
    auto* const id = reinterpret_cast<xen_build_id*>(page.data());
    id->len = page_size - sizeof(xen_build_id);
    if (const long length = ask(XENVER_build_id); length > 0)
        for (long i = 0; i < length; ++i) {
            constexpr char digits[] = "0123456789abcdef";
            out.build_id += digits[id->buf[i] >> 4];
            out.build_id += digits[id->buf[i] & 15];
        }
    return out;
}

Result<PhysInfo> Control::phys_info() {
    xen_sysctl op{};
    op.cmd = XEN_SYSCTL_physinfo;
    if (const long result = sysctl(op); result < 0) return failed("read the host's resources", result);
    return op.u.physinfo;
}

Result<unsigned> Control::scheduler() {
    xen_sysctl op{};
    op.cmd = XEN_SYSCTL_sched_id;
    if (const long result = sysctl(op); result < 0) return failed("read the host's scheduler", result);
    return op.u.sched_id.sched_id;
}

Result<std::string> Control::console_ring(bool clear) {
    constexpr std::size_t size = 1 << 20;
    Buffer<char> buffer(transport_, size);
    if (!buffer) return failed("read the hypervisor's log", -ENOMEM);
    xen_sysctl op{};
    op.cmd = XEN_SYSCTL_readconsole;
    op.u.readconsole.clear = clear;
    op.u.readconsole.count = size;
    xc::set_handle(op.u.readconsole.buffer, buffer.data());
    if (const long result = sysctl(op); result < 0) return failed("read the hypervisor's log", result);
    return std::string(buffer.data(), std::min<std::size_t>(op.u.readconsole.count, size));
}

Result<std::string> Control::console_since(std::uint32_t& index) {
    constexpr std::size_t size = 16384;
    Buffer<char> buffer(transport_, size);
    if (!buffer) return failed("read the hypervisor's log", -ENOMEM);
    xen_sysctl op{};
    op.cmd = XEN_SYSCTL_readconsole;
    op.u.readconsole.incremental = 1;
    op.u.readconsole.index = index;
    op.u.readconsole.count = size;
    xc::set_handle(op.u.readconsole.buffer, buffer.data());
    if (const long result = sysctl(op); result < 0) return failed("read the hypervisor's log", result);
    index = op.u.readconsole.index;
    return std::string(buffer.data(), std::min<std::size_t>(op.u.readconsole.count, size));
}

Status Control::debug_keys(std::string_view keys) {
    Buffer<char> buffer(transport_, keys.size());
    if (!buffer) return failed("send debug keys", -ENOMEM);
    std::copy(keys.begin(), keys.end(), buffer.data());
    xen_sysctl op{};
    op.cmd = XEN_SYSCTL_debug_keys;
    xc::set_handle(op.u.debug_keys.keys, buffer.data());
    op.u.debug_keys.nr_keys = static_cast<std::uint32_t>(keys.size());
    const long result = sysctl(op);
    return result < 0 ? Status(failed("send debug keys", result)) : Status();
}

Result<std::vector<xen_sysctl_cputopo_t>> Control::cpu_topology() {
    xen_sysctl op{};
    op.cmd = XEN_SYSCTL_cputopoinfo;
    if (const long result = sysctl(op); result < 0) return failed("read the CPU topology", result);
    Buffer<xen_sysctl_cputopo_t> buffer(transport_, op.u.cputopoinfo.num_cpus);
    if (!buffer) return failed("read the CPU topology", -ENOMEM);
    xc::set_handle(op.u.cputopoinfo.cputopo, buffer.data());
    if (const long result = sysctl(op); result < 0) return failed("read the CPU topology", result);
    const std::size_t count = std::min<std::size_t>(op.u.cputopoinfo.num_cpus, buffer.size());
    return std::vector<xen_sysctl_cputopo_t>(buffer.data(), buffer.data() + count);
}

Result<Control::Numa> Control::numa() {
    xen_sysctl op{};
    op.cmd = XEN_SYSCTL_numainfo;
    if (const long result = sysctl(op); result < 0) return failed("read the NUMA layout", result);
    const std::size_t nodes = op.u.numainfo.num_nodes;
    Buffer<xen_sysctl_meminfo_t> memory(transport_, nodes);
    Buffer<std::uint32_t> distances(transport_, nodes * nodes);
    if (!memory || !distances) return failed("read the NUMA layout", -ENOMEM);
    xc::set_handle(op.u.numainfo.meminfo, memory.data());
    xc::set_handle(op.u.numainfo.distance, distances.data());
    if (const long result = sysctl(op); result < 0) return failed("read the NUMA layout", result);
    const std::size_t count = std::min<std::size_t>(op.u.numainfo.num_nodes, nodes);
    return Numa{{memory.data(), memory.data() + count}, {distances.data(), distances.data() + count * count}};
}

Result<std::vector<std::uint32_t>> Control::device_nodes(std::span<const physdev_pci_device_t> devices) {
    constexpr const char* stage = "read the devices' NUMA nodes";
    Buffer<physdev_pci_device_t> asked(transport_, devices.size());
    Buffer<std::uint32_t> nodes(transport_, devices.size());
    if (!asked || !nodes) return failed(stage, -ENOMEM);
    std::copy(devices.begin(), devices.end(), asked.data());
    // A call may do a part of them only and says how many.
    for (std::size_t done = 0; done < devices.size();) {
        xen_sysctl op{};
        op.cmd = XEN_SYSCTL_pcitopoinfo;
        op.u.pcitopoinfo.num_devs = static_cast<std::uint32_t>(devices.size() - done);
        xc::set_handle(op.u.pcitopoinfo.devs, asked.data() + done);
        xc::set_handle(op.u.pcitopoinfo.nodes, nodes.data() + done);
        if (const long result = sysctl(op); result < 0) return failed(stage, result);
        if (op.u.pcitopoinfo.num_devs == 0 || op.u.pcitopoinfo.num_devs > devices.size() - done)
            return failed(stage, -EIO);
        done += op.u.pcitopoinfo.num_devs;
    }
    return std::vector<std::uint32_t>(nodes.data(), nodes.data() + devices.size());
}

Result<std::vector<Control::Pool>> Control::pools() {
    constexpr unsigned max_cpus = 4096;
    std::vector<Pool> out;
    const BitmapArgument cpus(transport_, max_cpus);
    if (!cpus) return failed("list the CPU pools", -ENOMEM);
    for (std::uint32_t next = 0;; ++next) {
        xen_sysctl op{};
        op.cmd = XEN_SYSCTL_cpupool_op;
        op.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_INFO; // the pool with this id or the next above
        op.u.cpupool_op.cpupool_id = next;
        cpus.describe(op.u.cpupool_op.cpumap);
        const long result = sysctl(op);
        if (result == -ENOENT) return out;
        if (result < 0) return failed("list the CPU pools", result);
        next = op.u.cpupool_op.cpupool_id;
        out.push_back({next, op.u.cpupool_op.sched_id, op.u.cpupool_op.n_dom, cpus.words()});
    }
}

Result<BitWords> Control::free_cpus() {
    const BitmapArgument cpus(transport_, 4096);
    if (!cpus) return failed("list the free CPUs", -ENOMEM);
    xen_sysctl op{};
    op.cmd = XEN_SYSCTL_cpupool_op;
    op.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_FREEINFO;
    cpus.describe(op.u.cpupool_op.cpumap);
    if (const long result = sysctl(op); result < 0) return failed("list the free CPUs", result);
    return cpus.words();
}

} // namespace hospes::xc
