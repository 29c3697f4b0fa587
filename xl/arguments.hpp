// SPDX-License-Identifier: MIT
// Arguments that several verbs take.
#pragma once

#include <optional>

#include "libxl/host/cpupools.hpp"
#include "xl/command.hpp"

namespace hospes::cli {

/// The exit code of the verbs of a security module that is not there: the stock xl's -1.
inline constexpr int exit_disabled = 255;

/// "512" (MiB), "512m", "1g", "2048k", "1t", "4096b" in KiB; nullopt for anything else.
std::optional<std::uint64_t> parse_memory_kib(std::string_view text);

/// The CPU pool of this name or number; complains when there is none.
std::optional<xl::CpuPool> find_pool(Context& context, const std::string& what);
/// The CPUs of a list as in vcpu-pin; complains when it is malformed.
std::optional<xl::Bitmap> find_cpus(Context& context, const std::string& text);

/// Leaves of `hard` what vm.cpumask and the type's own mask in xl.conf allow. EINVAL when nothing is
/// left or a mask is malformed.
Status apply_masks(const Settings& settings, xl::DomainType type, const std::vector<unsigned>& node_of,
                   xl::Bitmap& hard);

} // namespace hospes::cli

/// The pool that an argument means, or return exit_failure.
#define XL_POOL(context, what)                                                                                         \
    ({                                                                                                                 \
        auto xl_pool = ::hospes::cli::find_pool(context, what);                                                        \
        if (!xl_pool) return ::hospes::cli::exit_failure;                                                              \
        *std::move(xl_pool);                                                                                           \
    })
#define XL_CPUS(context, text)                                                                                         \
    ({                                                                                                                 \
        auto xl_cpus = ::hospes::cli::find_cpus(context, text);                                                        \
        if (!xl_cpus) return ::hospes::cli::exit_failure;                                                              \
        *std::move(xl_cpus);                                                                                           \
    })
