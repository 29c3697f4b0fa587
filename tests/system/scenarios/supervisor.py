# SPDX-License-Identifier: MIT
"""Our toolstack when something dies: the supervisor, xl, the store, a guest. Faults of other kinds are in failures.py."""
from rig.guest import Guest
from rig.scenario import inside, same, scenario

OURS = ("xen:hospes", "hospes:hospes")
START = "xl-supervisor --pid-file=/run/xen/supervisor.pid"
KILL = "kill -9 $(busybox pidof xl-supervisor)"
CRASHES = "sysrq_always_enabled"  # Debian's kernel does not let the keys crash it
DOMAIN_LOG = "/var/log/xen/xl-sv.log"
LEFT = ("losetup -a; ls /var/lib/xen | grep -vE '^(dump|locks|userdata-d.0[.].*)$'; xenstore-list /libxl | grep -v '^0$'; "
        "xenstore-list /tool/hospes/creating; ip -o link show | grep vif; "
        "xenstore-ls /local/domain/0/backend | grep frontend; true")


def nothing_left(host):
    host.wait_for("[ \"$(xl list | wc -l)\" = 2 ]", 60, "dom0 to be the only domain")
    host.wait_for(f"[ -z \"$( ({LEFT}) 2>/dev/null)\" ]", 60, "everything of the guests to be gone")


def disk_and_vif(host, name, **more):
    host.check("[ -e /run/sv.img ] || dd if=/dev/zero of=/run/sv.img bs=1M count=2 2>/dev/null")
    return Guest(host, name, disk=["/run/sv.img,raw,xvda,r"], vif=["bridge=xenbr0"], **more)


@scenario(boot="supervisor", full=True, cells=OURS)
def reboots_with_its_devices(host):
    guest = disk_and_vif(host, "sv").up()
    first = guest.domid()
    host.check(f"xenstore-write /local/domain/{first}/control/shutdown reboot")
    guest.wait("GUEST-READY", 180, count=2)
    assert guest.domid() > first, "a rebooted guest has a new domain id"
    inside(host.check(f"cat {DOMAIN_LOG}"), "is restart", "the supervisor's log")
    guest.destroy()
    nothing_left(host)


@scenario(boot="supervisor", full=True, cells=OURS)
def supervisor_killed_and_started_again(host):
    """A guest that ends while nobody watches is found by the next supervisor."""
    guest = disk_and_vif(host, "sv").up()
    first = guest.domid()
    host.check(KILL)
    host.check(f"xenstore-write /local/domain/{first}/control/shutdown reboot")
    host.wait_for("xl list | grep -q '^sv .* ...s..'", 120, "the guest to shut down")
    host.check(START)
    guest.wait("GUEST-READY", 180, count=2)
    guest.destroy()
    nothing_left(host)


@scenario(boot="supervisor", full=True, cells=OURS)
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


@scenario(boot="supervisor", full=True, cells=OURS)
def create_starts_a_supervisor(host):
    """Without one, xl create starts one before it creates; the guest is looked after."""
    host.check(KILL)
    guest = disk_and_vif(host, "sv").up()
    host.check("busybox pidof xl-supervisor")
    host.check(f"xenstore-write /local/domain/{guest.domid()}/control/shutdown poweroff")
    guest.gone(120)
    nothing_left(host)


@scenario(boot="supervisor", full=True, cells=OURS)
def no_supervisor_to_be_had(host):
    """When none can be started, that is said, and the guest runs all the same."""
    host.check(KILL)
    host.check("mkdir /run/empty; cp /usr/lib/hospes/bin/xl /run/empty/")
    guest = disk_and_vif(host, "sv")
    guest.write()
    done = host.run(f"PATH=/usr/sbin:/usr/bin:/sbin:/bin /run/empty/xl create -q {guest.path}", 60)
    same(done.status, 0, "exit code")
    inside(done.out, "there is no supervisor", "the warning")
    host.check(START + "; rm -r /run/empty")
    guest.destroy()
    nothing_left(host)


@scenario(boot="supervisor", full=True, cells=OURS)
def foreground_xl_killed(host):
    """The xl of create -F looks after its guest itself; when it is killed, the supervisor does."""
    guest = disk_and_vif(host, "sv")
    guest.write()
    host.check(f"rm -f {guest.log_file} {DOMAIN_LOG}; xl create -F {guest.path} >/run/f.log 2>&1 & echo $! >/run/f.pid")
    guest.wait("GUEST-READY", 180)
    host.check("kill -9 $(cat /run/f.pid)")
    host.check(f"xenstore-write /local/domain/{guest.domid()}/control/shutdown reboot")
    guest.wait("GUEST-READY", 180, count=2)
    inside(host.check(f"cat {DOMAIN_LOG}"), "is restart", "the supervisor's log")
    guest.destroy()
    nothing_left(host)


