// SPDX-License-Identifier: MIT
// The default policy: who has which right on whom.
#include "core/xsm/check.hpp"

#include <catch2/catch.hpp>

#include "machine.hpp"

using namespace hv;

TEST_CASE("the default policy", "[xsm]") {
    Domain& control = hvtest::new_domain(100, 0);
    Domain& guest = hvtest::new_domain(101, 0);
    Domain& model = hvtest::new_domain(102, 0);
    Domain& store = hvtest::new_domain(103, 0);
    Domain& hardware = hvtest::new_domain(104, 0);
    control.is_privileged = true;
    model.target = &guest;
    store.options = XEN_DOMCTL_CDF_xs_domain;
    hardware.is_hardware = true;

    struct Row {
        Right right;
        bool control, self, model, model_on_other, store, hardware;
    };
    const Row rows[] = {
        {Right::anyone, true, true, true, true, true, true},
        {Right::target, true, true, true, false, false, false},
        {Right::device_model, true, false, true, false, false, false},
        {Right::xenstore, true, false, false, false, true, false},
        {Right::privileged, true, false, false, false, false, false},
        {Right::hardware, false, false, false, false, false, true},
    };
    for (const Row& row : rows) {
        CAPTURE(static_cast<int>(row.right));
        CHECK(has_right(control, &guest, row.right) == row.control);
        CHECK(has_right(guest, &guest, row.right) == row.self);
        CHECK(has_right(model, &guest, row.right) == row.model);
        CHECK(has_right(model, &control, row.right) == row.model_on_other);
        CHECK(has_right(store, &guest, row.right) == row.store);
        CHECK(has_right(hardware, &guest, row.right) == row.hardware);
    }
    // A domain without a target has no right on the machine.
    CHECK_FALSE(has_right(guest, nullptr, Right::device_model));
    CHECK_FALSE(has_right(guest, nullptr, Right::target));
    CHECK(has_right(control, nullptr, Right::device_model));
    model.target = nullptr;
}

TEST_CASE("control operations are for the privileged", "[xsm]") {
    for (const XsmOp op :
         {XsmOp::domctl, XsmOp::sysctl, XsmOp::platform, XsmOp::memory_claim, XsmOp::memory_machine_map})
        CHECK(right_of(op) == Right::privileged);
    CHECK(right_of(XsmOp::domctl_info) == Right::xenstore);
    CHECK(right_of(XsmOp::physdev) == Right::hardware);
    for (const XsmOp op : {XsmOp::mmu_update, XsmOp::memory_adjust, XsmOp::map_foreign_frame, XsmOp::grant_setup})
        CHECK(right_of(op) == Right::target);
    CHECK(right_of(XsmOp::acquire_resource) == Right::device_model);
}
