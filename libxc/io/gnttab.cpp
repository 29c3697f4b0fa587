// SPDX-License-Identifier: MIT
#include "xc/gnttab.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xen/gntalloc.h>
#include <xen/gntdev.h>

namespace hospes::xc {
namespace {

/// A request whose last member is an array of `count`, one of which the structure has already.
template <typename Request, typename Element> std::vector<std::uint64_t> room_for(std::size_t count) {
    const std::size_t bytes = sizeof(Request) + (count - 1) * sizeof(Element);
    return std::vector<std::uint64_t>((bytes + 7) / 8);
}

} // namespace

Result<GrantDevice> GrantDevice::open() {
    const int fd = ::open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
    if (fd < 0) return error("open /dev/xen/gntdev", errno, {}, "load the module xen-gntdev");
    return GrantDevice(fd);
}

GrantDevice::~GrantDevice() {
    if (fd_ >= 0) ::close(fd_);
}

Result<GrantedPage> GrantDevice::map(DomId domain, std::span<const std::uint32_t> references, bool writable) {
    if (references.empty()) return error("request grant mapping", EINVAL);
    auto room = room_for<ioctl_gntdev_map_grant_ref, ioctl_gntdev_grant_ref>(references.size());
    auto& request = *reinterpret_cast<ioctl_gntdev_map_grant_ref*>(room.data());
    const auto count = static_cast<std::uint32_t>(references.size());
    request.count = count;
    auto* const wanted = reinterpret_cast<ioctl_gntdev_grant_ref*>(reinterpret_cast<std::uint8_t*>(room.data()) +
                                                                   offsetof(ioctl_gntdev_map_grant_ref, refs));
    for (std::size_t i = 0; i < references.size(); ++i)
        wanted[i] = {domain, references[i]};
    if (::ioctl(fd_, IOCTL_GNTDEV_MAP_GRANT_REF, &request) < 0) return error("request grant mapping", errno);
    void* memory = ::mmap(nullptr, count * page_size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd_,
                          static_cast<off_t>(request.index));
    if (memory == MAP_FAILED) {
        const int code = errno;
        ioctl_gntdev_unmap_grant_ref undo{request.index, count, 0};
        ::ioctl(fd_, IOCTL_GNTDEV_UNMAP_GRANT_REF, &undo);
        return error("map granted page", code);
    }
    return GrantedPage(fd_, request.index, memory, count);
}

GrantedPage::~GrantedPage() {
    if (!memory_) return;
    ::munmap(memory_, count_ * page_size);
    ioctl_gntdev_unmap_grant_ref undo{index_, count_, 0};
    ::ioctl(fd_, IOCTL_GNTDEV_UNMAP_GRANT_REF, &undo);
}

Result<SharedPages> SharedPages::create(DomId with, std::uint32_t count, bool writable) {
    const std::string stage = "share pages with domain " + std::to_string(with);
    if (count == 0) return error(stage, EINVAL);
    SharedPages pages(::open("/dev/xen/gntalloc", O_RDWR | O_CLOEXEC));
    if (pages.fd_ < 0) return error("open /dev/xen/gntalloc", errno, {}, "load the module xen-gntalloc");
    auto room = room_for<ioctl_gntalloc_alloc_gref, std::uint32_t>(count);
    auto& request = *reinterpret_cast<ioctl_gntalloc_alloc_gref*>(room.data());
    request.domid = with;
    request.flags = writable ? GNTALLOC_FLAG_WRITABLE : 0;
    request.count = count;
    if (::ioctl(pages.fd_, IOCTL_GNTALLOC_ALLOC_GREF, &request) < 0) return error(stage, errno);
    void* memory = ::mmap(nullptr, count * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, pages.fd_,
                          static_cast<off_t>(request.index));
    if (memory == MAP_FAILED) return error(stage, errno);
    pages.memory_ = memory;
    const auto* const given = reinterpret_cast<const std::uint32_t*>(
        reinterpret_cast<const std::uint8_t*>(room.data()) + offsetof(ioctl_gntalloc_alloc_gref, gref_ids));
    pages.references_.assign(given, given + count);
    return pages;
}

SharedPages::~SharedPages() {
    if (memory_) ::munmap(memory_, references_.size() * page_size);
    if (fd_ >= 0) ::close(fd_);
}

} // namespace hospes::xc
