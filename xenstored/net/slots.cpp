// SPDX-License-Identifier: MIT
#include "net/slots.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/state_file.hpp"

namespace hospes::xs {

static constexpr std::size_t map_size = Slots::limit * sizeof(Slot);

Slots::~Slots() {
    if (slots_) ::munmap(slots_, map_size);
    if (fd_ >= 0) ::close(fd_);
}

int Slots::open(const std::string& path) {
    fd_ = path.empty() ? ::memfd_create("xenstored-rings", MFD_CLOEXEC)
                       : ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return fd_ < 0 ? errno : map();
}

int Slots::adopt(int fd) {
    fd_ = fd;
    ::fcntl(fd_, F_SETFD, FD_CLOEXEC);
    return map();
}

int Slots::map() {
    struct stat st {};
    if (::fstat(fd_, &st) != 0) return errno;
    high_ = static_cast<std::size_t>(st.st_size) / sizeof(Slot);
    if (high_ > limit) return EFBIG;
    void* p = ::mmap(nullptr, map_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    if (p == MAP_FAILED) return errno;
    slots_ = static_cast<Slot*>(p);
    return 0;
}

Slot* Slots::find(Domid domid) {
    for (std::size_t i = 0; i < high_; ++i)
        if (slots_[i].used == domid + 1U) return &slots_[i];
    return nullptr;
}

Slot* Slots::allocate(Domid domid) {
    if (Slot* s = find(domid)) return s;
    for (std::size_t i = 0; i < high_; ++i)
        if (!slots_[i].used) return &slots_[i];
    if (high_ == limit) return nullptr;
    if (state::allocate(fd_, high_ * sizeof(Slot), sizeof(Slot)) != 0) return nullptr;
    return &slots_[high_++];
}

void Slots::free(Slot& slot) { slot.used = 0; }

} // namespace hospes::xs
