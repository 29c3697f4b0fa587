# SPDX-License-Identifier: MIT
"""The verbs that only look."""
import json

from rig.guest import Guest
from rig.scenario import inside, same, scenario


def info_of(host):
    rows = (line.partition(":") for line in host.check("xl info").splitlines())
    return {key.strip(): value.strip() for key, _, value in rows}


@scenario()
def info(host):
    got = info_of(host)
    same((got["xen_major"], got["xen_minor"]), ("4", "17"), "the ABI version")
    same(got["nr_cpus"], str(host.setup.smp), "nr_cpus")
    same(got["xen_scheduler"], "credit2", "xen_scheduler")
    same(got["xen_pagesize"], "4096", "xen_pagesize")
    inside(got["xen_caps"], "xen-3.0-x86_64", "xen_caps")
    assert 0 < int(got["free_memory"]) < int(got["total_memory"]) <= host.setup.mem, got
    if host.hypervisor == "hospes":
        inside((got["xen_extra"] + got["xen_version"]).lower(), "hospes", "extraversion")


@scenario()
def info_numa(host):
    out = host.check("xl info -n")
    inside(out, "cpu_topology", "xl info -n")
    inside(out, "numa_info", "xl info -n")


@scenario()
def list_dom0(host):
    lines = host.check("xl list").splitlines()
    same(lines[0].split(), ["Name", "ID", "Mem", "VCPUs", "State", "Time(s)"], "heading")
    name, domid, mem, vcpus, state, seconds = lines[1].split()
    same((name, domid, vcpus), ("Domain-0", "0", str(host.setup.smp)), "dom0's row")
    assert abs(int(mem) - host.setup.dom0_mem) <= 1, lines[1]
    same(state[0], "r", "dom0's state")
    assert float(seconds) > 0, lines[1]


@scenario()
def list_long_is_json(host):
    rows = json.loads(host.check("xl list -l"))
    same(rows[0]["domid"], 0, "first domain")


@scenario()
def list_cpupool_and_numa_columns(host):
    inside(host.check("xl list -c"), "Pool-0", "xl list -c")
    inside(host.check("xl list -n"), "NODE Affinity", "xl list -n")


@scenario()
def vcpu_list_dom0(host):
    lines = host.check("xl vcpu-list Domain-0").splitlines()
    same(len(lines), 1 + host.setup.smp, "rows")
    inside(lines[1], "Domain-0", "vcpu-list")


@scenario()
def uptime(host):
    inside(host.check("xl uptime"), "Domain-0", "uptime")


@scenario()
def top(host):
    out = host.check("xentop -b -i 2 -d 1")
    inside(out, "Domain-0", "xentop")
    same(out.count("CPU(sec)"), 2, "two rounds of xentop")


@scenario()
def dmesg_and_debug_keys(host):
    host.check("xl dmesg -c")
    host.check("xl debug-keys h")
    out = host.check("xl dmesg")
    assert "key" in out.lower() and len(out.splitlines()) > 5, f"debug-key h said:\n{out[-600:]}"


@scenario()
def debug_keys_many(host):
    """Every key that a field engineer presses; the host survives them all."""
    for key in "qrtimgdea":
        host.check(f"xl debug-keys {key}")
    host.check("xl dmesg | tail -5")


@scenario()
def sched_credit2_table(host):
    out = host.check("xl sched-credit2")
    inside(out, "Cpupool Pool-0", "xl sched-credit2")
    inside(out, "Domain-0", "xl sched-credit2")
    inside(host.check("xl sched-credit2 -s"), "Cpupool Pool-0", "xl sched-credit2 -s")


@scenario()
def cpupool_list(host):
    line = host.check("xl cpupool-list").splitlines()[1].split()
    same(line, ["Pool-0", str(host.setup.smp), "credit2", "y", "1"], "Pool-0's row")


@scenario()
def claims_and_sharing(host):
    inside(host.check("xl claims"), "Claimed", "xl claims")
    host.check("xl sharing")


@scenario()
def xenpm_answers(host):
    """xenpm must end with an answer, whatever the machine has: no hang, no crash."""
    out = host.run("xenpm get-cpu-topology", 30)
    inside(out.out, "CPU0", "xenpm get-cpu-topology")


@scenario()
def detect_and_sysfs(host):
    inside(host.check("xen-detect"), "V4.17", "xen-detect")
    same(host.check("cat /sys/hypervisor/type").strip(), "xen", "/sys/hypervisor/type")
    same(host.check("cat /sys/hypervisor/version/major").strip(), "4", "major")


@scenario()
def list_shows_guests(host):
    guest = Guest(host, "looked-at", vcpus=2).up()
    row = guest.row()
    same((row["mem"], row["vcpus"]), (128, 2), "row in xl list")
    config = next(d for d in json.loads(host.check("xl list -l")) if d["domid"] == row["id"])
    same(config["config"]["c_info"]["name"], "looked-at", "name in xl list -l")
    same(host.check(f"xl domname {row['id']}").strip(), "looked-at", "xl domname")
    same(len(guest.xl("vcpu-list").splitlines()), 3, "vcpu-list rows")
    inside(host.check("xentop -b -i 1"), "looked-at", "xentop")
    guest.destroy()
