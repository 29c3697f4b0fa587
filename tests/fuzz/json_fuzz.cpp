// SPDX-License-Identifier: MIT
// The JSON of a domain configuration: what can be read is written so that it reads back the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "libxl/types/json.hpp"

using namespace hospes::xl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto config = domain_config_from_json({reinterpret_cast<const char*>(data), size});
    if (!std::holds_alternative<DomainConfig>(config)) return 0;
    const std::string once = to_json(std::get<DomainConfig>(config));
    const auto again = domain_config_from_json(once);
    if (!std::holds_alternative<DomainConfig>(again) || to_json(std::get<DomainConfig>(again)) != once) std::abort();
    return 0;
}
