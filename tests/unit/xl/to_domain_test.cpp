// SPDX-License-Identifier: MIT
#include "xl/config/to_domain.hpp"

#include <catch2/catch.hpp>

#include "xl/config/parser.hpp"

using namespace hospes;

namespace {

std::variant<cfg::Translation, cfg::Diagnostic> translate(std::string_view text) {
    auto file = cfg::parse(text, "g.cfg");
    if (const auto* error = std::get_if<cfg::Diagnostic>(&file)) FAIL(error->render());
    return cfg::to_domain_config(std::get<cfg::File>(file), {});
}
cfg::Translation good(std::string_view text) {
    auto result = translate(text);
    if (const auto* error = std::get_if<cfg::Diagnostic>(&result)) FAIL(error->render());
    return std::get<cfg::Translation>(std::move(result));
}
std::string bad(std::string_view text) {
    const auto result = translate(text);
    const auto* error = std::get_if<cfg::Diagnostic>(&result);
    return error ? error->message : "";
}

} // namespace

TEST_CASE("a plain guest") {
    const auto t = good("name='g'\nkernel='/k'\nramdisk='/r'\nroot='/dev/xvda'\nextra='ro "
                        "quiet'\nmemory=256\nmaxmem=512\n"
                        "vcpus=2\nmaxvcpus=4\ndisk=['/d,raw,xvda,w']\nvif=['bridge=br0','']\non_crash='preserve'\n"
                        "on_reboot='rename-restart'\ncpus='0-1'\ncpu_weight=512\ntsc_mode='native'\n");
    const xl::DomainConfig& c = t.config;
    CHECK(t.warnings.empty());
    CHECK(c.c_info.type == xl::DomainType::invalid);
    CHECK(c.b_info.cmdline == "root=/dev/xvda ro quiet");
    CHECK(c.b_info.target_memkb == 256 * 1024);
    CHECK(c.b_info.max_memkb == 512 * 1024);
    CHECK(c.b_info.max_vcpus == 4);
    CHECK(c.b_info.avail_vcpus.count() == 2);
    REQUIRE(c.nics.size() == 2);
    CHECK(c.nics[1].devid == 1);
    CHECK(c.on_crash == xl::ActionOnShutdown::preserve);
    CHECK(c.on_reboot == xl::ActionOnShutdown::restart_rename);
    REQUIRE(c.b_info.vcpu_hard_affinity.size() == 4);
    CHECK(c.b_info.vcpu_hard_affinity[0].members() == std::vector<unsigned>{0, 1});
    CHECK(c.b_info.sched_params.weight == 512);
    CHECK(c.b_info.tsc_mode == xl::TscMode::native);
}

TEST_CASE("cmdline wins over root and extra, types are explicit when given") {
    const auto t = good("name='g'\ncmdline='a'\nroot='b'\nextra='c'\ntype='pvh'\n");
    CHECK(t.config.b_info.cmdline == "a");
    CHECK(t.config.b_info.type == xl::DomainType::pvh);
}

TEST_CASE("unknown keys get a suggestion and known ones without effect a warning") {
    const auto t = good("name='g'\nmemroy=3\ninit_seclabel='x'\ntype='pv'\nboot='c'\ntee='none'\n");
    REQUIRE(t.warnings.size() == 4);
    CHECK(t.warnings[0].hint == "did you mean 'memory'?");
    CHECK(t.warnings[1].message == "setting 'init_seclabel' has no effect in this version");
    CHECK(t.warnings[2].message == "setting 'boot' is for HVM guests and has no effect on this one");
    CHECK(t.warnings[3].message == "setting 'tee' is for Arm hosts and has no effect here");
}

TEST_CASE("bad values name the setting") {
    CHECK(bad("memory=1") == "the guest has no name");
    CHECK(bad("name='a/b'").find("no '/'") != std::string::npos);
    CHECK(bad("name='g'\nmemory='x'") == "memory: 'x' is not a number in range");
    CHECK(bad("name='g'\nmemory=0").find("MiB") != std::string::npos);
    CHECK(bad("name='g'\nmemory=20\nmaxmem=10") == "maxmem is smaller than memory");
    CHECK(bad("name='g'\nvcpus=3\nmaxvcpus=2") == "maxvcpus is smaller than vcpus");
    CHECK(bad("name='g'\nvcpus=0") == "vcpus: a guest has 1 to 512 vCPUs");
    CHECK(bad("name='g'\ntype='vm'") == "type: unknown type 'vm'");
    CHECK(bad("name='g'\non_crash='explode'") == "on_crash: unknown action 'explode'");
    CHECK(bad("name='g'\ncpus='3-1'") == "cpus: '3-1' is not a CPU range");
    CHECK(bad("name='g'\ndisk=['/a,raw,xvda','/b,raw,xvda']") == "disk: two disks are called xvda");
    CHECK(bad("name='g'\npci=['zz']").starts_with("pci: 'zz' is not a PCI address"));
    CHECK(bad("name='g'\nkernel=['x']") == "kernel: a string is wanted here, not a list");
    CHECK(bad("name='g'\nchannel=['name=x']") == "channel: the channel has no connection");
}

TEST_CASE("a bad value is shown with its line") {
    const auto result = translate("name='g'\ndisk=['/a,raw,xvda',\n  '/b,zip,xvdb']");
    const auto& error = std::get<cfg::Diagnostic>(result);
    CHECK(error.place.line == 3);
    CHECK(error.source_line == "  '/b,zip,xvdb']");
    CHECK(error.hint == "one of raw, qcow, qcow2, vhd, qed");
}
