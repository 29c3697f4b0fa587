/* SPDX-License-Identifier: MIT */
/* Constants that assembly shares with C++; each is checked against its C++ origin in boot/layout_check.cpp. */
#pragma once
#define IMAGE_START 0xffff82f000000000
#define IMAGE_LOAD 0x200000
#define STACK_SIZE 0x8000
#define TRAMPOLINE 0x8000
