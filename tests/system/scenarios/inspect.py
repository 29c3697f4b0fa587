# SPDX-License-Identifier: MIT
"""The verbs that only look."""
import base64
import json
import pathlib
import re

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
    out = host.check("cut -d. -f1 /proc/uptime; xl uptime Domain-0; cut -d. -f1 /proc/uptime").splitlines()
    shown = re.match(r"Domain-0 +0 +(\d+):(\d\d):(\d\d)$", out[2].rstrip())
    assert shown, f"xl uptime: {out}"
    seconds = 3600 * int(shown[1]) + 60 * int(shown[2]) + int(shown[3])
    assert int(out[0]) <= seconds <= int(out[-1]), f"xl uptime beside the kernel's: {out}"


@scenario()
def top(host):
    out = host.check("xentop -b -i 2 -d 1")
    inside(out, "Domain-0", "xentop")
    same(out.count("CPU(sec)"), 2, "two rounds of xentop")


@scenario(full=True)
def top_on_a_terminal(host):
    """`xl top` draws its table on a terminal until q. The small dom0 knows no terminals: it gets one."""
    entry = base64.b64encode(pathlib.Path("/lib/terminfo/v/vt100").read_bytes()).decode()
    out = host.check(
        f"mkdir -p /run/terminfo/v; echo {entry} | base64 -d >/run/terminfo/v/vt100; rm -f /run/typescript\n"
        "export TERM=vt100 TERMINFO=/run/terminfo\n"
        "(n=0; until grep -aq Domain-0 /run/typescript || [ $n = 100 ]; do sleep 0.2; n=$((n+1)); done; printf q) | "
        "script -qfc 'stty rows 24 cols 100; xl top' /run/typescript >/dev/null; cat /run/typescript; rm -r /run/terminfo")
    for word in ("Domain-0", "MEM(%)", "VCPUS"):
        inside(out, word, "the screen of xl top")


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
    inside(host.run("xenpm get-cpu-topology", 30).out, "CPU0", "xenpm get-cpu-topology")
    for verb in ("get-cpuidle-states", "get-cpufreq-para", "get-cpufreq-states", "get-cpufreq-average",
                 "enable-turbo-mode", "set-sched-smt disable", "set-max-cstate 1"):
        done = host.run(f"xenpm {verb}", 30)
        assert done.status < 124, f"xenpm {verb}: status {done.status}: {done.out[-300:]}"


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
