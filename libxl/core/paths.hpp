// SPDX-License-Identifier: MIT
// Store paths of the toolstack (docs/misc/xenstore-paths of the ABI), in one place.
#pragma once

#include <string>

#include "xc/abi.hpp"

namespace hospes::xl::path {

inline std::string domain(xc::DomId d) { return "/local/domain/" + std::to_string(d); }
inline std::string libxl(xc::DomId d) { return "/libxl/" + std::to_string(d); }
inline std::string vm(const std::string& uuid) { return "/vm/" + uuid; }
inline std::string backend(xc::DomId owner, const std::string& kind, xc::DomId guest, unsigned devid) {
    return domain(owner) + "/backend/" + kind + "/" + std::to_string(guest) + "/" + std::to_string(devid);
}
inline std::string frontend(xc::DomId guest, const std::string& kind, unsigned devid) {
    return domain(guest) + "/device/" + kind + "/" + std::to_string(devid);
}
inline std::string libxl_device(xc::DomId guest, const std::string& kind, unsigned devid) {
    return libxl(guest) + "/device/" + kind + "/" + std::to_string(devid);
}

} // namespace hospes::xl::path
