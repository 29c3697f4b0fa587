// SPDX-License-Identifier: MIT
#include "libxl/device/device_model.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "libxl/core/identity.hpp"
#include "libxl/core/paths.hpp"
#include "qemu-dm-glue/command_line.hpp"
#include "qemu-dm-glue/launch.hpp"
#include "qemu-dm-glue/qmp.hpp"

namespace hospes::xl {
namespace {

std::string run_directory() {
    const char* const chosen = std::getenv("HOSPES_STATE_DIR"); // tests have their own
    return chosen ? chosen : "/run/xen";
}
std::string log_directory() {
    const char* const chosen = std::getenv("HOSPES_STATE_DIR");
    return chosen ? chosen : "/var/log/xen";
}
std::string qmp_socket(xc::DomId guest) { return run_directory() + "/qmp-libxl-" + std::to_string(guest); }

/// A name comes from the domain's owner.
std::string log_file(std::string name) {
    std::replace(name.begin(), name.end(), '/', '_');
    return log_directory() + "/qemu-dm-" + name.substr(0, 200) + ".log";
}

std::string channel_id(const DeviceChannel& channel) { return "libxl-channel" + std::to_string(channel.devid.value); }

/// QEMU has one screen, however many framebuffers the guest has.
const DeviceVfb* screen_of(const DomainConfig& config) {
    for (const DeviceVfb& vfb : config.vfbs)
        if (vfb.backend_domid == 0) return &vfb;
    return nullptr;
}

dm::Server describe(xc::DomId guest, const DomainConfig& config) {
    dm::Server server;
    server.program = dm::find_program(config.b_info.device_model);
    server.domain = guest;
    server.name = config.c_info.name;
    server.qmp_socket = qmp_socket(guest);
    if (const DeviceVfb* const vfb = screen_of(config)) {
        server.has_vnc = vfb->vnc.enable.value_or(true);
        server.vnc = {vfb->vnc.listen, vfb->vnc.display, vfb->vnc.findunused.value_or(true), !vfb->vnc.passwd.empty()};
        server.has_sdl = vfb->sdl.enable.value_or(false);
        server.opengl = vfb->sdl.opengl.value_or(false);
        server.keymap = vfb->keymap;
    }
    for (const DeviceChannel& channel : config.channels)
        if (channel.backend_domid == 0) server.channels.push_back({channel_id(channel), channel.socket_path});
    server.extra = config.b_info.extra;
    const StringList& more = config.b_info.extra_pv;
    server.extra.insert(server.extra.end(), more.begin(), more.end());
    return server;
}

/// What only QEMU knows once it runs, for viewers and users.
Status publish(Host& host, xc::DomId guest, const DomainConfig& config, const dm::Server& server,
               Clock::time_point deadline, const Cancel* cancel) {
    if (!server.has_vnc && server.channels.empty()) return {};
    auto qmp = HOSPES_TRY(dm::Qmp::connect(server.qmp_socket, deadline, cancel ? cancel->fd() : -1));
    xs::Client* const store = HOSPES_TRY(host.store());
    xs::Batch nodes;
    if (server.has_vnc) {
        if (server.vnc.password) {
            const std::string node = path::domain(guest) + "/console/vnc-pass";
            HOSPES_TRY(qmp.set_vnc_password(screen_of(config)->vnc.passwd));
            nodes.write(node, screen_of(config)->vnc.passwd);
            nodes.permissions(node, {{0, 'n'}}); // for dom0's viewers, not for the guest
        }
        const auto [address, port] = HOSPES_TRY(qmp.vnc_server());
        nodes.write(path::domain(guest) + "/console/vnc-listen", address);
        nodes.write(path::domain(guest) + "/console/vnc-port", port);
    }
    for (const DeviceChannel& channel : config.channels) {
        if (channel.backend_domid != 0 || channel.connection != ChannelConnection::pty) continue;
        const std::string tty = HOSPES_TRY(qmp.pty_of(channel_id(channel)));
        nodes.write(path::frontend(guest, "console", static_cast<unsigned>(channel.devid.value) + 1) + "/tty", tty);
    }
    return store->run(nodes);
}

Status wait_running(Host& host, const DeviceModel& model, const std::string& identity, const std::string& log,
                    Clock::time_point deadline, const Cancel* cancel) {
    xs::Client* const store = HOSPES_TRY(host.store());
    const std::string state = model.home + "/state";
    const int ended = static_cast<int>(::syscall(SYS_pidfd_open, process_number(identity), 0));
    const auto ready = [&]() -> Result<bool> {
        if (HOSPES_TRY(store->try_read(state)) == "running") return true;
        if (process_lives(identity)) return false;
        const std::string words = dm::last_words(log);
        return error("", EIO, "QEMU ended: " + (words.empty() ? "it left no word" : words), "its log is " + log);
    };
    const auto reached = wait_until(*store, {state}, deadline, ready, cancel, ended);
    if (ended >= 0) ::close(ended);
    if (!reached) return reached.problem();
    if (*reached) return {};
    const std::string words = dm::last_words(log);
    return error("", ETIMEDOUT, "QEMU does not get ready" + (words.empty() ? "" : ": " + words), "its log is " + log);
}

Status bring_up(Host& host, xc::DomId guest, const DomainConfig& config, Clock::time_point deadline,
                const Cancel* cancel) {
    const std::string identity = HOSPES_TRY(launch_device_model(host, model_of(guest), config));
    const std::string log = log_file(config.c_info.name);
    HOSPES_TRY(wait_running(host, model_of(guest), identity, log, deadline, cancel));
    Status told = publish(host, guest, config, describe(guest, config), deadline, cancel);
    if (told) return {};
    Error problem = std::move(told).problem(); // an option that it cannot serve ends it after it said that it runs
    if (const std::string words = dm::last_words(log); !words.empty())
        problem.cause += (problem.cause.empty() ? "QEMU's last words: " : "; QEMU's last words: ") + words;
    return problem;
}

/// True once it is gone; a child of ours leaves nothing behind.
bool wait_end(int pidfd, pid_t pid, std::chrono::milliseconds limit) {
    pollfd waiting{pidfd, POLLIN, 0};
    const auto deadline = Clock::now() + limit;
    int got;
    do {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        got = ::poll(&waiting, 1, static_cast<int>(std::max<long>(left, 0)));
    } while (got < 0 && errno == EINTR);
    if (got > 0) ::waitpid(pid, nullptr, WNOHANG);
    return got > 0;
}

Status end_process(const std::string& identity, Clock::time_point deadline) {
    const pid_t pid = process_number(identity);
    const int fd = pid > 0 ? static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)) : -1;
    if (fd < 0) return {};
    // The descriptor names the process from here on; it is the right one if it was the right one now.
    Status result;
    if (process_lives(identity)) {
        const auto send = [fd](int number) { ::syscall(SYS_pidfd_send_signal, fd, number, nullptr, 0); };
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        send(SIGTERM);
        if (!wait_end(fd, pid, left)) {
            send(SIGKILL);
            if (!wait_end(fd, pid, std::chrono::seconds(5)))
                result = error("end QEMU (process " + std::to_string(pid) + ")", EBUSY, "it does not end",
                               "a disk or file system that it uses may not answer");
        }
    }
    ::close(fd);
    return result;
}

} // namespace

