# SPDX-License-Identifier: MIT
"""Memory, vCPUs and scheduling of a running guest."""
import re

from rig.guest import Guest
from rig.scenario import inside, same, scenario


def memory_reaches(guest, mb):
    guest.host.wait_for(f"[ \"$(xl list {guest.name} | awk 'NR == 2 {{print $3}}')\" = {mb} ]", 60,
                        f"{guest.name} to have {mb} MB")


@scenario()
def balloon_both_ways(host):
    guest = Guest(host, memory=192, lines=["maxmem = 256"]).up()
    memory_reaches(guest, 192)
    for mb in (144, 240, 192):
        guest.xl("mem-set", mb)
        memory_reaches(guest, mb)
    total = int(guest.shell("awk '/MemTotal/{print $2}' /proc/meminfo"))
    assert 100_000 < total < 192 * 1024, f"MemTotal {total} kB in a guest of 192 MB"
    guest.destroy()


@scenario(full=True)
def mem_max(host):
    guest = Guest(host).up()
    guest.xl("mem-max", 160)
    too_much = host.run("xl mem-set g1 200", 60)
    same(guest.row()["mem"] <= 160, True, f"memory after mem-max ({too_much.out.strip()[-200:]})")
    guest.destroy()


@scenario()
def vcpu_set(host):
    guest = Guest(host, vcpus=1, extra="onlining", lines=["maxvcpus = 4"])
    guest.config = guest.config.replace("vcpus = 1\n", "vcpus = 2\n", 1)
    guest.up()
    for count in (4, 1, 3):
        host.check(f"xl vcpu-set --ignore-host {guest.name} {count}")  # 4 are more than the machine has
        host.wait_for(f"[ \"$(xl list {guest.name} | awk 'NR == 2 {{print $4}}')\" = {count} ]", 60,
                      f"{count} vCPUs online")
    same(guest.shell("nproc"), "3", "CPUs that the guest counts")
    guest.destroy()


@scenario(full=True)
def vcpu_pin(host):
    guest = Guest(host, vcpus=2).up()
    guest.xl("vcpu-pin", 0, 1)
    guest.xl("vcpu-pin", "1 0", "all")
    rows = [line.split() for line in guest.xl("vcpu-list").splitlines()[1:]]
    same([row[-3] for row in rows], ["1", "0"], "hard affinity")
    guest.xl("vcpu-pin", "all all", "0-1")
    text = guest.xl("vcpu-list")
    assert re.search(r"all / (0-1|all)\s*$", text, re.M), text
    guest.xl("vcpu-pin", 0, 1)
    guest.shell("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done")
    same(guest.xl("vcpu-list").splitlines()[1].split()[3], "1", "the CPU it last ran on")
    guest.destroy()


@scenario(full=True)
def sched_credit2_weight_and_cap(host):
    guest = Guest(host).up()
    host.check("xl sched-credit2 -d g1 -w 512 -c 50")
    row = host.check("xl sched-credit2 -d g1").split()
    same(row[-2:], ["512", "50"], "weight and cap")
    host.check("xl sched-credit2 -d g1 -c 0")
    bad = host.run("xl sched-credit2 -d g1 -w 0", 30)
    assert bad.status != 0, "weight 0 was accepted"
    guest.destroy()


@scenario(full=True)
def weights_share_a_cpu(host):
    """Two busy guests on one CPU, weights 3 : 1, get CPU time 3 : 1."""
    busy = "(while :; do :; done) &"
    guests = [Guest(host, n, lines=['cpus = "1"', f"cpu_weight = {w}"]).up()
              for n, w in (("heavy", 768), ("light", 256))]
    for guest in guests:
        guest.shell(busy)
    start = [guest.row()["time"] for guest in guests]
    host.check("sleep 20", 60)
    used = [guest.row()["time"] - before for guest, before in zip(guests, start)]
    ratio = used[0] / max(used[1], 0.1)
    assert 2.0 < ratio < 4.5, f"CPU seconds {used}: ratio {ratio:.2f}, want about 3"
    for guest in guests:
        guest.destroy()


@scenario(full=True)
def cap_holds(host):
    guest = Guest(host, "capped").up()  # at full speed, capped then: a boot under a cap takes its time
    host.check("xl sched-credit2 -d capped -c 25")
    guest.shell("(while :; do :; done) &")
    # Both clocks are read together, so that a slow machine stretches both.
    out = host.check("now() { xl list capped | awk 'NR == 2 {printf \"%s \", $6}'; cut -d' ' -f1 /proc/uptime; }; "
                     "now; sleep 10; now", 90)
    (used, start), (used_then, end) = ([float(x) for x in line.split()] for line in out.splitlines())
    share = (used_then - used) / (end - start)
    assert 0.10 < share < 0.40, f"a cap of 25 percent gave {share:.2f} of a CPU"
    inside(guest.shell("echo ok"), "ok", "the guest under its cap")
    guest.destroy()


@scenario(full=True)
def numa_and_vcpu_info(host):
    guest = Guest(host).up()
    inside(host.check("xl list -n"), "g1", "xl list -n")
    inside(guest.xl("uptime"), "g1", "xl uptime")
    guest.destroy()
