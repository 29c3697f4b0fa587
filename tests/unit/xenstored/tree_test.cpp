// SPDX-License-Identifier: MIT
#include "store/tree.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <random>

#include "store/path.hpp"

using namespace hospes::xs;

namespace {

using Model = std::map<std::string, std::string>;

Model contents(const Tree& tree) {
    Model m;
    for (Walk walk(tree); const Node* n = walk.next();)
        m[std::string(walk.path())] = n->value();
    return m;
}

std::string random_path(std::mt19937& rng) {
    std::string p;
    for (unsigned depth = 1 + rng() % 4; depth > 0; --depth)
        p += "/" + std::to_string(rng() % 6);
    return p;
}

} // namespace

TEST_CASE("tree and its snapshots agree with a map") {
    PermTable table;
    const PermRef perms = table.intern({{0, Access::None}});
    Tree tree(perms);
    Model model{{"/", ""}};
    std::mt19937 rng(11);
    std::vector<std::pair<Tree, Model>> snapshots;
    for (int step = 0; step < 6000; ++step) {
        const std::string p = random_path(rng);
        const bool exists = tree.find(p) != nullptr;
        REQUIRE(exists == (model.count(p) == 1));
        const std::string value(rng() % 40, 'v');
        if (rng() % 3 == 0 && exists) {
            tree.remove(p, 1);
            std::erase_if(model, [&](const auto& e) { return is_below(e.first, p); });
        } else if (exists) {
            tree.set_value(p, value);
            model[p] = value;
        } else {
            const unsigned made = tree.create(p, value, perms, 1);
            const std::size_t before = model.size();
            for (std::string_view up = p; up != "/"; up = parent_of(up))
                model.try_emplace(std::string(up), "");
            model[p] = value;
            CHECK(made == model.size() - before);
        }
        if (step % 400 == 0) snapshots.emplace_back(tree, model);
    }
    CHECK(contents(tree) == model);
    for (const auto& [snapshot, then] : snapshots)
        CHECK(contents(snapshot) == then);
}

TEST_CASE("a shared root changes identity on the first write only") {
    PermTable table;
    const PermRef perms = table.intern({{0, Access::None}});
    Tree tree(perms);
    tree.create("/a/b", "1", perms, 1);
    const Node* root = &tree.root();
    tree.set_value("/a/b", "22");
    CHECK(&tree.root() == root);
    const Tree snapshot = tree;
    CHECK(snapshot.same_as(tree));
    tree.set_value("/a/b", "333");
    CHECK_FALSE(snapshot.same_as(tree));
    CHECK(snapshot.find("/a/b")->value() == "22");
    CHECK(tree.find("/a/b")->value() == "333");
}

TEST_CASE("nearest finds the deepest existing node") {
    PermTable table;
    Tree tree(table.intern({{0, Access::None}}));
    tree.create("/a/b", "", PermRef(tree.root().perms), 1);
    CHECK(tree.nearest("/a/b/c/d").path == "/a/b");
    CHECK(tree.nearest("/a/b").path == "/a/b");
    CHECK(tree.nearest("/x/y").path == "/");
    CHECK(tree.nearest("/").path == "/");
}

TEST_CASE("permission lists are shared, counted and forgotten with their domain") {
    PermTable table;
    {
        const PermRef a = table.intern({{0, Access::None}, {5, Access::Read}, {6, Access::Both}});
        const PermRef b = table.intern({{0, Access::None}, {5, Access::Read}, {6, Access::Both}});
        CHECK(a.get() == b.get());
        CHECK(table.size() == 1);
        CHECK(a->granted(5) == Access::Read);
        CHECK(a->granted(7) == Access::None);
        table.forget_domain(5);
        CHECK(a->granted(5) == Access::None);
        CHECK(a->granted(6) == Access::Both);
        const PermRef c = table.intern({{0, Access::None}, {5, Access::Read}, {6, Access::Both}});
        CHECK(c.get() != a.get());
        CHECK(c->granted(5) == Access::Read);
    }
    CHECK(table.size() == 0);
    CHECK_FALSE(parse_perm("x1"));
    CHECK_FALSE(parse_perm("r"));
    CHECK_FALSE(parse_perm("r-1"));
    CHECK_FALSE(parse_perm("r65536"));
    CHECK_FALSE(parse_perm("r1 "));
    CHECK(parse_perm("b65535")->domid == 65535);
}
