// SPDX-License-Identifier: MIT
// What the decompression libraries want from a C library, and the CPU state that they need (SSE registers, %fs for
// the stack protector's canary, a red zone that no interrupt tramples on).
#include "boot/dom0/decompress.hpp"
#include "core/debug/printk.hpp"
#include "core/mm/heap.hpp"
#include "cpu/cr.hpp"
#include "cpu/irqflags.hpp"
#include "cpu/msr.hpp"
#include "lib/spinlock.hpp"
#include "lib/string.hpp"

namespace hv {

namespace {

/// Library memory: kmalloc has no size query and a limit of one buddy block, so each block knows its order or is small.
struct alignas(16) BlockHeader {
    u64 order; ///< ~0: from kmalloc
};
constexpr u64 small = ~u64{0};

void* library_alloc(usize bytes) {
    const u64 total = bytes + sizeof(BlockHeader);
    if (total < bytes) return nullptr;
    BlockHeader* block;
    const unsigned order = order_for(total);
    if (total <= page_size) {
        block = static_cast<BlockHeader*>(kmalloc(total));
    } else {
        PageInfo* pages = heap_alloc(order);
        block = pages ? map_as<BlockHeader>(mfn_of(*pages)) : nullptr;
    }
    if (!block) return nullptr;
    block->order = total <= page_size ? small : order;
    return block + 1;
}

void library_free(void* p) {
    if (!p) return;
    BlockHeader* block = static_cast<BlockHeader*>(p) - 1;
    if (block->order == small)
        kfree(block);
    else
        heap_free(page_of(mfn_of_virt(block)), static_cast<unsigned>(block->order));
}

/// Thread block: %fs:0x28 is the canary.
alignas(64) u64 library_tls[16];

} // namespace

const char* decompress(Compression kind, const u8* data, u64 size, u8* out, u64 out_size) {
    const IrqOff off;
    const u64 cr0 = read_cr0(), fs = rdmsr(Msr::fs_base);
    write_cr0(cr0 & ~(Cr0::ts | Cr0::em));
    wrmsr(Msr::fs_base, reinterpret_cast<u64>(library_tls));
    const char* result = decompress_with(kind, data, size, out, out_size);
    wrmsr(Msr::fs_base, fs);
    write_cr0(cr0);
    return result;
}

} // namespace hv

extern "C" {
void* malloc(hv::usize bytes) { return hv::library_alloc(bytes); }
void free(void* p) { hv::library_free(p); }
void* calloc(hv::usize count, hv::usize size) {
    hv::usize bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) return nullptr;
    void* p = hv::library_alloc(bytes);
    return p ? memset(p, 0, bytes) : nullptr;
}
[[noreturn]] void __stack_chk_fail() { hv::panic("a decompression library smashed its stack"); }
/// zstd's tracing hooks are weak in the library; a weak undefined reference cannot reach from our addresses.
unsigned long long ZSTD_trace_decompress_begin(const void*) { return 0; }
void ZSTD_trace_decompress_end(unsigned long long, const void*) {}

/// libbz2's stdio half lies in the same object as what we use; nobody calls it.
[[noreturn, gnu::used]] void library_unreachable() {
    hv::panic("a decompression library called what it must not need");
}
void *stdin, *stdout, *stderr;
}

#define HV_UNREACHABLE(name) asm(".globl " #name "\n.set " #name ", library_unreachable");
HV_UNREACHABLE(__ctype_b_loc)
HV_UNREACHABLE(__fprintf_chk)
HV_UNREACHABLE(exit)
HV_UNREACHABLE(fclose)
HV_UNREACHABLE(fdopen)
HV_UNREACHABLE(ferror)
HV_UNREACHABLE(fflush)
HV_UNREACHABLE(fgetc)
HV_UNREACHABLE(fopen64)
HV_UNREACHABLE(fputc)
HV_UNREACHABLE(fread)
HV_UNREACHABLE(fwrite)
HV_UNREACHABLE(ungetc)
