// SPDX-License-Identifier: MIT
// hospes-init-dom0: run once after xenstored has started. Tells the store what the toolstack and dom0's own
// kernel expect to find about the control domain, as Debian's xen-init-dom0 does.
#include <cstdio>
#include <cstring>

#include "libxl/core/host.hpp"
#include "libxl/core/paths.hpp"
#include "libxl/domain/record.hpp"

namespace hospes::xl {
namespace {

constexpr const char* name = "Domain-0";
constexpr const char* usage = R"(Usage: hospes-init-dom0

Writes the control domain's nodes and record: its name and id, the CPU pools' names. Run it once,
when xenstored is up and before the first domain is made; running it again changes nothing.
)";

Status name_pools(Host& host, xs::Client& store) {
    xc::Control* const control = HOSPES_TRY(host.control());
    for (const xc::Control::Pool& pool : HOSPES_TRY(control->pools())) {
        const std::string node = "/local/pool/" + std::to_string(pool.id) + "/name";
        if (!HOSPES_TRY(store.try_read(node))) HOSPES_TRY(store.write(node, "Pool-" + std::to_string(pool.id)));
    }
    return {};
}

Result<bool> initialise() {
    Host host;
    xs::Client* const store = HOSPES_TRY(host.store());
    const std::string root = path::domain(0);
    const bool done =
        HOSPES_TRY(store->try_read(root + "/domid")) == "0" && HOSPES_TRY(store->try_read(root + "/name")) == name;
    if (done) return false;
    xs::Batch nodes;
    nodes.write(root + "/domid", "0");
    nodes.write(root + "/name", name);
    HOSPES_TRY(store->commit(nodes));
    HOSPES_TRY(name_pools(host, *store));
    DomainConfig config;
    config.c_info.type = config.b_info.type = DomainType::pv;
    config.c_info.name = name;
    HOSPES_TRY(save_record(0, config));
    return true;
}

} // namespace
} // namespace hospes::xl

int main(int argc, char** argv) {
    using namespace hospes;
    if (argc > 1) {
        const bool help = std::strcmp(argv[1], "--help") == 0 || std::strcmp(argv[1], "-h") == 0;
        std::fputs(xl::usage, help ? stdout : stderr);
        return help ? 0 : 2;
    }
    const auto done = xl::initialise();
    if (!done) {
        const Error& why = done.problem();
        std::fprintf(stderr, "hospes-init-dom0: %s\n", why.text().c_str());
        if (!why.hint.empty()) std::fprintf(stderr, "  %s\n", why.hint.c_str());
        return 1;
    }
    if (!*done) std::puts("dom0 is already set up");
    return 0;
}
