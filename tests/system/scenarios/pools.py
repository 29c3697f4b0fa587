# SPDX-License-Identifier: MIT
"""CPU pools and the schedulers' parameters. On Xen pools come and go; Hospes has Pool-0 and says so of the rest."""
import re

from rig.guest import Guest
from rig.scenario import inside, same, scenario
from scenarios.golden import CELLS, OURS, STOCK, anonymous, answers, differences, words

# A pool's life, first with one tool, then with the other. G is a guest. What runs through and what is refused.
POOL = """cpupool-create name="p" cpus="1"; cpupool-cpu-add Pool-0 1; cpupool-cpu-remove Pool-0 1; cpupool-list
cpupool-list -c; cpupool-cpu-remove Pool-0 1; cpupool-create name="p" cpus="0"; cpupool-create name="p" cpus="1"
cpupool-create name="p"; cpupool-list; cpupool-list -c; cpupool-list p; cpupool-list -c p; cpupool-cpu-remove p 1
cpupool-cpu-add p 1; cpupool-cpu-add p 0; cpupool-cpu-add p 7; cpupool-migrate G p; cpupool-list; list -c G
cpupool-destroy p; cpupool-cpu-remove p 1; cpupool-migrate Domain-0 p; cpupool-rename p q; cpupool-list
cpupool-numa-split; cpupool-migrate G Pool-0; cpupool-destroy q; cpupool-destroy q
cpupool-cpu-add Pool-0 1; cpupool-list -c; cpupool-destroy Pool-0; cpupool-migrate G 0; cpupool-cpu-remove Pool-0 all"""

# Each scheduler in a pool of its own, its parameters set and read; those of the others are refused there.
CREDIT = """cpupool-cpu-remove Pool-0 1; cpupool-create name="c" sched="credit" cpus="1"; cpupool-list; sched-credit -s -p c
sched-credit -s -p c -t 10 -r 500 -m 200; sched-credit -s -p c; sched-credit -s -p c -t 5000; sched-credit -s -p Pool-0
cpupool-migrate G c; sched-credit -d G; sched-credit -d G -w 300 -c 20; sched-credit -d G; sched-credit -p c
sched-credit; sched-credit -d G -w 0; sched-credit -d G -w 65536; sched-credit -d G -c 101; sched-credit -d G
sched-credit2 -d G; sched-credit2 -d G -w 5; sched-rtds -d G; sched-credit2 -s -p c; cpupool-migrate G Pool-0
cpupool-destroy c"""

RTDS = """cpupool-create name="r" sched="rtds" cpus="1"; cpupool-list; cpupool-migrate G r; sched-rtds; sched-rtds -d G
sched-rtds -d G -v all; sched-rtds -d G -p 20000 -b 5000 -e 0; sched-rtds -d G; sched-rtds -d G -v all -p 30000 -b 4000 -e 1
sched-rtds -d G -v all; sched-rtds -d G -v 0; sched-rtds -d G -v 9; sched-rtds -d G -p 1000 -b 2000; sched-rtds -p r
sched-rtds -d G -v 0 -p 10000 -b 3000 -e 0; sched-rtds -v all; sched-credit2 -d G -w 5; cpupool-migrate G Pool-0
cpupool-destroy r"""

NULL = """cpupool-create name="n" sched="null" cpus="1"; cpupool-list; cpupool-migrate G n; sched-null; sched-credit2 -d G
sched-credit -d G -w 9; sched-rtds -d G; cpupool-migrate G Pool-0; cpupool-destroy n; cpupool-create name="a" sched="arinc653"
cpupool-list; cpupool-destroy a"""

CREDIT2 = """sched-credit2 -d G -w 512 -c 50; sched-credit2 -d G; sched-credit2 -d G -w 0; sched-credit2 -d G -w 65536
sched-credit2 -d G -c 999; sched-credit2 -d G; sched-credit2 -s -p Pool-0 -r 2000; sched-credit2 -s -p Pool-0
sched-credit2 -s -p Pool-0 -r 1; sched-credit2 -s -r 1000; sched-credit2 -s; sched-credit2 -d nosuch -w 5
sched-credit -d G -w 5; sched-credit -d G; sched-rtds -d G -p 20000 -b 5000; sched-rtds -d G; sched-rtds -d G -v all
sched-rtds; sched-null; cpupool-list"""

