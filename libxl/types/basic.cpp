// SPDX-License-Identifier: MIT
#include "libxl/types/basic.hpp"

#include <sys/random.h>

#include <span>

namespace hospes::xl {
namespace {

constexpr char hex_digits[] = "0123456789abcdef";

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// Exactly `out.size()` pairs of hex digits; `separator` may stand between pairs.
bool parse_hex(std::string_view text, std::span<std::uint8_t> out, char separator, bool required) {
    size_t at = 0;
    for (size_t i = 0; i < out.size(); ++i) {
        if (i > 0 && at < text.size() && text[at] == separator)
            ++at;
        else if (i > 0 && required)
            return false;
        if (at + 2 > text.size()) return false;
        const int high = hex_value(text[at]), low = hex_value(text[at + 1]);
        if (high < 0 || low < 0) return false;
        out[i] = static_cast<std::uint8_t>(high * 16 + low);
        at += 2;
    }
    return at == text.size();
}

void fill_random(std::span<std::uint8_t> out) {
    size_t done = 0;
    while (done < out.size()) {
        const ssize_t got = getrandom(out.data() + done, out.size() - done, 0);
        if (got > 0) done += static_cast<size_t>(got);
    }
}

} // namespace

std::string to_string(const Uuid& uuid) {
    std::string out;
    for (size_t i = 0; i < uuid.bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
        out += hex_digits[uuid.bytes[i] >> 4];
        out += hex_digits[uuid.bytes[i] & 15];
    }
    return out;
}

std::string to_string(const Mac& mac) {
    std::string out;
    for (const std::uint8_t byte : mac.bytes) {
        if (!out.empty()) out += ':';
        out += hex_digits[byte >> 4];
        out += hex_digits[byte & 15];
    }
    return out;
}

bool parse(std::string_view text, Uuid& out) { return parse_hex(text, out.bytes, '-', false); }
bool parse(std::string_view text, Mac& out) { return parse_hex(text, out.bytes, ':', true); }

Uuid random_uuid() {
    Uuid uuid;
    fill_random(uuid.bytes);
    uuid.bytes[6] = static_cast<std::uint8_t>((uuid.bytes[6] & 0x0f) | 0x40); // RFC 4122 4.4: version 4
    uuid.bytes[8] = static_cast<std::uint8_t>((uuid.bytes[8] & 0x3f) | 0x80); // variant 1
    return uuid;
}

GenerationId random_generation_id() {
    GenerationId id;
    fill_random(id.bytes);
    return id;
}

Mac random_mac() {
    Mac mac{{0x00, 0x16, 0x3e, 0, 0, 0}};
    fill_random(std::span(mac.bytes).subspan(3));
    mac.bytes[3] &= 0x7f;
    return mac;
}

} // namespace hospes::xl
