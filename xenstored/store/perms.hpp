// SPDX-License-Identifier: MIT
// Node permissions, interned: a store has thousands of nodes and a handful of permission lists.
// Format of one entry: "<letter><domid>", letter n/r/w/b. Source: Xen docs/misc/xenstore.txt.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "proto/message.hpp"

namespace hospes::xs {

enum class Access : std::uint8_t { None = 0, Read = 1, Write = 2, Both = 3 };

struct Perm {
    Domid domid;
    Access access;
    bool operator==(const Perm&) const = default;
};

std::optional<Perm> parse_perm(std::string_view text);
void format_perm(const Perm& perm, std::string& out); ///< appends without NUL

class PermTable;

/// One interned list. Entry 0: the owner and everybody's default; the others: one domain each.
class PermSet {
  public:
    Domid owner() const { return entries_.front().domid; }
    const std::vector<Perm>& entries() const { return entries_; }
    /// What `domid` (neither owner nor privileged) may do.
    Access granted(Domid domid) const;
    std::uint32_t users() const { return refs_; }

  private:
    friend class PermTable;
    friend class PermRef;
    PermSet(PermTable& table, std::vector<Perm> entries, std::string key)
        : table_(table), entries_(std::move(entries)), key_(std::move(key)) {}

    PermTable& table_;
    std::vector<Perm> entries_;
    std::string key_;
    std::uint32_t refs_ = 0;
};

/// A counted reference. Not atomic: the store belongs to one thread.
class PermRef {
  public:
    PermRef() = default;
    explicit PermRef(PermSet* set) : set_(set) { take(); }
    PermRef(const PermRef& other) : set_(other.set_) { take(); }
    PermRef(PermRef&& other) noexcept : set_(std::exchange(other.set_, nullptr)) {}
    PermRef& operator=(PermRef other) noexcept {
        std::swap(set_, other.set_);
        return *this;
    }
    ~PermRef() { drop(set_); }

    const PermSet* operator->() const { return set_; }
    const PermSet& operator*() const { return *set_; }
    PermSet* get() const { return set_; }
    explicit operator bool() const { return set_ != nullptr; }

    /// For Node, which holds its reference as a bare pointer to stay small.
    PermSet* detach() { return std::exchange(set_, nullptr); }
    static void acquire(PermSet* set) { ++set->refs_; }
    static void drop(PermSet* set);

  private:
    void take() const {
        if (set_) ++set_->refs_;
    }
    PermSet* set_ = nullptr;
};

class PermTable {
  public:
    PermTable() = default;
    PermTable(const PermTable&) = delete;
    PermTable& operator=(const PermTable&) = delete;

    /// `entries` must not be empty.
    PermRef intern(std::vector<Perm> entries);
    /// The same list with another owner: what an unprivileged creator inherits.
    PermRef with_owner(const PermSet& set, Domid owner);
    /// Takes every right that was granted to a dead domain out of all lists, so that a later domain
    /// of the same number does not inherit it (the lesson of XSA-322). Cost: number of lists.
    void forget_domain(Domid domid);
    /// Whether any list that is in use has this owner.
    bool owned_by(Domid domid) const;
    std::size_t size() const { return sets_.size(); }

  private:
    friend class PermRef;
    void erase(PermSet* set);
    std::unordered_map<std::string_view, PermSet*> sets_;
};

} // namespace hospes::xs
