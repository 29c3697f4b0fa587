// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <linux/nbd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "libxl/core/process.hpp"
#include "libxl/hotplug/disk.hpp"

namespace hospes::xl {
namespace {

constexpr unsigned most_devices = 256;

std::string read_text(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// From the choice of a free device until it is in use nobody else chooses.
class ChoiceLock {
  public:
    ChoiceLock() : fd_(::open("/run/lock/hospes-nbd", O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
        while (fd_ >= 0 && ::flock(fd_, LOCK_EX) < 0 && errno == EINTR)
            ;
    }
    ~ChoiceLock() {
        if (fd_ >= 0) ::close(fd_);
    }
    ChoiceLock(const ChoiceLock&) = delete;
    ChoiceLock& operator=(const ChoiceLock&) = delete;

  private:
    int fd_;
};

std::string free_device() {
    for (unsigned n = 0; n < most_devices; ++n) {
        const std::string name = "nbd" + std::to_string(n);
        if (::access(("/sys/block/" + name).c_str(), F_OK) != 0) break;
        // The driver shows the pid of the process that serves it.
        if (::access(("/sys/block/" + name + "/pid").c_str(), F_OK) != 0) return "/dev/" + name;
    }
    return {};
}

} // namespace

Result<DiskSource> attach_nbd(const std::string& file, std::string_view format, bool writable,
                              Clock::time_point deadline, const Cancel* cancel,
                              const std::function<Status(const std::string& node)>& claim) {
    const std::string stage = "serve " + std::string(format) + " image " + file;
    if (::access(file.c_str(), writable ? R_OK | W_OK : R_OK) != 0) return error("open disk " + file, errno);
    const ChoiceLock lock;
    const std::string device = free_device();
    if (device.empty()) return error(stage, ENODEV, "no /dev/nbdN is free", "load module nbd (nbds_max=N for more)");
    HOSPES_TRY(claim(device));
    std::vector<std::string> arguments = {"qemu-nbd", "--connect=" + device, "--format=" + std::string(format),
                                          "--cache=none", "--aio=native"};
    // --cache=none needs O_DIRECT, which a file system in memory has not.
    if (const int direct = ::open(file.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC); direct >= 0)
        ::close(direct);
    else
        arguments.resize(3);
    if (!writable) arguments.emplace_back("--read-only");
    arguments.push_back(file);
    const auto run = run_program(arguments, {}, deadline, cancel);
    if (!run && run.problem().code == ENOENT)
        return error(stage, EOPNOTSUPP, "the kernel reads only raw images, and there is no qemu-nbd",
                     "install qemu-utils, or convert the image: qemu-img convert -O raw");
    if (!run) {
        detach_nbd(device, file);
        return Error(run.problem()).within(stage);
    }
    if (run->status != 0)
        return error(stage, EIO, "qemu-nbd: " + (run->output.empty() ? "failed" : run->output), "is the format right?");
    struct stat info {};
    if (::stat(device.c_str(), &info) < 0) return error("open " + device, errno);
    return DiskSource(device, major(info.st_rdev), minor(info.st_rdev));
}

void detach_nbd(const std::string& device, const std::string& file) {
    const std::string pid = read_text("/sys/block/" + device.substr(device.rfind('/') + 1) + "/pid");
    if (pid.empty()) return;
    // The number may serve somebody else by now.
    const std::string command = read_text("/proc/" + pid.substr(0, pid.find('\n')) + "/cmdline");
    if (command.find(file + std::string(1, '\0')) == std::string::npos) return;
    const int nbd = ::open(device.c_str(), O_RDWR | O_CLOEXEC);
    if (nbd < 0) return;
    ::ioctl(nbd, NBD_DISCONNECT); // qemu-nbd flushes and ends
    ::close(nbd);
}

} // namespace hospes::xl
