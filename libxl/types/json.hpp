// SPDX-License-Identifier: MIT
// Domain configuration as JSON in libxl's own shape (what `xl list -l` prints and libxl stores
// beside a domain): fields in IDL order, a field left out when it has its default, keyed unions as
// "type.pv": {...}.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "libxl/types/domain_config.hpp"

namespace hospes::xl {

struct JsonError {
    std::string where; ///< path of the value, e.g. "b_info.max_memkb", or "line 3" for a syntax error
    std::string what;
};

/// `pretty`: yajl's beautified form with four spaces, as xl prints it.
std::string to_json(const DomainConfig& config, bool pretty = true);
std::string to_json(const DeviceDisk& disk, bool pretty = true);
std::string to_json(const DeviceNic& nic, bool pretty = true);
std::variant<DomainConfig, JsonError> domain_config_from_json(std::string_view text);

} // namespace hospes::xl
