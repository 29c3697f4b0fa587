// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "libxl/hotplug/disk.hpp"

namespace hospes::xl {

namespace {

/// The driver detaches a loop device with its last user (LO_FLAGS_AUTOCLEAR): until keep() that is us.
class LoopHold final : public DiskSource::Hold {
  public:
    explicit LoopHold(int fd) : fd_(fd) {}
    LoopHold(const LoopHold&) = delete;
    LoopHold& operator=(const LoopHold&) = delete;
    ~LoopHold() override {
        if (fd_ >= 0) ::close(fd_);
    }
    Status keep() override {
        if (fd_ < 0) return {};
        loop_info64 info{};
        if (::ioctl(fd_, LOOP_GET_STATUS64, &info) < 0) return error("keep the loop device", errno);
        info.lo_flags &= ~std::uint32_t{LO_FLAGS_AUTOCLEAR};
        if (::ioctl(fd_, LOOP_SET_STATUS64, &info) < 0) return error("keep the loop device", errno);
        ::close(std::exchange(fd_, -1));
        return {};
    }

  private:
    int fd_;
};

} // namespace

std::string DiskSource::number() const {
    char text[32];
    std::snprintf(text, sizeof(text), "%x:%x", major_, minor_);
    return text;
}

Result<DiskSource> attach_loop(const std::string& file, bool writable) {
    const int mode = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC;
    const int image = ::open(file.c_str(), mode);
    if (image < 0) return error("open disk " + file, errno);
    const int control = ::open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (control < 0) {
        const int failure = errno;
        ::close(image);
        return error("open /dev/loop-control", failure, {}, "load module loop");
    }
    int failure = EBUSY, loop = -1, number = 0;
    for (int attempt = 0; loop < 0 && failure == EBUSY && attempt < 64; ++attempt) {
        number = ::ioctl(control, LOOP_CTL_GET_FREE);
        if (number < 0) {
            failure = errno;
            break;
        }
        loop = ::open(("/dev/loop" + std::to_string(number)).c_str(), mode);
        loop_config config{};
        config.fd = static_cast<std::uint32_t>(image);
        config.info.lo_flags = LO_FLAGS_AUTOCLEAR | (writable ? 0U : unsigned{LO_FLAGS_READ_ONLY});
        std::snprintf(reinterpret_cast<char*>(config.info.lo_file_name), LO_NAME_SIZE, "%s", file.c_str());
        if (loop >= 0 && ::ioctl(loop, LOOP_CONFIGURE, &config) == 0) break;
        failure = errno; // EBUSY: somebody else took it meanwhile
        if (loop >= 0) ::close(std::exchange(loop, -1));
    }
    ::close(image);
    ::close(control);
    if (loop < 0) return error("give " + file + " a loop device", failure);
    struct stat info {};
    ::fstat(loop, &info);
    return DiskSource("/dev/loop" + std::to_string(number), major(info.st_rdev), minor(info.st_rdev),
                      std::make_unique<LoopHold>(loop));
}

void detach_loop(const std::string& device) {
    const int loop = ::open(device.c_str(), O_RDONLY | O_CLOEXEC);
    if (loop < 0) return;
    ::ioctl(loop, LOOP_CLR_FD, 0); // still in use: it goes with its last user
    ::close(loop);
}

} // namespace hospes::xl
