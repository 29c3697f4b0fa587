// SPDX-License-Identifier: MIT
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <vector>

#include "core/time/timer_heap.hpp"

using namespace hv;

TEST_CASE("an empty heap has no minimum", "[timer_heap]") {
    PairingHeap heap;
    CHECK(heap.empty());
    CHECK(heap.min() == nullptr);
}

TEST_CASE("nodes know whether they are queued", "[timer_heap]") {
    PairingHeap heap;
    PairingNode a, b;
    CHECK_FALSE(a.queued());
    heap.insert(a);
    heap.insert(b);
    CHECK((a.queued() && b.queued()));
    heap.remove(a);
    CHECK_FALSE(a.queued());
    CHECK(heap.min() == &b);
    heap.remove(b);
    CHECK(heap.empty());
}

TEST_CASE("random inserts and removals agree with a sorted set", "[timer_heap]") {
    std::mt19937_64 random(42);
    PairingHeap heap;
    std::vector<PairingNode> nodes(500);
    std::multiset<u64> keys;
    for (int step = 0; step < 200'000; ++step) {
        PairingNode& node = nodes[random() % nodes.size()];
        if (node.queued()) {
            keys.erase(keys.find(node.key));
            heap.remove(node);
        } else {
            node.key = random() % 1000;
            keys.insert(node.key);
            heap.insert(node);
        }
        REQUIRE(heap.empty() == keys.empty());
        if (!keys.empty()) REQUIRE(heap.min()->key == *keys.begin());
    }
}

TEST_CASE("draining gives ascending keys, whatever the order of insertion", "[timer_heap]") {
    const bool descending = GENERATE(false, true);
    PairingHeap heap;
    std::vector<PairingNode> nodes(10'000);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        nodes[i].key = descending ? nodes.size() - i : i;
        heap.insert(nodes[i]);
    }
    u64 last = 0, count = 0;
    while (!heap.empty()) {
        PairingNode& node = *heap.min();
        REQUIRE(node.key >= last);
        last = node.key;
        heap.remove(node);
        ++count;
    }
    CHECK(count == nodes.size());
}

TEST_CASE("each visits every node of a shallow heap once", "[timer_heap]") {
    PairingHeap heap;
    std::vector<PairingNode> nodes(20);
    std::set<PairingNode*> seen;
    for (PairingNode& node : nodes)
        heap.insert(node);
    heap.each([&](PairingNode& node) { CHECK(seen.insert(&node).second); });
    CHECK(seen.size() == nodes.size());
}
