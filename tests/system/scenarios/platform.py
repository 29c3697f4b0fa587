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


@scenario(boot="numa", full=True)
def numa(host):
    """SRAT and SLIT: two nodes with their memory, CPUs and distances; a guest may ask for one of them."""
    out = host.check("xl info -n")
    same(len(re.findall(r"(?m)^ *\d+: +1024 ", out)), 2, f"nodes of 1024 MB in:\n{out}\n")
    inside(out, "10,21", "distances")
    rows = dict(re.findall(r"(?m)^ *([01]): +\d+ +\d+ +([01]) *$", out))
    same(rows, {"0": "0", "1": "1"}, "node of each CPU")
    guest = Guest(host, lines=['cpus = "node:1"']).up()
    inside(guest.xl("vcpu-list").splitlines()[1], " 1 / ", "hard affinity")
    guest.destroy()
