// SPDX-License-Identifier: MIT
// Global lock order: a CPU may take a lock only of a rank above every lock it holds (same rank: only where
// the taker proves an address order, see DoubleGuard). Checked at run time in debug builds.
#pragma once

#include "lib/types.hpp"

namespace hv {

enum class LockRank : u8 {
    domctl = 10, ///< serialises control operations
    domain_list = 20,
    domain = 30,      ///< per-domain settings, pause
    shutdown = 35,    ///< shutdown state of one domain
    pv_mm = 40,       ///< PV page-table updates of one domain
    evtchn_bind = 50, ///< per-domain port table
    grant_table = 60,
    grant_maptrack = 62,
    grant_active = 64, ///< one grant entry
    p2m = 70,
    page = 75,
    pirq = 80, ///< guest IRQ bindings
    evtchn_port = 85,
    sched_pool = 90,
    sched = 100, ///< run queues
    timer = 110,
    irq_desc = 120,
    page_alloc = 130, ///< per-domain page lists and quota
    slab = 140,
    vmap = 145, ///< mappings of the hypervisor; allocates its tables
    heap = 150, ///< free lists
    rcu = 160,
    softirq = 165,
    time = 170,
    guest_console = 190, ///< a guest's unfinished line of text
    console = 200,       ///< last: printk works everywhere
    leaf = 250,          ///< locks under which nothing else is taken
};

} // namespace hv