RESTORE = """for p in $(xl cpupool-list | awk 'NR > 1 && $1 != "Pool-0" { print $1 }'); do
[ $p != Pool-node0 ] || { xl cpupool-rename Pool-node0 Pool-0; continue; }
xl cpupool-migrate pooled Pool-0; xl cpupool-destroy $p; done
xl cpupool-cpu-add Pool-0 all; true"""


def both_tools(host, *tables):
    """Each tool through the whole list, from the same state; the answers of both."""
    guest = Guest(host, "pooled", vcpus=1).up()
    commands = [re.sub(r"\bG\b", guest.name, c) for table in tables for c in words(table)]
    said = []
    try:
        for tool in (OURS, STOCK):
            one = [answer for answer, in answers(host, (tool,), commands)]
            said.append([tuple(anonymous(text) for text in answer) for answer in one])
            host.check(RESTORE)
    finally:
        host.run(RESTORE)
    guest.destroy()
    differences(commands, list(zip(*said)))


@scenario(full=True, cells=CELLS)
def as_the_stock_tool(host):
    both_tools(host, POOL)


@scenario(full=True, cells=CELLS)
def schedulers_as_the_stock_tool(host):
    both_tools(host, CREDIT2, *((CREDIT, RTDS, NULL) if host.hypervisor == "xen" else ()))


@scenario(full=True, cells=("hospes:hospes",))
def only_one(host):
    """What would need a second pool is refused by name."""
    why = "this hypervisor has no CPU pool besides Pool-0"
    inside(host.run("""xl cpupool-create 'name="p"' 2>&1""").out, why, "xl cpupool-create")
    inside(host.run("xl cpupool-cpu-remove Pool-0 1 2>&1").out, why, "xl cpupool-cpu-remove")


@scenario(full=True, cells=("xen:hospes", "hospes:hospes"))
def names_are_unique(host):
    """The stock tool would give two pools one name."""
    host.check("xl cpupool-rename Pool-0 first; xl cpupool-list first")
    guest = Guest(host, "named", lines=['pool = "first"']).create("-p")
    guest.destroy()
    host.check("xl cpupool-rename first Pool-0")
    if host.hypervisor == "xen":
        host.check("""xl cpupool-create 'name="p"'""")
        twice = host.run("xl cpupool-rename p Pool-0 2>&1")
        host.check("xl cpupool-destroy p")
        same(twice.status, 1, "exit code of a rename to a name that is taken")
        inside(twice.out, "pool 0 is called 'Pool-0' already", "the message")


@scenario(boot="numa", full=True, cells=("xen:debian", "xen:hospes", "hospes:hospes"))
def numa_split(host):
    """A pool for each node, a guest in the second one. Where there is one pool only, nothing is changed."""
    before = host.check("xl cpupool-list -c")
    if host.hypervisor == "hospes":
        refused = host.run("xl cpupool-numa-split 2>&1", 60)
        same(refused.status, 1, "exit code where there is one pool")
        inside(refused.out, "this hypervisor has no CPU pool besides Pool-0", "the message")
        same(host.check("xl cpupool-list -c"), before, "the pools afterwards")
        same(host.check("nproc").strip(), "2", "dom0's CPUs afterwards")
        return
    host.check("xl cpupool-numa-split", 60)
    rows = [line.split() for line in host.check("xl cpupool-list -c").splitlines()[1:]]
    same(rows, [["Pool-node0", "0"], ["Pool-node1", "1"]], "the CPUs of the pools")
    again = host.run("xl cpupool-numa-split 2>&1")
    same((again.status, again.out.strip()), (1, "splitting not possible, already cpupools in use"), "a second split")
    guest = Guest(host, "there", lines=['pool = "Pool-node1"']).up()
    same(guest.xl("vcpu-list").splitlines()[1].split()[3], "1", "the CPU that the guest runs on")
    guest.destroy()
    host.wait_for("[ $(nproc) = 1 ]", 30, "dom0 to have as many CPUs as its pool")
    host.check("xl cpupool-destroy Pool-node1; xl cpupool-rename Pool-node0 Pool-0; xl cpupool-cpu-add Pool-0 1; "
               "xl vcpu-set Domain-0 2")
    same(host.check("xl cpupool-list -c"), before, "the pools when all is undone")
