# SPDX-License-Identifier: MIT
"""dom0's own machine: disk, network, CPUs, clock, power."""
import re

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
    inside(host.check("grep eth0 /proc/interrupts"), "-msi", "the NIC's interrupts")
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


@scenario()
def serial_input_switches(host):
    """Ctrl-a three times: what is typed goes to the hypervisor's keys, three times again: to dom0."""
    ours = "Hospes" if host.hypervisor == "hospes" else "Xen"
    host.console.send("\x01\x01\x01")
    host.console.expect(rf"Serial input to {ours}", 20)
    host.console.send("h")
    host.console.expect(r"key '0'", 20)
    host.console.expect(r"key 'q'", 20)
    host.console.send("\x01\x01\x01")
    host.console.expect(r"Serial input to DOM0", 20)
    same(host.check("echo back").strip(), "back", "dom0 after the switch")


@scenario(fresh=True, leaks=False, full=True, cells=("hospes:debian", "hospes:hospes"))
def panic_is_symbolised(host):
    """Key C: registers, a backtrace with the hypervisor's own names, and a stop."""
    host.console.send("\x01\x01\x01")
    host.console.expect(r"Serial input to Hospes", 20)
    host.console.send("C")
    text = host.console.expect(r"(?s)Panic on CPU \d+:.*Manual reset required", 30)[0]
    inside(text, "crash on request", "the reason")
    names = re.findall(r"\b(?:hv::)?(console_handle_key|keyhandler_run|run_keys|Tasklet\w*|tasklet\w*)\b", text)
    assert names, f"no name of ours in the backtrace:\n{text[-2500:]}"


@scenario(fresh=True, leaks=False, full=True)
def dom0_crash_stops_the_machine(host):
    """dom0's own panic: where it was, one clear last line, and no reset with `noreboot`."""
    host.id += 1
    host._start(b"echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger", 30)
    if host.hypervisor == "hospes":
        text = host.console.expect(r"(?s)Kernel panic.*dom0 crashed: halting", 60)[0]
        assert re.search(r"(?i)rip[: ]+\S*[0-9a-f]{8}", text), f"no registers in:\n{text[-2500:]}"
    else:
        host.console.expect(r"Hardware Dom0 crashed", 60)
    assert not host.machine.wait_off(3), "the machine reset itself in spite of noreboot"


@scenario(full=True)
def nmi_without_a_cause(host):
    """An NMI that no error register explains is none of dom0's business; it may get its own copy."""
    host.machine.monitor("nmi")
    same(host.check("echo on").strip(), "on", "dom0 after the NMI")


@scenario(fresh=True, leaks=False, full=True, cells=("hospes:debian", "hospes:hospes"))
def machine_check_stops_the_machine(host):
    """An uncorrected error with a corrupt context: the bank is named and nothing goes on."""
    host.machine.monitor("mce 0 4 0xb200000000000000 0x4 0x0 0x0")
    text = host.console.expect(r"(?s)machine check bank.*Panic on CPU \d+:.*?\n.*?\n", 60)[0]
    inside(text.lower(), "b200000000000000", "the bank's status")
    assert not host.machine.wait_off(3), "the machine reset itself in spite of noreboot"


@scenario(fresh=True, leaks=False, full=True)
def power_off(host):
    assert host.power_off(), "the machine was still on 60 s after poweroff -f"
    inside(host.console.text, "Power down", "dom0's last words")


@scenario(fresh=True, leaks=False, full=True)
def reboot(host):
    """What dom0 asks for is done; `noreboot` is about failures."""
    assert host.power_off("reboot"), "the machine was still on 60 s after reboot -f"
    inside(host.console.text, "rebooting", "the hypervisor's last words")
