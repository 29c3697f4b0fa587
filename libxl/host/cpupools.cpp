// SPDX-License-Identifier: MIT
#include "libxl/host/cpupools.hpp"

#include <cerrno>

#include "libxl/device/spec_text.hpp"
#include "libxl/host/cpu_set.hpp"

namespace hospes::xl {
namespace {

constexpr unsigned max_cpus = 4096; // as wide as the control interface's bitmaps are asked for

std::string directory(std::uint32_t pool) { return "/local/pool/" + std::to_string(pool); }

Status write_name(Host& host, std::uint32_t pool, const std::string& name) {
    xs::Client* const store = HOSPES_TRY(host.store());
    xs::Batch nodes;
    nodes.mkdir(directory(pool));
    nodes.write(directory(pool) + "/name", name);
    return store->commit(nodes);
}

/// A hypervisor that has one pool only answers with this code what would need a second.
Error explained(Error problem) {
    if (problem.code == EOPNOTSUPP) problem.cause = "this hypervisor has no CPU pool besides Pool-0";
    return problem;
}

/// Runs `step` for each member and collects what failed; of many failures only the first are named.
template <typename Step> Status for_all(const Bitmap& cpus, const char* stage, Step&& step) {
    constexpr unsigned named = 4;
    std::string text;
    unsigned failures = 0;
    for (const unsigned cpu : cpus.members())
        if (const Status done = step(cpu); !done && ++failures <= named)
            text += (text.empty() ? "" : "; ") + explained(done.problem()).text();
    if (failures > named) text += "; and " + std::to_string(failures - named) + " more";
    return failures ? Status(error(stage, 0, text)) : Status();
}

} // namespace

Result<std::vector<CpuPool>> list_pools(Host& host) {
    xc::Control* const control = HOSPES_TRY(host.control());
    std::vector<CpuPool> out;
    for (const xc::Control::Pool& raw : HOSPES_TRY(control->pools())) {
        CpuPool& pool = out.emplace_back();
        pool.id = raw.id;
        pool.name = HOSPES_TRY(host.pool_name(raw.id));
        pool.scheduler = static_cast<Scheduler>(raw.scheduler);
        pool.domains = raw.domains;
        pool.cpus = from_words(raw.cpus, max_cpus);
    }
    return out;
}

Result<CpuPool> find_pool(Host& host, std::string_view what) {
    const auto number = to_number<std::uint32_t>(what);
    for (CpuPool& pool : HOSPES_TRY(list_pools(host)))
        if (number ? pool.id == *number : pool.name == what) return std::move(pool);
    return error("look up CPU pool '" + std::string(what) + "'", ENOENT, "there is none",
                 "`xl cpupool-list` shows them");
}

Result<std::uint32_t> create_pool(Host& host, const std::string& name, Scheduler scheduler, const Bitmap& cpus) {
    xc::Control* const control = HOSPES_TRY(host.control());
    auto made = control->pool_create(static_cast<unsigned>(scheduler));
    if (!made) return explained(std::move(made).problem());
    const std::uint32_t id = *made;
    Status done;
    std::vector<unsigned> added;
    for (const unsigned cpu : cpus.members()) {
        done = control->pool_add_cpu(id, cpu);
        if (!done) break;
        added.push_back(cpu);
    }
    if (done) done = write_name(host, id, name);
    if (done) return id;
    for (const unsigned cpu : added)
        static_cast<void>(control->pool_remove_cpu(id, cpu));
    static_cast<void>(control->pool_destroy(id));
    return std::move(done).problem().within("create CPU pool '" + name + "'");
}

Status destroy_pool(Host& host, const CpuPool& pool) {
    xc::Control* const control = HOSPES_TRY(host.control());
    if (pool.domains)
        return error("destroy CPU pool '" + pool.name + "'", EBUSY,
                     std::to_string(pool.domains) + " domain(s) are in it", "move them: xl cpupool-migrate");
    // The hypervisor destroys only pools without CPUs.
    HOSPES_TRY(remove_pool_cpus(host, pool, pool.cpus));
    HOSPES_TRY(control->pool_destroy(pool.id));
    xs::Client* const store = HOSPES_TRY(host.store());
    return store->remove(directory(pool.id));
}

Status rename_pool(Host& host, std::uint32_t pool, const std::string& name) {
    if (name.empty() || name.find('/') != std::string::npos)
        return error("rename CPU pool " + std::to_string(pool), EINVAL, "'" + name + "' is not a name for a pool");
    for (const CpuPool& other : HOSPES_TRY(list_pools(host)))
        if (other.name == name && other.id != pool)
            return error("rename CPU pool " + std::to_string(pool), EEXIST,
                         "pool " + std::to_string(other.id) + " is called '" + name + "' already");
    return write_name(host, pool, name);
}

Status add_pool_cpus(Host& host, const CpuPool& pool, const Bitmap& cpus) {
    xc::Control* const control = HOSPES_TRY(host.control());
    return for_all(cpus, "add CPUs", [&](unsigned cpu) { return control->pool_add_cpu(pool.id, cpu); });
}

Status remove_pool_cpus(Host& host, const CpuPool& pool, const Bitmap& cpus) {
    xc::Control* const control = HOSPES_TRY(host.control());
    return for_all(cpus, "remove CPUs", [&](unsigned cpu) { return control->pool_remove_cpu(pool.id, cpu); });
}

Status move_to_pool(Host& host, xc::DomId domain, const CpuPool& pool) {
    xc::Control* const control = HOSPES_TRY(host.control());
    return control->pool_move_domain(pool.id, domain);
}

Result<Bitmap> free_cpus(Host& host) {
    xc::Control* const control = HOSPES_TRY(host.control());
    return from_words(HOSPES_TRY(control->free_cpus()), max_cpus);
}

} // namespace hospes::xl
