// SPDX-License-Identifier: MIT
#include "proto/message.hpp"

#include <array>

namespace hospes::xs {

std::string_view error_name(int error) {
    for (const auto& e : xsd_errors)
        if (e.errnum == error) return e.errstring;
    return "EINVAL"; // the wire has no other word for it, and old clients abort on unknown names
}

int error_number(std::string_view name) {
    for (const auto& e : xsd_errors)
        if (name == e.errstring) return e.errnum;
    return EIO;
}

std::string_view type_name(std::uint32_t type) {
    static constexpr std::array<std::string_view, XS_TYPE_COUNT> names = {
        "CONTROL", "DIRECTORY",  "READ",      "GET_PERMS",     "WATCH",         "UNWATCH",
        "T_START", "T_END",      "INTRODUCE", "RELEASE",       "GETDOMPATH",    "WRITE",
        "MKDIR",   "RM",         "SET_PERMS", "EVENT",         "ERROR",         "IS_INTRODUCED",
        "RESUME",  "SET_TARGET", "reserved",  "RESET_WATCHES", "DIRECTORY_PART"};
    return type < names.size() ? names[type] : "unknown";
}

} // namespace hospes::xs
