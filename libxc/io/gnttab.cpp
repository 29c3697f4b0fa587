// SPDX-License-Identifier: MIT
#include "xc/gnttab.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xen/gntdev.h>

namespace hospes::xc {

Result<GrantDevice> GrantDevice::open() {
    const int fd = ::open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
    if (fd < 0) return error("open /dev/xen/gntdev", errno, {}, "load the module xen-gntdev");
    return GrantDevice(fd);
}

GrantDevice::~GrantDevice() {
    if (fd_ >= 0) ::close(fd_);
}

Result<GrantedPage> GrantDevice::map(DomId domain, std::uint32_t reference) {
    ioctl_gntdev_map_grant_ref request{};
    request.count = 1;
    request.refs[0] = {domain, reference};
    if (::ioctl(fd_, IOCTL_GNTDEV_MAP_GRANT_REF, &request) < 0) return error("request grant mapping", errno);
    void* memory =
        ::mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, static_cast<off_t>(request.index));
    if (memory == MAP_FAILED) {
        const int code = errno;
        ioctl_gntdev_unmap_grant_ref undo{request.index, 1, 0};
        ::ioctl(fd_, IOCTL_GNTDEV_UNMAP_GRANT_REF, &undo);
        return error("map granted page", code);
    }
    return GrantedPage(fd_, request.index, memory);
}

GrantedPage::~GrantedPage() {
    if (!memory_) return;
    ::munmap(memory_, page_size);
    ioctl_gntdev_unmap_grant_ref undo{index_, 1, 0};
    ::ioctl(fd_, IOCTL_GNTDEV_UNMAP_GRANT_REF, &undo);
}

} // namespace hospes::xc
