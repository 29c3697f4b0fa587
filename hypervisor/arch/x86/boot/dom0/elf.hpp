// SPDX-License-Identifier: MIT
// A PV kernel as ELF64 with Xen's notes (xen/elfnote.h). Offsets and sizes in it are not trusted.
#pragma once

#include "lib/types.hpp"

namespace hv {

struct PvKernel {
    static constexpr u64 unset = ~u64{0};
    // From the notes.
    u64 entry = unset;
    u64 hypercall_page = unset;
    u64 virt_base = unset;
    u64 paddr_offset = unset;
    u64 init_p2m = unset;       ///< where the P2M list is wanted; unset: behind the kernel
    bool mod_start_pfn = false; ///< mod_start may be a frame, not mapped
    u64 supported_features = 0;
    bool has_supported_features = false;
    bool has_xen_notes = false;
    char guest_os[32] = {};
    // Virtual addresses that the loaded segments cover.
    u64 start = 0, end = 0;
};

/// nullptr: `out` is filled and every segment lies inside the file. Otherwise what is wrong.
const char* pv_kernel_parse(const u8* image, u64 size, PvKernel& out);
/// Calls put(virtual address, bytes, file bytes, memory bytes) for each segment of a parsed image.
using SegmentSink = void (*)(void* context, u64 address, const u8* bytes, u64 file_size, u64 memory_size);
void pv_kernel_segments(const u8* image, const PvKernel& kernel, SegmentSink put, void* context);

/// The compressed kernel inside a bzImage (Documentation/x86/boot: payload_offset, protocol 2.08). False: no bzImage.
bool bzimage_payload(const u8* image, u64 size, const u8*& payload, u64& payload_size);

} // namespace hv
