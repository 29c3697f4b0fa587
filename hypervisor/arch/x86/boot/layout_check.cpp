// SPDX-License-Identifier: MIT
// The numbers in asm_const.h against their C++ origin.
#include "boot/asm_const.h"
#include "boot/image.hpp"
#include "cpu/cpu_info.hpp"
#include "cpu/cpu_init.hpp"

static_assert(IMAGE_START == hv::image_start && IMAGE_LOAD == hv::image_load_maddr);
static_assert(STACK_SIZE == hv::stack_size && TRAMPOLINE == hv::trampoline_maddr);
static_assert(sizeof(hv::CpuInfo) <= 0x200, "head.S starts the stack 0x200 below its end");
