// SPDX-License-Identifier: MIT
// Error numbers of the hypercall ABI (values: xen/errno.h; checked in include/abi/xen.hpp).
#pragma once

namespace hv {

enum class Errno : int {
    perm = 1,
    no_ent = 2,
    srch = 3,
    intr = 4,
    io = 5,
    nxio = 6,
    too_big = 7, ///< E2BIG
    no_exec = 8,
    bad_f = 9,
    child = 10,
    again = 11,
    no_mem = 12,
    access = 13,
    fault = 14,
    busy = 16,
    exist = 17,
    xdev = 18,
    no_dev = 19,
    is_dir = 21,
    inval = 22,
    no_spc = 28,
    rofs = 30,
    mlink = 31,
    dom = 33,
    range = 34,
    deadlk = 35,
    name_too_long = 36,
    nosys = 38,
    no_data = 61,
    time = 62,
    bad_msg = 74,
    overflow = 75,
    ilseq = 84,
    restart = 85, ///< internal: the operation was preempted; its arguments describe the rest
    opnotsupp = 95,
    addr_in_use = 98,
    no_bufs = 105,
    timed_out = 110,
};

} // namespace hv