@scenario(boot="supervisor", full=True, cells=OURS)
def crash_leaves_a_core_and_restarts(host):
    host.check("rm -f /var/lib/xen/dump/sv")
    guest = disk_and_vif(host, "sv", extra=CRASHES, lines=['on_crash = "coredump-restart"']).up()
    first = guest.domid()
    host.check("xl sysrq sv c")
    guest.wait("GUEST-READY", 240, count=2)
    assert guest.domid() > first, "a restarted guest has a new domain id"
    same(host.check("head -c 4 /var/lib/xen/dump/sv | tail -c 3").strip(), "ELF", "the core's magic")
    size = int(host.check("stat -c %s /var/lib/xen/dump/sv"))
    assert size > 120 << 20, f"a core of {size} bytes for a guest of 128 MiB"
    inside(host.check(f"cat {DOMAIN_LOG}"), "is coredump-restart", "the supervisor's log")
    host.check("rm /var/lib/xen/dump/sv")
    guest.destroy()
    nothing_left(host)


@scenario(boot="supervisor", full=True, cells=OURS)
def crashed_guest_is_preserved(host):
    """Also by the next supervisor, until somebody destroys it."""
    guest = disk_and_vif(host, "sv", extra=CRASHES, lines=['on_crash = "preserve"']).up()
    domid = guest.domid()
    host.check("xl sysrq sv c")
    host.wait_for(f"[ \"$(xenstore-read /libxl/{domid}/supervision)\" = preserved ]", 120, "the crash to be noticed")
    same(guest.row()["state"][4], "c", "state of the crashed guest")
    host.check(KILL)
    host.check(START)
    same(guest.domid(), domid, "the preserved guest")
    same(host.check(f"xenstore-read /libxl/{domid}/supervision").strip(), "preserved", "its supervision")
    guest.destroy()
    nothing_left(host)


@scenario(boot="supervisor", full=True, cells=OURS)
def watchdog_renames_and_restarts(host):
    guest = disk_and_vif(host, "sv", lines=['on_watchdog = "rename-restart"']).up()
    first = guest.domid()
    host.check(f"/root/end_domain {first} 4")
    host.wait_for(f"xl domid sv | grep -vq '^{first}$'", 120, "a successor")
    guest.wait("GUEST-READY", 180, count=2)
    old = host.check(f"xl domname {first}").strip()
    assert old.startswith("sv-2"), f"the old guest is called {old!r}"
    inside(host.check(f"cat {DOMAIN_LOG}"), "(watchdog)", "the supervisor's log")
    host.check(f"xl destroy {first}")
    guest.destroy()
    nothing_left(host)


@scenario(boot="supervisor", full=True, cells=OURS)
def reaps_what_was_left_while_it_was_away(host):
    """A guest that the hypervisor destroyed, its devices, nodes and files still there."""
    guest = disk_and_vif(host, "sv").up()
    host.check(KILL)
    host.check(f"/root/end_domain {guest.domid()} destroy")
    host.check("losetup -a | grep -q sv.img")  # nobody has tidied up yet
    host.check(START)
    nothing_left(host)


@scenario(boot="supervisor", full=True, cells=OURS)
def crash_loop_is_slowed(host):
    """A guest that dies as soon as it has begun is not started again at once."""
    host.check(f"rm -f {DOMAIN_LOG}")
    guest = Guest(host, "sv", extra="then=crash", lines=['on_crash = "restart"']).create()
    host.wait_for(f"[ $(grep -c 'its successor has to wait' {DOMAIN_LOG}) -ge 2 ]", 240, "two restarts that waited")
    host.wait_for("xl destroy sv 2>/dev/null", 60, "a moment at which the guest exists")
    guest.gone()
    nothing_left(host)


@scenario(boot="supervisor", full=True, cells=OURS)
def store_restarted_under_it(host):
    """Its connection comes back, and with it what ended meanwhile."""
    log = "/var/log/xen/xl-supervisor.log"
    guest = disk_and_vif(host, "sv").up()
    supervisor = host.check("busybox pidof xl-supervisor").strip()
    host.check(f"kill -9 $(pidof xenstored); rm -f {log}")
    host.check("/usr/lib/hospes/bin/xenstored --pid-file=/run/xen/xenstored.pid")
    host.wait_for(f"grep -q 'the store is back' {log}", 30, "the supervisor to connect again")
    same(host.check("busybox pidof xl-supervisor").strip(), supervisor, "the supervisor is the same")
    guest.xl("reboot")
    guest.wait("GUEST-READY", 240, count=2)
    guest.destroy()
    nothing_left(host)
