// SPDX-License-Identifier: MIT
#include "core/domain/domain.hpp"
#include "core/sched/sched.hpp"

namespace hv {

void vcpu_pause_nosync(Vcpu& vcpu) {
    vcpu.pause_count.fetch_add(1);
    vcpu_sleep_nosync(vcpu);
}

void vcpu_pause(Vcpu& vcpu) {
    vcpu.pause_count.fetch_add(1);
    vcpu_sleep_sync(vcpu);
}

void vcpu_unpause(Vcpu& vcpu) {
    if (vcpu.pause_count.fetch_sub(1) == 1) vcpu_wake(vcpu);
}

void domain_pause(Domain& domain) {
    HV_ASSERT(&domain != current().domain);
    // Ask all first, then wait for each: they stop at the same time.
    domain.pause_count.fetch_add(1);
    for_each_vcpu(domain, vcpu_sleep_nosync);
    for_each_vcpu(domain, [](Vcpu& vcpu) { vcpu_sleep_sync(vcpu); });
}

void domain_unpause(Domain& domain) {
    if (domain.pause_count.fetch_sub(1) == 1) for_each_vcpu(domain, [](Vcpu& vcpu) { vcpu_wake(vcpu); });
}

Status domain_pause_by_controller(Domain& domain) {
    {
        const Guard guard(domain.lock);
        if (domain.controller_pauses >= 255) return Errno::overflow;
        ++domain.controller_pauses;
    }
    domain_pause(domain);
    return {};
}

Status domain_unpause_by_controller(Domain& domain) {
    {
        const Guard guard(domain.lock);
        if (domain.controller_pauses == 0) return Errno::inval;
        --domain.controller_pauses;
        domain.creation_finished = true;
    }
    domain_unpause(domain);
    return {};
}

} // namespace hv
