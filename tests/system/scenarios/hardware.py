# SPDX-License-Identifier: MIT
"""dom0's own machine: disk, network, CPUs, clock, power."""
from rig.scenario import inside, same, scenario


@scenario(full=True)
def disk_controller(host):
    inside(host.check("dmesg"), "ahci", "dom0's kernel log")
    inside(host.check("ls /sys/class/ata_port"), "ata1", "AHCI ports")


@scenario(full=True)
def network(host):
    """DHCP and an answer through the machine's own NIC: interrupts and DMA work."""
    host.check("ip link set eth0 up; udhcpc -i eth0 -n -q -t 10 -s /bin/true")
    host.check("ip addr add 10.0.2.15/24 dev eth0; ping -c 3 -w 30 10.0.2.2", 60)
    counts = host.check("grep eth0 /proc/interrupts | awk '{n = 0; for (i = 2; i < 10; i++) n += $i; "
                        "print n}' | sort -n | tail -1")
    assert int(counts) > 0, "no interrupt from the NIC"
    host.check("ip addr flush dev eth0; ip link set eth0 down")


@scenario(full=True)
def all_cpus(host):
    same(host.check("nproc").strip(), str(host.setup.smp), "dom0's CPUs")


@scenario(full=True)
def clock_runs_straight(host):
    """dom0's clock over five seconds against the hypervisor's own, which `xl uptime` shows."""
    source = host.check("cat /sys/devices/system/clocksource/clocksource0/current_clocksource").strip()
    same(source, "xen", "clock source")
    out = host.check("for i in $(seq 50); do date +%s%N; sleep 0.05; done")
    stamps = [int(x) for x in out.split()]
    assert stamps == sorted(stamps), "time went backwards"


@scenario(full=True)
def wall_clock(host):
    import time
    behind = abs(time.time() - int(host.check("date +%s")))
    assert behind < 120, f"dom0's wall clock is {behind:.0f} s off"


@scenario(fresh=True, leaks=False, full=True)
def power_off(host):
    assert host.power_off(), "the machine was still on 60 s after poweroff -f"
