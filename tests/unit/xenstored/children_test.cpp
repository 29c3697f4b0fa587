// SPDX-License-Identifier: MIT
#include "store/children.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <set>
#include <string>

using namespace hospes::xs;

namespace {

struct Shortlex {
    bool operator()(const std::string& a, const std::string& b) const {
        return a.size() != b.size() ? a.size() < b.size() : a < b;
    }
};
using Model = std::set<std::string, Shortlex>;

void check(const Block* root, const Model& model) {
    REQUIRE(children::count(root) == model.size());
    std::uint64_t bytes = 0;
    auto it = model.begin();
    children::visit(root, [&](const Node& n) {
        REQUIRE(it != model.end());
        CHECK(n.name() == *it++);
        bytes += n.name_len + 1U;
        return true;
    });
    CHECK(it == model.end());
    CHECK(children::listed_bytes(root) == bytes);
}

std::string random_name(std::mt19937& rng) {
    std::string s(1 + rng() % 12, 'a');
    for (char& c : s)
        c = static_cast<char>('a' + rng() % 3);
    return s;
}

} // namespace

TEST_CASE("children agree with a set through random inserts and removals") {
    PermTable table;
    const PermRef perms = table.intern({{0, Access::None}});
    std::mt19937 rng(7);
    Block* root = nullptr;
    Model model;
    for (int step = 0; step < 20000; ++step) {
        const bool growing = step < 10000;
        const std::string name = random_name(rng);
        Node* found = children::find(root, name);
        REQUIRE((found != nullptr) == (model.count(name) == 1));
        if (!found && (growing || rng() % 4 == 0)) {
            children::insert(root, make_node(name, "", perms, 1));
            model.insert(name);
        } else if (found && (!growing || rng() % 3 == 0)) {
            NodeRef gone(children::remove(root, name));
            CHECK(gone->name() == name);
            model.erase(name);
        }
        if (step % 500 == 0) check(root, model);
    }
    while (!model.empty()) {
        NodeRef gone(children::remove(root, *model.begin()));
        model.erase(model.begin());
    }
    CHECK(root == nullptr);
}

TEST_CASE("a snapshot keeps its children while the live set changes") {
    PermTable table;
    const PermRef perms = table.intern({{0, Access::None}});
    Block* live = nullptr;
    for (int i = 0; i < 3000; ++i)
        children::insert(live, make_node(std::to_string(i), "v", perms, 1));
    Block* snapshot = live;
    ref(snapshot);
    Model all;
    for (int i = 0; i < 3000; ++i)
        all.insert(std::to_string(i));
    for (int i = 0; i < 3000; i += 2)
        NodeRef gone(children::remove(live, std::to_string(i)));
    Node*& slot = children::slot(live, "1");
    own(slot);
    set_value(slot, "changed");
    check(snapshot, all);
    CHECK(children::find(snapshot, "1")->value() == "v");
    CHECK(children::find(live, "1")->value() == "changed");
    CHECK(children::find(live, "2") == nullptr);
    CHECK(children::find(snapshot, "2") != nullptr);
    unref(live);
    check(snapshot, all);
    unref(snapshot);
    CHECK(perms->users() == 1);
}

TEST_CASE("a listing can be entered at every byte offset") {
    PermTable table;
    const PermRef perms = table.intern({{0, Access::None}});
    Block* root = nullptr;
    std::string list;
    for (int i = 0; i < 200; ++i)
        children::insert(root, make_node(std::to_string(i), "", perms, 1));
    children::visit(root, [&](const Node& n) {
        list += std::string(n.name()) + '\0';
        return true;
    });
    for (std::size_t offset = 0; offset <= list.size(); ++offset) {
        if (offset != 0 && offset != list.size() && list[offset - 1] != '\0') continue;
        std::string rest;
        children::visit_from(root, offset, [&](const Node& n) {
            rest += std::string(n.name()) + '\0';
            return true;
        });
        REQUIRE(rest == list.substr(offset));
    }
    unref(root);
}

TEST_CASE("long names that share a prefix are told apart") {
    PermTable table;
    const PermRef perms = table.intern({{0, Access::None}});
    Block* root = nullptr;
    const std::string a(300, 'x');
    const std::string b(400, 'x');
    const std::string c = std::string(299, 'x') + 'y';
    for (const std::string& s : {b, c, a})
        children::insert(root, make_node(s, s.substr(0, 3), perms, 1));
    CHECK(children::find(root, a)->name() == a);
    CHECK(children::find(root, b)->name() == b);
    CHECK(children::find(root, c)->name() == c);
    CHECK(children::find(root, std::string(301, 'x')) == nullptr);
    unref(root);
}
