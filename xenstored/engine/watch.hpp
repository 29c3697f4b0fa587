// SPDX-License-Identifier: MIT
// Watches in a trie by path: an event costs the depth of its path, not the number of watches.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proto/message.hpp"

namespace hospes::xs {

struct Connection;
struct WatchNode;

struct Watch {
    Connection* conn;
    std::string path; ///< absolute, or "@special"
    std::string token;
    std::uint32_t home;  ///< length of "/local/domain/N/" if the client gave a relative path
    std::uint32_t depth; ///< events deeper than this below `path` are not wanted
    WatchNode* node;
    std::size_t index;        ///< in conn->watches
    std::uint64_t queued_end; ///< stream position behind the event queued last ...
    std::string queued_path;  ///< ... and its path: an unread event is not repeated

    std::string_view client_path() const { return std::string_view(path).substr(home); }
    std::size_t bytes() const { return sizeof(Watch) + path.size() + token.size(); }
};
inline constexpr std::uint32_t any_depth = UINT32_MAX;

struct WatchNode {
    std::string name;
    WatchNode* parent = nullptr;
    std::vector<std::unique_ptr<WatchNode>> kids; ///< sorted by name
    std::vector<std::unique_ptr<Watch>> watches;
};

class WatchTrie {
  public:
    /// Null if the same client watches the same path with the same token already.
    Watch* add(Connection& conn, std::string_view path, std::string_view token);
    Watch* find(const Connection& conn, std::string_view path, std::string_view token);
    void remove(Watch& watch);
    std::size_t size() const { return size_; }

    /// visit(watch, levels below the watch) for every watch on `path` or above it.
    template <class Visit> void at_or_above(std::string_view path, Visit&& visit) const;
    /// visit(watch) for every watch strictly below `path`.
    template <class Visit> void below(std::string_view path, Visit&& visit) const;

  private:
    WatchNode& root_for(std::string_view path) { return path[0] == '@' ? special_ : root_; }
    const WatchNode& root_for(std::string_view path) const { return path[0] == '@' ? special_ : root_; }
    static const WatchNode* kid(const WatchNode& n, std::string_view name);
    static WatchNode& make_kid(WatchNode& n, std::string_view name);
    const WatchNode* locate(std::string_view path) const;
    void prune(WatchNode* n);

    template <class Visit> static void each(const WatchNode& n, Visit& visit) {
        for (const auto& k : n.kids) {
            for (const auto& w : k->watches)
                visit(*w);
            each(*k, visit);
        }
    }

    WatchNode root_;
    WatchNode special_;
    std::size_t size_ = 0;
};

} // namespace hospes::xs

#include "store/path.hpp"

namespace hospes::xs {

template <class Visit> void WatchTrie::at_or_above(std::string_view path, Visit&& visit) const {
    if (size_ == 0) return;
    std::uint32_t level = depth_of(path);
    const WatchNode* n = &root_for(path);
    Components parts(path);
    for (std::string_view name;; --level) {
        for (const auto& w : n->watches)
            visit(*w, level);
        if (!parts.next(name) || !(n = kid(*n, name))) return;
    }
}

template <class Visit> void WatchTrie::below(std::string_view path, Visit&& visit) const {
    if (size_ == 0) return;
    if (const WatchNode* n = locate(path)) each(*n, visit);
}

} // namespace hospes::xs
