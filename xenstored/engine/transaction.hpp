// SPDX-License-Identifier: MIT
// A transaction: a private tree that shares nearly everything with the live one, the list of what
// it looked at (for conflicts) and the list of what it changed (for replay onto a newer live tree).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ledger.hpp"
#include "store/tree.hpp"

namespace hospes::xs {

/// What about a node was looked at; a later change of just that aspect is a conflict.
enum Aspect : std::uint8_t { Exists = 1, Value = 2, Kids = 4, Perms = 8 };

/// The set of (path, aspects) that a transaction depends on.
class ReadSet {
  public:
    struct Entry {
        std::string path;
        std::uint8_t aspects;
    };

    void add(std::string_view path, std::uint8_t aspects) {
        entries_.push_back({std::string(path), aspects});
        bytes_ += path.size() + sizeof(Entry);
        if (entries_.size() >= compact_at_) compact();
    }
    /// Sorts by path and joins duplicates; done now and then so that re-reading costs no memory.
    void compact();
    const std::vector<Entry>& entries() const { return entries_; }
    std::vector<Entry> take() { return std::move(entries_); }
    std::size_t bytes() const { return bytes_; }

  private:
    std::vector<Entry> entries_;
    std::size_t compact_at_ = 64;
    std::size_t bytes_ = 0;
};

enum class ChangeKind : std::uint8_t { Write, Mkdir, Remove, SetPerms };

struct Change {
    ChangeKind kind;
    std::string path;
    std::string value; ///< Write
    PermRef perms;     ///< SetPerms
};

struct Transaction {
    Transaction(std::uint32_t tx_id, const Tree& now) : id(tx_id), base(now), tree(now) {}

    std::uint32_t id;
    Tree base; ///< the live tree when it began
    Tree tree;
    ReadSet reads;
    std::vector<Change> changes;
    Ledger ledger;
    std::size_t change_bytes = 0;
    bool doomed = false; ///< cannot be committed any more; its owner will be told EAGAIN

    std::size_t bytes() const { return reads.bytes() + change_bytes; }
    void record(Change change) {
        change_bytes += change.path.size() + change.value.size() + sizeof(Change);
        changes.push_back(std::move(change));
    }
};

/// Whether everything the transaction depends on is still the same in `now`.
bool still_valid(const Transaction& tx, const Tree& now);

} // namespace hospes::xs
