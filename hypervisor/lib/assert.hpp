// SPDX-License-Identifier: MIT
// HV_ASSERT: an invariant, checked in debug builds. HV_BUG_ON: checked always.
#pragma once

namespace hv {
/// Reports the broken invariant with registers and backtrace, then stops the machine (aborts on the host).
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);
} // namespace hv

#define HV_BUG_ON(cond)                                                                                                \
    do {                                                                                                               \
        if (__builtin_expect(!!(cond), 0)) ::hv::assertion_failed("!(" #cond ")", __FILE__, __LINE__);                 \
    } while (0)

#ifdef HV_DEBUG
#define HV_ASSERT(cond)                                                                                                \
    do {                                                                                                               \
        if (__builtin_expect(!(cond), 0)) ::hv::assertion_failed(#cond, __FILE__, __LINE__);                           \
    } while (0)
#else
#define HV_ASSERT(cond) static_cast<void>(sizeof(!(cond)))
#endif
