// SPDX-License-Identifier: MIT
// Micro-benchmarks that run in dom0, on any hypervisor that speaks Xen's ABI: what a hypercall, an
// event, a grant, a page-table update and a system call cost. Prints "name nanoseconds" per line;
// each figure is the median of several rounds.
//   dom0_bench [GROUP]
#include "rounds.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <linux/types.h>
// The ABI's types, which the kernel's headers below take for granted.
#include <xen/grant_table.h>
#include <xen/xen.h>

#include <xen/evtchn.h>
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

namespace {

constexpr std::size_t page_size = 4096;
// The kernel's <xen/privcmd.h> includes a header that only the kernel has: its first ioctl, spelt
// out.
struct PrivcmdHypercall {
    std::uint64_t op;
    std::uint64_t arg[5];
};
constexpr unsigned long ioctl_privcmd_hypercall = _IOC(_IOC_NONE, 'P', 0, sizeof(PrivcmdHypercall));

constexpr unsigned long hypercall_xen_version = 17, hypercall_sched_op = 29; // public/xen.h
constexpr unsigned long sched_op_yield = 0;                                  // public/sched.h

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

int open_device(const char* path) {
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) fail(path);
    return fd;
}

long hypercall(int privcmd, unsigned long op, unsigned long arg0, unsigned long arg1 = 0) {
    PrivcmdHypercall call{op, {arg0, arg1, 0, 0, 0}};
    return ioctl(privcmd, ioctl_privcmd_hypercall, &call);
}

void system_calls() {
    report("syscall", 2000, [] { syscall(SYS_getppid); });
    const int null = open_device("/dev/null");
    report("ioctl_baseline", 2000, [&] { ioctl(null, 0x5401, nullptr); });
    close(null);
}

void hypercalls() {
    const int privcmd = open_device("/dev/xen/privcmd");
    if (hypercall(privcmd, hypercall_xen_version, 0) != ((4 << 16) | 17)) fail("xen_version");
    report("null_hypercall", 2000, [&] { hypercall(privcmd, hypercall_xen_version, 0); });
    report("yield", 1000, [&] { hypercall(privcmd, hypercall_sched_op, sched_op_yield); });
    close(privcmd);
}

void events() {
    const int fd = open_device("/dev/xen/evtchn");
    ioctl_evtchn_bind_unbound_port unbound{0};
    const int near = ioctl(fd, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &unbound);
    if (near < 0) fail("bind unbound port");
    ioctl_evtchn_bind_interdomain inter{0, static_cast<unsigned>(near)};
    const int far = ioctl(fd, IOCTL_EVTCHN_BIND_INTERDOMAIN, &inter);
    if (far < 0) fail("bind interdomain");
    const auto drain = [&] {
        std::uint32_t port;
        while (read(fd, &port, sizeof port) != sizeof port) {
        }
        if (write(fd, &port, sizeof port) != sizeof port) fail("unmask");
    };
    // Binding may leave an event pending.
    pollfd waiting{fd, POLLIN, 0};
    while (poll(&waiting, 1, 50) > 0)
        drain();
    // dom0's kernel takes the event on a CPU of its own choice. On another one than ours the figure
    // would be that of an interrupt between CPUs, so the cheapest CPU is the one that counts.
    cpu_set_t all, one;
    if (sched_getaffinity(0, sizeof all, &all) < 0) fail("affinity");
    double least = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all)) continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (sched_setaffinity(0, sizeof one, &one) < 0) fail("affinity");
        const double cost = measure(300, [&] {
            ioctl_evtchn_notify notify{static_cast<unsigned>(near)};
            if (ioctl(fd, IOCTL_EVTCHN_NOTIFY, &notify) < 0) fail("notify");
            drain();
        });
        if (least == 0 || cost < least) least = cost;
    }
    if (sched_setaffinity(0, sizeof all, &all) < 0) fail("affinity");
    print("evtchn_notify_to_read", least);
    close(fd);
}

constexpr std::uint32_t grant_pages = 32;

struct Granted {
    int fd;
    std::vector<std::uint32_t> refs;
};

