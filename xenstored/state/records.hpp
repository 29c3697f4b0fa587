// SPDX-License-Identifier: MIT
// The one encoding of the daemon's state: for the journal that survives a crash and for the stream
// that a live update hands to the new program. A record is a type byte and fields; numbers are
// little-endian base 128, strings and lists are counted. Unknown types make a stream unreadable, so
// a new meaning needs a new format_version.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/perms.hpp"

namespace hospes::xs::state {

inline constexpr std::uint32_t format_version = 1;

enum class Record : std::uint8_t {
    End = 0,
    Node = 1,         ///< path, value, perms
    NextNode = 2,     ///< bytes shared with the path of the record before, rest, value, perms
    Removed = 3,      ///< path
    Special = 4,      ///< path, perms
    Watch = 5,        ///< domid, client path, token, depth
    Unwatch = 6,      ///< domid, client path, token
    ResetWatches = 7, ///< domid
    Introduced = 8,   ///< domid, gfn, remote port
    Released = 9,     ///< domid
    Target = 10,      ///< domid, target
    ShutDown = 11,    ///< domid: its shutdown has been announced
    Generation = 12,  ///< number
    // Live update only.
    Global = 32,       ///< listening fd, event fd, port of VIRQ_DOM_EXC, slots fd (each + 1; 0: none)
    Socket = 33,       ///< id, fd, next tx, unread input, unsent output
    SocketWatch = 34,  ///< connection id, client path, token, depth
    DomainPort = 35,   ///< domid, local port
    DomainOutput = 36, ///< domid, next tx, unsent output
    Transaction = 37,  ///< domid + 1 or 0, connection id, tx, doomed
    Depends = 38,      ///< path, aspects; of the transaction before
    Change = 39,       ///< kind, path, value, perms (empty: none); of the transaction before
    Pending = 40,      ///< connection id, request id, tx: the CONTROL request that asked for this
    Quota = 41,        ///< name, value
};

class Writer {
  public:
    std::string bytes;

    void start(Record type) { bytes.push_back(static_cast<char>(type)); }
    void number(std::uint64_t n) {
        for (; n >= 0x80; n >>= 7)
            bytes.push_back(static_cast<char>(n | 0x80));
        bytes.push_back(static_cast<char>(n));
    }
    void text(std::string_view s) {
        number(s.size());
        bytes += s;
    }
    void perms(const PermSet* set) {
        number(set ? set->entries().size() : 0);
        if (!set) return;
        for (const Perm& p : set->entries())
            number(std::uint64_t{p.domid} << 2 | static_cast<unsigned>(p.access));
    }
};

/// Reads what a Writer wrote; never beyond the end. After bad() all values are empty.
class Reader {
  public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}

    bool bad() const { return bad_; }
    bool at_end() const { return rest_.empty(); }
    Record type() { return static_cast<Record>(byte()); }
    std::uint64_t number() {
        std::uint64_t n = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const std::uint8_t b = byte();
            n |= std::uint64_t{b & 0x7fU} << shift;
            if (!(b & 0x80)) return n;
        }
        bad_ = true;
        return 0;
    }
    std::uint32_t number32() {
        const std::uint64_t n = number();
        if (n > UINT32_MAX) bad_ = true;
        return bad_ ? 0 : static_cast<std::uint32_t>(n);
    }
    Domid domid() {
        const std::uint64_t n = number();
        if (n > UINT16_MAX) bad_ = true;
        return bad_ ? Domid{0} : static_cast<Domid>(n);
    }
    std::string_view text() {
        const std::uint64_t n = number();
        if (bad_ || n > rest_.size()) {
            bad_ = true;
            return {};
        }
        const std::string_view s = rest_.substr(0, n);
        rest_.remove_prefix(n);
        return s;
    }
    std::vector<Perm> perms() {
        std::vector<Perm> entries;
        for (std::uint64_t n = number(); n > 0 && !bad_; --n) {
            const std::uint64_t p = number();
            if (p >> 18) bad_ = true;
            entries.push_back({static_cast<Domid>(p >> 2), static_cast<Access>(p & 3)});
        }
        return entries;
    }

  private:
    std::uint8_t byte() {
        if (rest_.empty()) {
            bad_ = true;
            return 0;
        }
        const auto b = static_cast<std::uint8_t>(rest_[0]);
        rest_.remove_prefix(1);
        return b;
    }
    std::string_view rest_;
    bool bad_ = false;
};

} // namespace hospes::xs::state
