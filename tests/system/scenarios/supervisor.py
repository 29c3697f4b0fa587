# SPDX-License-Identifier: MIT
"""Our toolstack when something dies in the middle: the supervisor, xl, a guest; a full disk, a missing module."""
from rig.guest import Guest
from rig.scenario import inside, scenario

OURS = ("xen:hospes", "hospes:hospes")
START = "xl-supervisor --pid-file=/run/xen/supervisor.pid"
LEFT = ("losetup -a; ls /var/lib/xen | grep -vE '^(dump|locks|userdata-d.0[.].*)$'; xenstore-list /libxl | grep -v '^0$'; "
        "xenstore-list /tool/hospes/creating; ip -o link show | grep vif; "
        "xenstore-ls /local/domain/0/backend | grep frontend; true")


def nothing_left(host):
    host.wait_for("[ \"$(xl list | wc -l)\" = 2 ]", 60, "dom0 to be the only domain")
    host.wait_for(f"[ -z \"$( ({LEFT}) 2>/dev/null)\" ]", 60, "everything of the guests to be gone")


def disk_and_vif(host, name, **more):
    host.check("[ -e /run/sv.img ] || dd if=/dev/zero of=/run/sv.img bs=1M count=2 2>/dev/null")
    return Guest(host, name, disk=["/run/sv.img,raw,xvda,r"], vif=["bridge=xenbr0"], **more)


@scenario(full=True, cells=OURS)
def reboots_with_its_devices(host):
    guest = disk_and_vif(host, "sv").up()
    first = guest.domid()
    host.check(f"xenstore-write /local/domain/{first}/control/shutdown reboot")
    guest.wait("GUEST-READY", 180, count=2)
    assert guest.domid() > first, "a rebooted guest has a new domain id"
    inside(host.check("cat /var/log/xen/xl-sv.log"), "is restart", "the supervisor's log")
    guest.destroy()
    nothing_left(host)


@scenario(full=True, cells=OURS)
def supervisor_killed_and_started_again(host):
    """A guest that ends while nobody watches is found by the next supervisor."""
    guest = disk_and_vif(host, "sv").up()
    first = guest.domid()
    host.check("kill -9 $(cat /run/xen/supervisor.pid)")
    host.check(f"xenstore-write /local/domain/{first}/control/shutdown reboot")
    host.wait_for("xl list | grep -q '^sv .* ...s..'", 120, "the guest to shut down")
    host.check(START)
    guest.wait("GUEST-READY", 180, count=2)
    guest.destroy()
    nothing_left(host)


@scenario(full=True, cells=OURS)
def xl_killed_at_any_time(host):
    """Killed after so many milliseconds, xl create has either made a whole guest or nothing."""
    guest = disk_and_vif(host, "sv")
    guest.write()
    for delay in ("0.02", "0.1", "0.2", "0.3", "0.5", "0.8", "1.2", "2"):
        host.run(f"timeout -s KILL {delay} xl create -p {guest.path} >/dev/null 2>&1", 60)
        host.wait_for("[ -z \"$(xenstore-list /tool/hospes/creating 2>/dev/null)\" ]", 60, "no creation under way")
        if guest.row():
            guest.destroy()
        nothing_left(host)


@scenario(full=True, cells=OURS)
def missing_module_is_named(host):
    guest = disk_and_vif(host, "sv")
    guest.write()
    host.check("rmmod xen_netback")
    failed = host.run(f"xl create {guest.path}", 60)
    host.check("modprobe xen-netback")
    assert failed.status != 0, "a guest came up without its vif"
    inside(failed.out, "xen-netback", "the message")
    nothing_left(host)


@scenario(full=True, cells=OURS)
def full_disk_leaves_nothing(host):
    guest = disk_and_vif(host, "sv")
    guest.write()
    host.check("mount -t tmpfs -o size=4k tmpfs /var/lib/xen; dd if=/dev/zero of=/var/lib/xen/fill bs=4k 2>/dev/null; true")
    failed = host.run(f"xl create {guest.path}", 60)
    host.check("umount /var/lib/xen")
    assert failed.status != 0, "a guest came up though its configuration could not be saved"
    inside(failed.out, "No space left", "the message")
    nothing_left(host)
