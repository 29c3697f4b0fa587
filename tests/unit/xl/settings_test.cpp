// SPDX-License-Identifier: MIT
#include "xl/settings.hpp"

#include <catch2/catch.hpp>

using namespace hospes;
using namespace hospes::cli;

namespace {

Settings good(std::string_view text) {
    auto parsed = parse_settings(text, "xl.conf");
    if (const auto* bad = std::get_if<cfg::Diagnostic>(&parsed)) FAIL(bad->render());
    return std::get<Settings>(std::move(parsed));
}
std::string bad(std::string_view text) {
    const auto parsed = parse_settings(text, "xl.conf");
    const auto* problem = std::get_if<cfg::Diagnostic>(&parsed);
    return problem ? problem->message : "";
}

} // namespace

TEST_CASE("every key of xl.conf(5)") {
    const Settings s =
        good("# comment\nautoballoon=\"off\"\ndomid_policy=\"random\"\nrun_hotplug_scripts=0\n"
             "lockfile=\"/run/l\"\nmax_grant_frames=64\nmax_maptrack_frames=2048\nmax_grant_version=1\n"
             "vif.default.script=\"vif-route\"\nvif.default.bridge=\"br7\"\nvif.default.gatewaydev=\"eth7\"\n"
             "vif.default.backend=\"net\"\nremus.default.netbufscript=\"/n\"\n"
             "colo.default.proxyscript=\"/c\"\noutput_format=\"json\"\nblkdev_start=\"xvdb\"\nclaim_mode=0\n"
             "vm.cpumask=\"0-7\"\nvm.pv.cpumask=\"0-3\"\nvm.hvm.cpumask=\"3-7\"\n");
    CHECK(s.warnings.empty());
    CHECK(s.autoballoon == Settings::Balloon::off);
    CHECK(s.random_domids);
    CHECK_FALSE(s.run_hotplug_scripts);
    CHECK_FALSE(s.claim);
    CHECK(s.lockfile == "/run/l");
    CHECK(s.max_grant_frames == 64U);
    CHECK(s.max_maptrack_frames == 2048U);
    CHECK(s.max_grant_version == 1U);
    CHECK(s.vif_script == "vif-route");
    CHECK(s.netbuf_script == "/n");
    CHECK(s.colo_script == "/c");
    CHECK(s.cpumask == "0-7");
    CHECK(s.pv_cpumask == "0-3");
    CHECK(s.hvm_cpumask == "3-7");

    const cfg::Defaults defaults = s.defaults();
    CHECK(defaults.nic.bridge == "br7");
    CHECK(defaults.nic.gatewaydev == "eth7");
    CHECK_FALSE(defaults.claim);
    xl::DomainConfig config;
    config.nics.emplace_back();
    config.nics.emplace_back().backend_domname = "own";
    s.complete(config);
    CHECK(config.b_info.max_grant_frames == 64U);
    CHECK(config.b_info.max_grant_version == 1);
    CHECK(config.b_info.blkdev_start == "xvdb");
    CHECK_FALSE(config.c_info.run_hotplug_scripts.value_or(true));
    CHECK(config.nics[0].backend_domname == "net");
    CHECK(config.nics[1].backend_domname == "own");
}

TEST_CASE("an empty file leaves the documented defaults") {
    const Settings s = good("");
    CHECK(s.autoballoon == Settings::Balloon::automatic);
    CHECK(s.run_hotplug_scripts);
    CHECK(s.claim);
    CHECK(s.lockfile == "/var/lock/xl");
    xl::DomainConfig config;
    config.b_info.max_grant_frames = 8U;
    s.complete(config);
    CHECK(config.b_info.max_grant_frames == 8U);
    CHECK(config.c_info.run_hotplug_scripts.is_default());
}

TEST_CASE("what has no effect, old names and mistakes are told") {
    CHECK(good("autoballoon=\"on\"\n").autoballoon == Settings::Balloon::on);
    CHECK(good("output_format=\"sxp\"\n").warnings.size() == 1);
    CHECK(good("vifscript=\"x\"\n").vif_script == "x");
    CHECK(good("vifscript=\"x\"\n").warnings[0].find("deprecated") != std::string::npos);
    CHECK(good("defaultbridge=\"b\"\nvif.default.bridge=\"c\"\n").vif_bridge == "c");
    CHECK(good("claim_mod=1\n").warnings[0] ==
          "xl.conf:1: unknown setting 'claim_mod' is ignored; did you mean 'claim_mode'?");
    CHECK(bad("autoballoon=\"maybe\"") == "autoballoon: on, off or auto is wanted");
    CHECK(bad("claim_mode=\"yes\"") == "claim_mode: 0 or 1 is wanted");
    CHECK(bad("max_grant_frames=\"x\"") == "max_grant_frames: a number is wanted");
    CHECK(bad("domid_policy=\"low\"") == "domid_policy: xen or random is wanted");
    CHECK(bad("output_format=\"xml\"") == "output_format: json or sxp is wanted");
    CHECK(bad("lockfile=[ 'a' ]") == "lockfile: one value is wanted, not a list");
    CHECK_FALSE(bad("lockfile=").empty());
}