bool needs_qemu(const DeviceDisk& disk) {
    if (disk.backend == DiskBackend::qdisk) return true;
    return disk.format != DiskFormat::raw && disk.format != DiskFormat::unknown && disk.format != DiskFormat::empty;
}

bool needs_device_model(const DomainConfig& config) {
    const auto here = [](const auto& list) {
        return std::any_of(list.begin(), list.end(), [](const auto& device) { return device.backend_domid == 0; });
    };
    const auto image = [](const DeviceDisk& disk) { return disk.backend_domid == 0 && needs_qemu(disk); };
    const auto input = [](const DeviceVkb& vkb) {
        return vkb.backend_domid == 0 &&
               (vkb.backend_type == VkbBackend::unknown || vkb.backend_type == VkbBackend::qemu);
    };
    return std::any_of(config.disks.begin(), config.disks.end(), image) || here(config.vfbs) ||
           std::any_of(config.vkbs.begin(), config.vkbs.end(), input) || here(config.p9s) || here(config.channels);
}

DeviceModel model_of(xc::DomId guest) {
    return {guest, path::domain(0) + "/device-model/" + std::to_string(guest), path::libxl(guest) + "/device-model",
            path::domain(guest) + "/image/device-model-pid"};
}

std::string models_folder(xc::DomId server) { return path::domain(server) + "/libxl/device-model"; }

DeviceModel model_in(xc::DomId server, xc::DomId guest) {
    const std::string id = std::to_string(guest);
    return {guest, path::domain(server) + "/device-model/" + id, models_folder(server) + "/" + id, {}};
}

bool device_model_lives(Host& host, const DeviceModel& model) {
    auto store = host.store();
    if (!store) return false;
    const auto identity = (*store)->try_read(model.record);
    return identity && *identity && process_lives(**identity);
}

std::string device_model_words(const std::string& domain_name) { return dm::last_words(log_file(domain_name)); }

Result<std::string> launch_device_model(Host& host, const DeviceModel& model, const DomainConfig& config) {
    const dm::Server server = describe(model.guest, config);
    if (server.program.empty())
        return error("", ENOENT, "there is no QEMU for Xen guests on this host", "install qemu-system-xen");
    xs::Client* const store = HOSPES_TRY(host.store());
    xs::Batch nodes;
    nodes.remove(model.home); // an earlier one's state is not this one's
    nodes.mkdir(model.home);
    HOSPES_TRY(store->commit(nodes));
    for (const std::string& folder : {run_directory(), log_directory()}) // a driver domain may lack them
        ::mkdir(folder.c_str(), 0755);
    const std::string log = log_file(config.c_info.name);
    dm::rotate_log(log);
    ::unlink(server.qmp_socket.c_str());
    std::string identity;
    const auto record = [&](pid_t pid) {
        identity = process_identity(pid);
        xs::Batch who;
        who.write(model.record, identity);
        if (!model.pid.empty()) who.write(model.pid, std::to_string(pid));
        return store->commit(who);
    };
    static_cast<void>(HOSPES_TRY(dm::launch(dm::command_line(server), log, record)));
    return identity;
}

Status start_device_model(Host& host, xc::DomId guest, const DomainConfig& config, Clock::time_point deadline,
                          const Cancel* cancel) {
    Status up = bring_up(host, guest, config, deadline, cancel);
    if (up) return up;
    static_cast<void>(stop_device_model(host, model_of(guest), Clock::now() + std::chrono::seconds(1)));
    return std::move(up).problem().within("start the device model");
}

Status stop_device_model(Host& host, const DeviceModel& model, Clock::time_point deadline) {
    xs::Client* const store = HOSPES_TRY(host.store());
    const auto identity = HOSPES_TRY(store->try_read(model.record));
    if (!identity) return {};
    HOSPES_TRY(end_process(*identity, deadline));
    ::unlink(qmp_socket(model.guest).c_str());
    xs::Batch gone;
    gone.remove(model.home);
    if (!model.pid.empty()) gone.remove(model.pid);
    gone.remove(model.record);
    return store->run(gone);
}

} // namespace hospes::xl
