// SPDX-License-Identifier: MIT
#include "store/path.hpp"

#include <algorithm>
#include <array>

namespace hospes::xs {

static constexpr std::array<bool, 256> legal = [] {
    std::array<bool, 256> t{};
    for (int c = '0'; c <= '9'; ++c)
        t[static_cast<std::size_t>(c)] = true;
    for (int c = 'a'; c <= 'z'; ++c)
        t[static_cast<std::size_t>(c)] = true;
    for (int c = 'A'; c <= 'Z'; ++c)
        t[static_cast<std::size_t>(c)] = true;
    for (char c : {'-', '/', '_', '@'})
        t[static_cast<std::size_t>(c)] = true;
    return t;
}();

bool valid_path(std::string_view path, Special special) {
    if (path.empty() || path.size() > XENSTORE_ABS_PATH_MAX) return false;
    if (path[0] != '/' && !(path[0] == '@' && special == Special::Allowed)) return false;
    if (path.size() > 1 && path.back() == '/') return false;
    unsigned char before = 0;
    for (const char ch : path) {
        const auto c = static_cast<unsigned char>(ch);
        if (!legal[c] || (c == '/' && before == '/')) return false;
        before = c;
    }
    return true;
}

bool is_below(std::string_view child, std::string_view parent) {
    if (parent == "/") return !child.empty() && child[0] == '/';
    return child.starts_with(parent) && (child.size() == parent.size() || child[parent.size()] == '/');
}

std::string_view parent_of(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == 0 || slash == std::string_view::npos ? "/" : path.substr(0, slash);
}

std::string_view leaf_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

unsigned depth_of(std::string_view path) {
    if (path == "/") return 0;
    return static_cast<unsigned>(std::count(path.begin(), path.end(), '/')) + (path[0] == '@');
}

std::string home_of(Domid domid) { return "/local/domain/" + std::to_string(domid); }

} // namespace hospes::xs
