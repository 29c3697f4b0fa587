// SPDX-License-Identifier: MIT
// The xenstore wire format as typed views. Source: <xen/io/xs_wire.h>.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include <xen/io/xs_wire.h>

namespace hospes::xs {

using Header = xsd_sockmsg;
static_assert(sizeof(Header) == 16);

inline constexpr std::size_t payload_max = XENSTORE_PAYLOAD_MAX;
inline constexpr std::size_t message_max = sizeof(Header) + payload_max;

using Domid = std::uint16_t;
inline constexpr Domid domid_self = 0x7ff0;           ///< DOMID_SELF, <xen/xen.h>
inline constexpr Domid domid_first_reserved = 0x7ff0; ///< DOMID_FIRST_RESERVED
inline constexpr Domid domid_none = 0xffff;

/// Name of an errno value as the wire spells it ("ENOENT"); EINVAL for what the wire cannot name.
std::string_view error_name(int error);
/// The reverse, for clients; EIO for a name that this version does not know.
int error_number(std::string_view name);
/// "READ" for XS_READ and so on; for logs.
std::string_view type_name(std::uint32_t type);

inline Header read_header(const char* bytes) {
    Header h;
    std::memcpy(&h, bytes, sizeof h);
    return h;
}

/// Walks the NUL-terminated strings of a payload without copying them.
class Strings {
  public:
    explicit Strings(std::string_view payload) : rest_(payload) {}

    /// The next string without its NUL; nothing if no NUL is left.
    std::optional<std::string_view> next() {
        const std::size_t nul = rest_.find('\0');
        if (nul == std::string_view::npos) return std::nullopt;
        const std::string_view s = rest_.substr(0, nul);
        rest_.remove_prefix(nul + 1);
        return s;
    }
    std::string_view rest() const { return rest_; }

  private:
    std::string_view rest_;
};

/// The payload as one string that fills it exactly, which is what most requests consist of.
inline std::optional<std::string_view> sole_string(std::string_view payload) {
    if (payload.empty() || payload.find('\0') != payload.size() - 1) return std::nullopt;
    return payload.substr(0, payload.size() - 1);
}

} // namespace hospes::xs
