# SPDX-License-Identifier: MIT
"""Our daemons as units of a full Debian dom0's systemd."""
import re

from rig.guest import Guest
from rig.scenario import same, scenario

CELLS = ("xen:hospes", "hospes:hospes")
DAEMONS = ("xenstored", "xenconsoled", "xl-supervisor")
UNITS = ("xenstored", "xen-init-dom0", "xenconsoled", "xl-supervisor")


def all_active(host):
    for unit in UNITS:
        same(host.run(f"systemctl is-active {unit}").out.strip(), "active", unit)


def pids(host):
    return {unit: host.check(f"systemctl show -p MainPID --value {unit}").strip() for unit in DAEMONS}


def guest_with_devices(host):
    host.check("[ -e /run/sd.img ] || dd if=/dev/zero of=/run/sd.img bs=1M count=2 2>/dev/null")
    return Guest(host, "sd", disk=["/run/sd.img,raw,xvda,w"], vif=["bridge=xenbr0"])


def guest_works(host, guest):
    """Its console in both directions, its disk and the store are there."""
    same(guest.shell("echo $((6*7))"), "42", "the console")
    guest.shell("dd if=/dev/xvda of=/dev/null bs=64k count=8 iflag=direct 2>/dev/null; echo $?")
    same(host.check(f"xenstore-read /local/domain/{guest.domid()}/name").strip(), "sd", "its name in the store")


@scenario(boot="systemd", full=True, cells=CELLS)
def units_come_up(host):
    same(host.check("cat /proc/1/comm").strip(), "systemd", "process 1")
    all_active(host)
    same(host.run("systemctl list-units --failed --plain --no-legend | grep -E 'xen|xl-'").out, "", "failed units")
    same(host.check("xl list | wc -l").strip(), "2", "xl list: its header and dom0")


@scenario(boot="systemd", full=True, cells=CELLS)
def restarts_leave_guests_working(host):
    guest = guest_with_devices(host).up()
    domid = guest.domid()
    for unit in DAEMONS:
        before = pids(host)
        host.check(f"systemctl restart {unit}", 90)
        all_active(host)
        after = pids(host)
        same({u for u in DAEMONS if after[u] != before[u]}, {unit}, f"what a restart of {unit} restarts")
        guest_works(host, guest)
    same(guest.domid(), domid, "the guest is the same")
    # All of them look after it still: a reboot takes the store, the console and the supervisor.
    guest.xl("reboot")
    guest.wait("GUEST-READY", 240, count=2)
    guest.destroy()


@scenario(boot="systemd", full=True, cells=CELLS)
def killed_daemons_come_back(host):
    guest = guest_with_devices(host).up()
    for unit in DAEMONS:
        before = pids(host)
        host.check(f"kill -9 {before[unit]}")
        host.wait_for(f"[ $(systemctl show -p MainPID --value {unit}) != {before[unit]} ] && "
                      f"[ $(systemctl is-active {unit}) = active ]", 60, f"systemd to start {unit} again")
        guest_works(host, guest)
    guest.destroy()


@scenario(boot="systemd", full=True, cells=CELLS)
def warnings_are_in_the_journal(host):
    host.check("systemctl restart xenstored", 90)
    for unit in ("xenconsoled", "xl-supervisor"):
        host.wait_for(f"journalctl -u {unit} -b --no-pager | grep -q 'the store is back'", 60, f"{unit} to say so")


@scenario(boot="systemd", full=True, fresh=True, leaks=False, cells=CELLS)
def shutdown_stops_in_order(host):
    """Whoever needs the store is stopped before it."""
    host.check("kill -SIGRTMIN+20 1")  # systemd says on the console what it does
    assert host.power_off(timeout=240, command="systemctl poweroff --no-block"), "the machine did not switch itself off"
    text = re.sub(r"\x1b\[[0-9;]*m", "", host.log.read_bytes().decode("latin-1"))
    places = {}
    for unit in UNITS:  # a long name ends in an ellipsis
        stopped = re.search(rf"Stopped {unit}\.ser", text)
        assert stopped, f"{unit} was not stopped:\n{text[-3000:]}"
        places[unit] = stopped.start()
    last = text.rindex("Stopping xenstored.ser")
    assert all(places[unit] < last for unit in UNITS[1:]), f"the store was stopped at {last}, the others at {places}"
