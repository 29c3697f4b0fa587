// SPDX-License-Identifier: MIT
// Debug key 'e'.
#include "core/debug/keyhandler.hpp"
#include "core/debug/printk.hpp"
#include "core/evtchn/channel.hpp"

namespace hv {

static void dump_channel(Domain& domain, Channel& channel) {
    static const char* const names[] = {"free", "reserved", "unbound", "interdomain", "pirq", "virq", "ipi"};
    const Guard guard(channel.lock);
    const PortState state = channel.state();
    if (!channel.bound()) return;
    log_info("  {} [{}{}] {} v{}", channel.port().raw(), evtchn_is_pending(domain, channel) ? "p" : "-",
             evtchn_is_masked(domain, channel) ? "m" : "-", names[static_cast<u8>(state)], channel.vcpu);
    if (state == PortState::interdomain)
        log_info("      to d{} port {}", channel.remote().id.raw(), channel.remote_port().raw());
    else if (state == PortState::unbound)
        log_info("      for d{}", channel.allowed().raw());
    else if (state == PortState::pirq)
        log_info("      pirq {}", channel.pirq());
    else if (state == PortState::virq)
        log_info("      virq {}", channel.virq());
}

void evtchn_keys_register() {
    keyhandler_register(
        'e',
        [](char) {
            for_each_domain([](Domain& domain) {
                if (!domain.evtchn) return;
                log_info("d{}: event channels, {} ABI", domain.id.raw(), domain.evtchn->fifo ? "FIFO" : "2-level");
                for (u32 port = 1; port < domain.evtchn->valid_ports.load(); ++port)
                    dump_channel(domain, domain.evtchn->at(port));
            });
        },
        "dump evtchn info");
}

} // namespace hv
