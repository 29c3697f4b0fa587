// SPDX-License-Identifier: MIT
#include "state/state_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/engine_state.hpp"

namespace hospes::xs::state {

/// What a file of so many bytes gets beyond them: it is memory, and as many as there are nodes.
static std::size_t spare(std::size_t bytes) {
    return std::clamp(bytes / 8, std::size_t{64} << 10, std::size_t{4} << 20);
}

static constexpr char magic[9] = "HospesXS";

int allocate(int fd, std::size_t at, std::size_t bytes) {
    // What io_uring has for us looks like a signal to the file system, which then gives up.
    int error = 0;
    do
        error = ::posix_fallocate(fd, static_cast<off_t>(at), static_cast<off_t>(bytes));
    while (error == EINTR);
    return error;
}

std::string boot_id() {
    char id[sizeof FileHeader::boot_id] = {};
    const int fd = ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return {};
    const ssize_t n = ::read(fd, id, sizeof id - 1);
    ::close(fd);
    const std::string_view text(id, n > 0 ? static_cast<std::size_t>(n) : 0);
    return std::string(text.substr(0, text.find('\n')));
}

void StateFile::close_map() {
    if (map_) ::munmap(map_, size_);
    if (fd_ >= 0) ::close(fd_);
    map_ = nullptr;
    fd_ = -1;
}

bool StateFile::recover(Engine& engine, std::uint64_t& position, std::string& why) {
    const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    struct stat st {};
    FileHeader h{};
    const bool readable = ::fstat(fd, &st) == 0 && ::pread(fd, &h, sizeof h, 0) == static_cast<ssize_t>(sizeof h);
    const auto size = static_cast<std::size_t>(st.st_size);
    if (!readable || std::memcmp(h.magic, magic, sizeof h.magic) != 0)
        why = "not a state file";
    else if (h.version != format_version)
        why = "state of another version";
    else if (h.committed > size - sizeof h)
        why = "truncated state file";
    else if (std::string_view(h.boot_id) != boot_id())
        why = "state of an earlier boot";
    void* map = why.empty() ? ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    ::close(fd);
    if (map == MAP_FAILED) return false;
    const bool whole = load(engine, {static_cast<const char*>(map) + sizeof h, h.committed}, nullptr);
    ::munmap(map, size);
    if (!whole) why = "a record makes no sense; kept what stands before it";
    position = h.base + h.committed;
    base_ = position;
    return true;
}

struct StateFile::Rewrite {
    LastingDump dump;
    std::size_t from; ///< the old file's bytes up to here are in the dump
    int fd = -1;
    int error = 0;
    std::size_t written = 0; ///< behind the header
    Rewrite(const Engine& engine, std::size_t used) : dump(engine), from(used) {}
    ~Rewrite() {
        if (fd >= 0) ::close(fd);
    }
    int write(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t n =
                ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(sizeof(FileHeader) + written));
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) return n < 0 ? errno : ENOSPC;
            written += static_cast<std::size_t>(n);
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
        return 0;
    }
};

StateFile::StateFile(std::string path) : path_(std::move(path)) {}

StateFile::~StateFile() { close_map(); }

void StateFile::rewrite(const Engine& engine) {
    next_ = std::make_unique<Rewrite>(engine, used_);
    next_->fd = ::open((path_ + ".new").c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    next_->error = next_->fd < 0 ? errno : 0;
}

int StateFile::step(std::size_t bytes) {
    Writer piece;
    int error = next_->error;
    const bool more = !error && next_->dump.write(piece, bytes);
    if (!error) error = next_->write(piece.bytes);
    if (!error && !more) error = take_over();
    if (error) {
        ::unlink((path_ + ".new").c_str());
        dumped_ = used_ / 4; // not again before it has grown as much again
    }
    if (error || !more) next_.reset();
    return error;
}

/// What was committed since the dump began is appended to it, and the new file becomes the journal.
int StateFile::take_over() {
    const std::size_t dumped = next_->written, used = dumped + used_ - next_->from;
    const std::size_t size = (sizeof(FileHeader) + used + spare(used)) & ~std::size_t{4095};
    if (const int e = allocate(next_->fd, 0, size)) return e;
    void* const p = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, next_->fd, 0);
    if (p == MAP_FAILED) return errno;
    char* const map = static_cast<char*>(p);
    if (used > dumped)
        std::memcpy(map + sizeof(FileHeader) + dumped, map_ + sizeof(FileHeader) + next_->from, used - dumped);
    FileHeader& h = *reinterpret_cast<FileHeader*>(map);
    std::memcpy(h.magic, magic, sizeof h.magic);
    h.version = format_version;
    h.reserved = 0;
    const std::string id = boot_id();
    std::memcpy(h.boot_id, id.c_str(), id.size() + 1);
    h.committed = used;
    h.base = base_ + used_ - used; // positions go on where they are, modulo 2^64
    if (::rename((path_ + ".new").c_str(), path_.c_str()) != 0) {
        const int e = errno;
        ::munmap(map, size);
        return e;
    }
    base_ = h.base;
    close_map();
    map_ = map;
    size_ = size;
    used_ = used;
    dumped_ = dumped;
    fd_ = std::exchange(next_->fd, -1);
    return 0;
}

