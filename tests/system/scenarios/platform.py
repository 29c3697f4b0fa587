# SPDX-License-Identifier: MIT
"""Other machines: CPU counts and CPU models. Each boots, runs a guest and takes it down again."""
import re

from rig.guest import Guest
from rig.scenario import inside, same, scenario


def smoke(host):
    same(host.check("nproc").strip(), str(host.setup.smp), "dom0's CPUs")
    guest = Guest(host, vcpus=min(2, host.setup.smp)).up()
    inside(guest.wait("GUEST-UP"), "type=PV", "the guest's report")
    guest.destroy()


def define(name, **options):
    def run(host):
        smoke(host)
    run.__name__ = name.replace("-", "_")
    run.__module__ = __name__
    scenario(boot=name, **options)(run)


define("smp1", full=True)
define("smp4", full=True)
define("smp8", full=True)
define("epyc-rome", full=True)
define("max", full=True)
define("qemu64", full=True)
define("nehalem", full=True)
define("skylake", full=True)


def clock(host, source):
    """The guest's and dom0's time run on a TSC that this timer has calibrated."""
    assert re.search(source, host.log.read_text("latin-1")), f"no {source!r} in the boot's log"
    guest = Guest(host).up()
    stamps = [int(x) for x in guest.shell("for i in 1 2 3 4 5 6 7 8; do date +%s; usleep 300000; done", 90).split()]
    same(len(stamps), 8, "readings of the clock")
    assert stamps == sorted(stamps) and stamps[0] < stamps[-1], f"the guest's clock: {stamps}"
    guest.destroy()


@scenario(boot="pm-timer", full=True)
def pm_timer(host):
    clock(host, r"(?i)platform timer .*(ACPI )?PM timer")


@scenario(boot="pit", full=True)
def pit(host):
    clock(host, r"(?i)platform timer .*PIT|rate from the PIT")


@scenario(boot="options", full=True)
def options(host):
    """CPUs and dom0's share as the command line says; what it says wrong is named and ignored."""
    same(host.check("xl info | sed -n 's/^nr_cpus *: *//p'").strip(), "3", "CPUs with maxcpus=3")
    same(host.check("nproc").strip(), "2", "dom0's CPUs with dom0_max_vcpus=2")
    row = host.check("xl list Domain-0").splitlines()[1].split()
    same((row[2], row[3]), ("512", "2"), "dom0's memory and vCPUs")
    for mb in (600, 512):
        host.check(f"xl mem-set Domain-0 {mb}")
        host.wait_for(f"[ $(xl list Domain-0 | awk 'NR == 2 {{print $3}}') = {mb} ]", 60, f"dom0 to have {mb} MB")
    assert host.run("xl mem-set Domain-0 700").status != 0, "dom0 got more than max:640M"
    if host.hypervisor == "hospes":  # Xen is silent about them
        for complaint in (r"'frobnicate=7' is unknown", r"'com2=nonsense' is malformed"):
            assert re.search(complaint, host.log.read_text("latin-1")), f"the log does not say that {complaint}"


@scenario(boot="numa", full=True)
def numa(host):
    """SRAT and SLIT: two nodes with their memory, CPUs and distances; a guest may ask for one of them."""
    out = host.check("xl info -n")
    same(len(re.findall(r"(?m)^ *\d+: +102[34] ", out)), 2, f"nodes of 1024 MB in:\n{out}\n")
    inside(out, "10,21", "distances")
    rows = dict(re.findall(r"(?m)^ *([01]): +\d+ +\d+ +([01]) *$", out))
    same(rows, {"0": "0", "1": "1"}, "node of each CPU")
    guest = Guest(host, lines=['cpus = "node:1"']).up()
    inside(guest.xl("vcpu-list").splitlines()[1], " 1 / ", "hard affinity")
    guest.destroy()


VNUMA = ('vnuma = [["pnode=0", "size=64", "vcpus=0", "vdistances=10,20"], '
         '["pnode=1", "size=64", "vcpus=1", "vdistances=20,10"]]')


@scenario(boot="numa", full=True, cells=("xen:hospes",))
def virtual_numa(host):
    """A guest of two virtual nodes has the memory of each from the node of the machine that it names."""
    guest = Guest(host, "vn", vcpus=2, lines=[VNUMA]).up()
    said = host.check("xl dmesg -c >/dev/null; xl debug-keys u; xl dmesg")
    mine = said[re.search(rf"Domain {guest.domid()} ", said).start():]
    pages = dict(re.findall(r"Node (\d): (\d+)", mine))
    for node in "01":
        assert int(pages[node]) >= 64 << 8, f"pages of node {node}: {pages}"
    inside(mine, "2 vnodes, 2 vcpus", "what the hypervisor knows of its nodes")
    guest.destroy()


@scenario(full=True, cells=("hospes:hospes",))
def virtual_numa_is_refused(host):
    """Where the hypervisor has none, the message says so, and nothing is left."""
    guest = Guest(host, "vn", vcpus=2, lines=[VNUMA.replace("pnode=1", "pnode=0")])
    guest.write()
    done = host.run(f"xl create {guest.path}", 60)
    assert done.status != 0, "created"
    inside(done.out, "no virtual NUMA", "the message")
