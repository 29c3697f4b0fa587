// SPDX-License-Identifier: MIT
#include <charconv>

#include "engine/engine.hpp"

namespace hospes::xs {

int Engine::op_read(Request& r) {
    const auto path = sole_string(r.payload);
    if (!path) return EINVAL;
    const Found f = lookup(r, *path, Access::Read, Aspect::Value);
    return f.error ? f.error : reply(r, f.node->value());
}

int Engine::op_directory(Request& r) {
    const auto path = sole_string(r.payload);
    if (!path) return EINVAL;
    const Found f = lookup(r, *path, Access::Read, Aspect::Kids);
    if (f.error) return f.error;
    const std::uint64_t size = children::listed_bytes(f.node->children);
    if (size > payload_max) return E2BIG;
    const Header h{XS_DIRECTORY, r.header.req_id, r.header.tx_id, static_cast<std::uint32_t>(size)};
    char* at = r.conn.out.grow(sizeof h + size);
    std::memcpy(at, &h, sizeof h);
    at += sizeof h;
    children::visit(f.node->children, [&](const Node& n) {
        std::memcpy(at, n.text(), n.name_len);
        at += n.name_len;
        *at++ = '\0';
        return true;
    });
    touch(r.conn);
    return 0;
}

int Engine::op_directory_part(Request& r) {
    Strings s(r.payload);
    const auto path = s.next();
    const auto offset_text = s.next();
    if (!path || !offset_text || !s.rest().empty()) return EINVAL;
    std::uint64_t offset = 0;
    const char* end = offset_text->data() + offset_text->size();
    if (std::from_chars(offset_text->data(), end, offset).ptr != end || offset_text->empty()) return EINVAL;
    const Found f = lookup(r, *path, Access::Read, Aspect::Kids);
    if (f.error) return f.error;

    std::string part = std::to_string(f.node->generation);
    part += '\0';
    std::uint64_t taken = 0;
    children::visit_from(f.node->children, offset, [&](const Node& n) {
        // One byte stays free for the empty string that marks the end of the list.
        if (part.size() + n.name_len + 2 > payload_max) return false;
        part += n.name();
        part += '\0';
        taken += n.name_len + std::uint64_t{1};
        return true;
    });
    if (offset + taken >= children::listed_bytes(f.node->children)) part += '\0';
    return reply(r, part);
}

} // namespace hospes::xs
