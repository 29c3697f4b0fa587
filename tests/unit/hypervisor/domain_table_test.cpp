// SPDX-License-Identifier: MIT
#include "core/domain/table.hpp"

#include <catch2/catch.hpp>

#include <vector>

#include "machine.hpp"

using namespace hv;

namespace {
Domain& enter(u16 id) {
    Domain& domain = hvtest::new_domain(id, 0);
    REQUIRE(domain_table_reserve(domain.id).ok());
    REQUIRE(domain_table_insert(domain));
    return domain;
}
} // namespace

TEST_CASE("domains are found by id and walked in order", "[domain]") {
    const std::vector<u16> ids{7, 1000, 0x7fef, 600, 3};
    std::vector<Domain*> domains;
    for (const u16 id : ids)
        domains.push_back(&enter(id));
    CHECK_FALSE(domain_table_insert(*domains[0]));
    for (Domain* domain : domains) {
        auto found = DomainRef::find(domain->id);
        REQUIRE(found.ok());
        CHECK(&*found.value() == domain);
        CHECK(domain->refs.load() == 2);
    }
    for (Domain* domain : domains)
        CHECK(domain->refs.load() == 1);
    CHECK(DomainRef::find(Domid{8}).error() == Errno::srch);
    for (const u16 reserved : {0x7ff0, 0x7ff1, 0x7ff2, 0x7fff, 0x8000, 0xffff})
        CHECK(DomainRef::find(Domid{reserved}).error() == Errno::srch);

    std::vector<u16> walked;
    for_each_domain([&](Domain& d) { walked.push_back(d.id.raw()); });
    CHECK(walked == std::vector<u16>{3, 7, 600, 1000, 0x7fef});
    CHECK(domain_after(Domid{7})->id == Domid{600});
    CHECK(domain_after(Domid{8})->id == Domid{600});
    CHECK_FALSE(domain_after(Domid{0x7fef}));
    CHECK_FALSE(domain_after(Domid{0xffff}));

    // Dying domains are found; one whose last reference has gone is not found at all.
    domains[0]->dying.store(Domain::Dying::dying);
    CHECK(DomainRef::find(Domid{7}).ok());
    domains[1]->refs.store(0);
    CHECK(DomainRef::find(Domid{1000}).error() == Errno::srch);
    CHECK(domain_after(Domid{600})->id == Domid{0x7fef});
    CHECK_FALSE(domain_id_free(Domid{1000}));
    for (Domain* domain : domains)
        domain_table_remove(*domain);
    CHECK(domain_id_free(Domid{7}));
    CHECK_FALSE(domain_id_free(Domid{0x7ff0}));
    CHECK_FALSE(domain_next(nullptr));
}