Granted grant_own_pages() {
    const int fd = open_device("/dev/xen/gntalloc");
    std::vector<char> space(sizeof(ioctl_gntalloc_alloc_gref) + grant_pages * sizeof(std::uint32_t));
    auto* alloc = reinterpret_cast<ioctl_gntalloc_alloc_gref*>(space.data());
    alloc->domid = 0;
    alloc->flags = GNTALLOC_FLAG_WRITABLE;
    alloc->count = grant_pages;
    if (ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, alloc) < 0) fail("gntalloc");
    // The pages live as long as this mapping or the descriptor does.
    if (mmap(nullptr, grant_pages * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
             static_cast<off_t>(alloc->index)) == MAP_FAILED)
        fail("mmap gntalloc");
    const auto* refs = alloc->gref_ids;
    return {fd, {refs, refs + grant_pages}};
}

void map_and_unmap(int gntdev, const Granted& granted) {
    std::vector<char> space(sizeof(ioctl_gntdev_map_grant_ref) + grant_pages * sizeof(ioctl_gntdev_grant_ref));
    auto* map = reinterpret_cast<ioctl_gntdev_map_grant_ref*>(space.data());
    map->count = grant_pages;
    for (std::uint32_t i = 0; i < grant_pages; i++)
        map->refs[i] = {0, granted.refs[i]};
    if (ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, map) < 0) fail("map grant ref");
    void* at = mmap(nullptr, grant_pages * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, gntdev,
                    static_cast<off_t>(map->index));
    if (at == MAP_FAILED) fail("mmap gntdev");
    munmap(at, grant_pages * page_size);
    ioctl_gntdev_unmap_grant_ref unmap{map->index, grant_pages, 0};
    if (ioctl(gntdev, IOCTL_GNTDEV_UNMAP_GRANT_REF, &unmap) < 0) fail("unmap grant ref");
}

void grants() {
    const Granted granted = grant_own_pages();
    const int gntdev = open_device("/dev/xen/gntdev");
    report(
        "grant_map_unmap_page", 10, [&] { map_and_unmap(gntdev, granted); }, grant_pages);
    void* local = mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    gntdev_grant_copy_segment segment{};
    segment.source.foreign = {granted.refs[0], 0, 0};
    segment.dest.virt = local;
    segment.len = page_size;
    segment.flags = 1; // GNTCOPY_source_gref
    ioctl_gntdev_grant_copy copy{1, &segment};
    report("grant_copy_page", 300, [&] {
        if (ioctl(gntdev, IOCTL_GNTDEV_GRANT_COPY, &copy) < 0 || segment.status != 0) fail("grant copy");
    });
    close(gntdev);
    close(granted.fd);
}

void memory() {
    constexpr std::size_t pages = 256;
    report(
        "mmap_populate_page", 4,
        [] {
            void* at = mmap(nullptr, pages * page_size, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
            if (at == MAP_FAILED) fail("mmap");
            munmap(at, pages * page_size);
        },
        pages);
}

void processes() {
    report("fork_exit", 20, [] {
        const pid_t child = fork();
        if (child == 0) _exit(0);
        int status = 0;
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) fail("fork");
    });
    report("fork_exec_exit", 10, [] {
        const pid_t child = fork();
        if (child == 0) {
            execl("/proc/self/exe", "dom0_bench", "--exit", nullptr);
            _exit(127);
        }
        int status = 0;
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) fail("fork+exec");
    });
    int to[2], from[2];
    if (pipe(to) || pipe(from)) fail("pipe");
    const pid_t echo = fork();
    char byte = 1;
    if (echo == 0) {
        close(to[1]);
        while (read(to[0], &byte, 1) == 1 && write(from[1], &byte, 1) == 1) {
        }
        _exit(0);
    }
    report("pipe_ping_pong", 100, [&] {
        if (write(to[1], &byte, 1) != 1 || read(from[0], &byte, 1) != 1) fail("pipe ping-pong");
    });
    close(to[1]);
    waitpid(echo, nullptr, 0);
}

} // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::strcmp(argv[1], "--exit") == 0) return 0;
    const std::pair<const char*, void (*)()> groups[] = {{"system_calls", system_calls},
                                                         {"hypercalls", hypercalls},
                                                         {"events", events},
                                                         {"grants", grants},
                                                         {"memory", memory},
                                                         {"processes", processes}};
    bool known = argc < 2;
    for (const auto& [name, run] : groups) {
        if (argc > 1 && std::strcmp(argv[1], name) != 0) continue;
        known = true;
        run();
    }
    if (!known) std::fprintf(stderr, "usage: %s [GROUP]\n", argv[0]);
    return known ? 0 : 2;
}
