// SPDX-License-Identifier: MIT
#include "store/perms.hpp"

#include <charconv>

namespace hospes::xs {

std::optional<Perm> parse_perm(std::string_view text) {
    if (text.size() < 2) return std::nullopt;
    Perm p{0, Access::None};
    switch (text[0]) {
    case 'n': p.access = Access::None; break;
    case 'r': p.access = Access::Read; break;
    case 'w': p.access = Access::Write; break;
    case 'b': p.access = Access::Both; break;
    default: return std::nullopt;
    }
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + 1, end, p.domid);
    if (error != std::errc() || stop != end) return std::nullopt;
    return p;
}

void format_perm(const Perm& perm, std::string& out) {
    out.push_back("nrwb"[static_cast<int>(perm.access)]);
    out += std::to_string(perm.domid);
}

Access PermSet::granted(Domid domid) const {
    for (std::size_t i = 1; i < entries_.size(); ++i)
        if (entries_[i].domid == domid) return entries_[i].access;
    return entries_.front().access;
}

void PermRef::drop(PermSet* set) {
    if (set && --set->refs_ == 0) set->table_.erase(set);
}

static std::string key_of(const std::vector<Perm>& entries) {
    std::string key;
    key.reserve(entries.size() * 3);
    for (const Perm& p : entries) {
        key.push_back(static_cast<char>(p.domid & 0xff));
        key.push_back(static_cast<char>(p.domid >> 8));
        key.push_back(static_cast<char>(p.access));
    }
    return key;
}

PermRef PermTable::intern(std::vector<Perm> entries) {
    std::string key = key_of(entries);
    if (const auto it = sets_.find(key); it != sets_.end()) return PermRef(it->second);
    auto* set = new PermSet(*this, std::move(entries), std::move(key));
    sets_.emplace(set->key_, set);
    return PermRef(set);
}

PermRef PermTable::with_owner(const PermSet& set, Domid owner) {
    std::vector<Perm> entries = set.entries();
    entries.front().domid = owner;
    return intern(std::move(entries));
}

void PermTable::erase(PermSet* set) {
    if (const auto it = sets_.find(set->key_); it != sets_.end() && it->second == set) sets_.erase(it);
    delete set;
}

void PermTable::forget_domain(Domid domid) {
    std::vector<PermSet*> hit;
    for (const auto& [key, set] : sets_)
        for (std::size_t i = 1; i < set->entries_.size(); ++i)
            if (set->entries_[i].domid == domid) {
                hit.push_back(set);
                break;
            }
    for (PermSet* set : hit) {
        sets_.erase(set->key_);
        for (std::size_t i = set->entries_.size(); --i > 0;)
            if (set->entries_[i].domid == domid)
                set->entries_.erase(set->entries_.begin() + static_cast<std::ptrdiff_t>(i));
        set->key_ = key_of(set->entries_);
        sets_.emplace(set->key_, set); // an equal list may exist already: then this one stays apart
    }
}

bool PermTable::owned_by(Domid domid) const {
    for (const auto& [key, set] : sets_)
        if (set->owner() == domid) return true;
    return false;
}

} // namespace hospes::xs
