// SPDX-License-Identifier: MIT
// Runs in dom0 or a guest: several processes per CPU keep patterns in the vector registers while
// they compute, fault pages and sleep, and check that nobody changed them. A hypervisor (or an
// emulator) that loses FPU state shows here within seconds. vector_stress SECONDS PROCESSES
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using Vector = std::uint64_t[4];

double now() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

/// What happens between loading the registers and reading them: must not touch vector registers
/// itself.
enum class Between : unsigned { spin, fault, call };

__attribute__((target("avx"), noinline)) bool keep(const Vector& pattern, Between what, void* page) {
    Vector low, high;
    asm volatile("vmovdqu %[p], %%ymm0\n\tvmovdqu %%ymm0, %%ymm15\n\t"
                 "cmp $1, %[what]\n\tjb 1f\n\tje 2f\n\t"
                 "mov $24, %%eax\n\tsyscall\n\tjmp 3f\n" // sched_yield
                 "2:\tmovb $1, (%[page])\n\tjmp 3f\n"
                 "1:\tmov $20000, %%ecx\n4:\tdec %%ecx\n\tjnz 4b\n"
                 "3:\tvmovdqu %%ymm0, %[low]\n\tvmovdqu %%ymm15, %[high]"
                 : [low] "=m"(low), [high] "=m"(high)
                 : [p] "m"(pattern), [what] "r"(static_cast<unsigned>(what)), [page] "r"(page)
                 : "rax", "rcx", "r11", "xmm0", "xmm15", "memory", "cc");
    return std::memcmp(low, pattern, sizeof low) == 0 && std::memcmp(high, pattern, sizeof high) == 0;
}

__attribute__((noinline)) bool keep_sse(const Vector& pattern, Between what, void* page) {
    Vector low{pattern[0], pattern[1], 0, 0};
    asm volatile("movdqu %[p], %%xmm3\n\t"
                 "cmp $1, %[what]\n\tjb 1f\n\tje 2f\n\t"
                 "mov $24, %%eax\n\tsyscall\n\tjmp 3f\n"
                 "2:\tmovb $1, (%[page])\n\tjmp 3f\n"
                 "1:\tmov $20000, %%ecx\n4:\tdec %%ecx\n\tjnz 4b\n"
                 "3:\tmovdqu %%xmm3, %[low]"
                 : [low] "=m"(low)
                 : [p] "m"(pattern), [what] "r"(static_cast<unsigned>(what)), [page] "r"(page)
                 : "rax", "rcx", "r11", "xmm3", "memory", "cc");
    return low[0] == pattern[0] && low[1] == pattern[1];
}

unsigned stress(unsigned seed, double until) {
    const bool avx = __builtin_cpu_supports("avx");
    unsigned bad = 0;
    for (std::uint64_t n = 1; now() < until; n++) {
        const std::uint64_t x = n * 0x9e3779b97f4a7c15ULL ^ seed;
        const Vector pattern{x, ~x, x + seed, x ^ 0x5555555555555555ULL};
        const auto what = static_cast<Between>(n % 3);
        void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED) return bad + 1;
        const bool ok = avx && (n & 1) ? keep(pattern, what, page) : keep_sse(pattern, what, page);
        if (!ok && bad++ < 3)
            std::printf("CHANGED %s between=%u seed=%u round=%llu\n", avx && (n & 1) ? "ymm" : "xmm",
                        static_cast<unsigned>(what), seed, static_cast<unsigned long long>(n));
        munmap(page, 4096);
    }
    return bad;
}

} // namespace

int main(int argc, char** argv) {
    const int seconds = argc > 1 ? std::atoi(argv[1]) : 10, count = argc > 2 ? std::atoi(argv[2]) : 6;
    const double until = now() + seconds;
    for (int i = 0; i < count; i++)
        if (fork() == 0) {
            const unsigned bad = stress(static_cast<unsigned>(i) * 7919 + 1, until);
            std::fflush(stdout);
            _exit(bad != 0);
        }
    int broken = 0, status = 0;
    while (wait(&status) > 0)
        broken += status != 0;
    std::printf("VECTORS %s: %d of %d processes saw a change\n", broken ? "CHANGED" : "kept", broken, count);
    return broken != 0;
}
