// SPDX-License-Identifier: MIT
// The whole decision table: kernel x host x type=.
#include <catch2/catch.hpp>

#include "libxl/domain/choose_type.hpp"
#include "sample_kernel.hpp"

using namespace hospes;
using namespace hospes::xl;

namespace {

/// A kernel with the entries asked for.
xc::KernelImage kernel(bool pv, bool pvh) {
    auto image = xc::KernelImage::parse(xc::sample::elf({.pv = pv, .pvh = pvh}), "kernel");
    if (!image) FAIL(image.problem().text());
    REQUIRE(image->supports_pv() == pv);
    REQUIRE(image->supports_pvh() == pvh);
    return *std::move(image);
}

/// "pv: reason", or "error: why".
std::string decide(const xc::KernelImage* image, const HostCaps& host, DomainType wanted = DomainType::invalid) {
    DomainConfig config;
    config.c_info.type = wanted;
    const auto choice = choose_type(config, image, host);
    if (!choice) {
        CHECK_FALSE(choice.problem().hint.empty());
        return "error: " + choice.problem().text();
    }
    CHECK_FALSE(choice->reason.empty());
    return std::string(to_string(choice->type)) + ": " + choice->reason;
}
bool says(const std::string& text, const std::string& part) {
    INFO(text << " should say " << part);
    CHECK(text.find(part) != std::string::npos);
    return text.find(part) != std::string::npos;
}

constexpr HostCaps everything{true, true, true}, pv_only{true, false, false}, hvm_only{false, true, true};

} // namespace

TEST_CASE("left open: PVH where both sides can, else PV, else a clear refusal") {
    const xc::KernelImage both = kernel(true, true), only_pv = kernel(true, false), only_pvh = kernel(false, true),
                          neither = kernel(false, false);
    struct Row {
        const xc::KernelImage* image;
        HostCaps host;
        const char *decision, *because;
    };
    for (const Row& row : {
             Row{&both, everything, "pvh: ", "PVH entry"},
             Row{&both, pv_only, "pv: ", "no hardware virtualisation"},
             Row{&both, hvm_only, "pvh: ", "PVH entry"},
             Row{&only_pv, everything, "pv: ", "no PVH entry point"},
             Row{&only_pv, pv_only, "pv: ", "no hardware virtualisation"},
             Row{&only_pv, hvm_only, "error: ", "the hypervisor runs no PV guests"},
             Row{&only_pvh, everything, "pvh: ", "PVH entry"},
             Row{&only_pvh, pv_only, "error: ", "no 64-bit PV entry"},
             Row{&neither, everything, "error: ", "neither PVH"},
             Row{&neither, pv_only, "error: ", "no 64-bit PV entry"},
         }) {
        const std::string decision = decide(row.image, row.host);
        CHECK(decision.starts_with(row.decision));
        says(decision, row.because);
    }
}

TEST_CASE("without a kernel only HVM is left") {
    CHECK(decide(nullptr, everything).starts_with("hvm: there is no kernel="));
    says(decide(nullptr, pv_only), "error: choose a guest type: without kernel= only HVM is possible");
    DomainConfig config;
    config.b_info.bootloader = "pygrub";
    says(choose_type(config, nullptr, everything).problem().text(), "bootloader=");
}

TEST_CASE("a type that is set is used, or the condition that fails is named") {
    const xc::KernelImage both = kernel(true, true), only_pv = kernel(true, false), only_pvh = kernel(false, true);
    CHECK(decide(&both, everything, DomainType::pv) == "pv: set by the configuration");
    CHECK(decide(&both, everything, DomainType::pvh) == "pvh: set by the configuration");
    CHECK(decide(nullptr, everything, DomainType::hvm) == "hvm: set by the configuration");
    says(decide(&both, pv_only, DomainType::pvh), "the host has no hardware virtualisation");
    says(decide(&both, hvm_only, DomainType::pv), "the hypervisor runs no PV guests");
    says(decide(&only_pv, everything, DomainType::pvh), "no PVH entry point");
    says(decide(&only_pvh, everything, DomainType::pv), "no 64-bit PV entry");
    says(decide(nullptr, everything, DomainType::pv), "a PV guest needs kernel=");
    says(decide(nullptr, everything, DomainType::pvh), "a PVH guest needs kernel=");
    says(decide(nullptr, pv_only, DomainType::hvm), "the host has no hardware virtualisation");
}
