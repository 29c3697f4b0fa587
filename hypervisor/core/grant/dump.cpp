// SPDX-License-Identifier: MIT
// Debug key 'g'.
#include "core/debug/keyhandler.hpp"
#include "core/debug/printk.hpp"
#include "core/grant/table.hpp"

namespace hv {

static void dump_table(Domain& domain) {
    GrantTable& table = *domain.grants;
    const u32 version = table.version.load();
    log_info("d{}: grant table v{}, {} of {} frames, {} handles", domain.id.raw(), version, table.frames.load(),
             table.max_frames, table.maptrack.limit());
    for (u32 ref = 0; version && ref < table.entries(version); ++ref) {
        const LockedGrant grant(table, GrantRef{ref});
        if (!grant || !grant->pins.any()) continue;
        const GrantPins& pins = grant->pins;
        log_info("  {} to d{} frame {:x} host r{} w{} device r{} w{}", ref, grant->grantee, grant->frame,
                 pins.host_read, pins.host_write, pins.device_read, pins.device_write);
    }
}

void grant_keys_register() {
    keyhandler_register(
        'g',
        [](char) {
            for_each_domain([](Domain& domain) {
                if (domain.grants) dump_table(domain);
            });
        },
        "print grant table usage");
}

} // namespace hv