int StateFile::checkpoint(const Engine& engine) {
    base_ += used_ + batch_.bytes.size();
    used_ = 0;
    batch_.bytes.clear(); // the dump holds it
    close_map();
    rewrite(engine);
    const int error = step(SIZE_MAX);
    if (error) remove();
    return error;
}

int StateFile::grow_to(std::size_t bytes) {
    const std::size_t wanted = (bytes + spare(bytes)) & ~std::size_t{4095};
    if (const int e = allocate(fd_, size_, wanted - size_)) return e;
    void* p = ::mremap(map_, size_, wanted, MREMAP_MAYMOVE);
    if (p == MAP_FAILED) return errno;
    map_ = static_cast<char*>(p);
    size_ = wanted;
    return 0;
}

bool StateFile::commit() {
    if (!map_) {
        batch_.bytes.clear();
        return true;
    }
    if (!batch_.bytes.empty()) {
        const std::size_t end = sizeof(FileHeader) + used_ + batch_.bytes.size();
        if (end > size_ && grow_to(end) != 0) {
            close_map();
            remove();
            batch_.bytes.clear();
            return false;
        }
        std::memcpy(map_ + sizeof(FileHeader) + used_, batch_.bytes.data(), batch_.bytes.size());
        used_ += batch_.bytes.size();
        batch_.bytes.clear();
        __atomic_store_n(&header().committed, used_, __ATOMIC_RELEASE);
    }
    return true;
}

void StateFile::remove() {
    next_.reset();
    ::unlink(path_.c_str());
    ::unlink((path_ + ".new").c_str());
}

void StateFile::node(std::string_view path, std::string_view value, const PermSet& perms) {
    batch_.start(Record::Node);
    batch_.text(path);
    batch_.text(value);
    batch_.perms(&perms);
}
void StateFile::removed(std::string_view path) {
    batch_.start(Record::Removed);
    batch_.text(path);
}
void StateFile::special_perms(std::string_view path, const PermSet& perms) {
    batch_.start(Record::Special);
    batch_.text(path);
    batch_.perms(&perms);
}
void StateFile::watch(Domid domid, std::string_view client_path, std::string_view token, std::uint32_t depth) {
    domain_record(Record::Watch, domid);
    batch_.text(client_path);
    batch_.text(token);
    batch_.number(depth);
}
void StateFile::unwatch(Domid domid, std::string_view client_path, std::string_view token) {
    domain_record(Record::Unwatch, domid);
    batch_.text(client_path);
    batch_.text(token);
}
void StateFile::domain_record(Record type, Domid domid) {
    batch_.start(type);
    batch_.number(domid);
}
void StateFile::reset_watches(Domid domid) { domain_record(Record::ResetWatches, domid); }
void StateFile::introduced(Domid domid, std::uint64_t gfn, std::uint32_t port) {
    domain_record(Record::Introduced, domid);
    batch_.number(gfn);
    batch_.number(port);
}
void StateFile::released(Domid domid) { domain_record(Record::Released, domid); }
void StateFile::target(Domid domid, Domid target) {
    domain_record(Record::Target, domid);
    batch_.number(target);
}

} // namespace hospes::xs::state
