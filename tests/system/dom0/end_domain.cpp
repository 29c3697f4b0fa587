// SPDX-License-Identifier: MIT
// Ends of domains that no stock tool can bring about:
//   end_domain DOMID REASON    it shuts down for that reason (a number of <xen/sched.h>: 4 is its watchdog)
//   end_domain DOMID destroy   the hypervisor destroys it, and nobody tidies up
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "xc/control.hpp"

int main(int argc, char** argv) {
    using namespace hospes;
    if (argc != 3) return 2;
    const auto domain = static_cast<xc::DomId>(std::atoi(argv[1]));
    const auto transport = xc::open_privcmd();
    if (!transport) {
        std::printf("FAILED %s\n", transport.problem().text().c_str());
        return 1;
    }
    xc::Control control(**transport);
    const Status done = std::strcmp(argv[2], "destroy") == 0
                            ? control.destroy(domain)
                            : control.shutdown(domain, static_cast<unsigned>(std::atoi(argv[2])));
    if (!done) std::printf("FAILED %s\n", done.problem().text().c_str());
    return done ? 0 : 1;
}
