// SPDX-License-Identifier: MIT
// The hypervisor's own image: virtual `image_start` (mm/layout.hpp) is loaded at machine address `image_load_maddr`.
// Until mm_init() takes over, head.S's tables map: the image (2 MiB pages, writable and executable), the first 4 GiB
// at virtual 0 and the same at direct_map_start.
#pragma once

#include "mm/layout.hpp"

namespace hv {

inline constexpr u64 image_load_maddr = u64{2} << 20;

extern "C" {
// Page-aligned borders set by hospes.ld. [text] r-x, [rodata] r--, [data] rw- (with .bss). In this order, contiguous.
extern u8 image_text_start[], image_text_end[];
extern u8 image_rodata_start[], image_rodata_end[];
extern u8 image_data_start[], image_end[];
extern u64 boot_l4[512];    ///< head.S's top table
extern u8 boot_cpu_stack[]; ///< stack_size bytes, stack_size-aligned, with the boot CPU's CpuInfo
}

inline u64 image_maddr(const void* in_image) {
    return reinterpret_cast<u64>(in_image) - image_start + image_load_maddr;
}
/// Everything below this machine address that head.S or the loader's image occupies.
inline u64 image_end_maddr() { return image_maddr(image_end); }

} // namespace hv
