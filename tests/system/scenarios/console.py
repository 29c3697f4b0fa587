# SPDX-License-Identifier: MIT
"""Consoles: what is kept of them, several viewers at once, a console daemon that dies, guests that crash."""
from rig.guest import Guest
from rig.scenario import inside, same, scenario

OURS = ("xen:hospes", "hospes:hospes")  # what only our console daemon does


@scenario(full=True, cells=OURS)
def since_boot(host):
    """All that was said is shown to whoever comes late, and after the guest is gone."""
    guest = Guest(host, "kept").up()
    out = host.check(f"timeout 20 xl console --since-boot {guest.name} </dev/null | "
                     "sed '/GUEST-READY/q'", 30)
    inside(out, "GUEST-UP", "the console since boot")
    guest.destroy()
    inside(host.check(f"xl console --since-boot {guest.name}"), "GUEST-READY", "the console of a dead guest")
    done = host.run("xl console --since-boot never-there")
    same(done.status, 1, "exit code for a guest that never was")
    inside(done.out, "keeps nothing of it", "message")


@scenario(full=True, cells=OURS)
def crash_output_is_kept(host):
    """on_crash=destroy takes the guest away; its last words stay."""
    guest = Guest(host, "crash", extra="then=crash", lines=['on_crash = "destroy"']).create()
    guest.wait("Kernel panic|sysrq: Trigger a crash|GUEST-CRASH", 60)
    host.run(f"xl destroy {guest.name}", 90)
    guest.gone()
    inside(host.check(f"xl console --since-boot {guest.name}"), "panic", "the last words")


@scenario(full=True, cells=OURS)
def two_viewers(host):
    """Each of two attached viewers gets everything; one that does not read stalls nobody."""
    guest = Guest(host, "seen").up()
    host.check(f"(sleep 60 | xl console {guest.name} | sleep 60) >/dev/null 2>&1 & echo $! >/run/lazy")
    host.check(f"xl console {guest.name} </dev/null >/run/viewer & echo $! >/run/viewer.pid")
    same(guest.shell("i=0; while [ $i -lt 3000 ]; do echo line$i-0123456789012345678901234567890123456789; "
                     "i=$((i + 1)); done | tail -1"), "line2999-0123456789012345678901234567890123456789", "output")
    same(guest.shell("echo still $((40 + 3))"), "still 43", "answer beside a viewer that does not read")
    host.wait_for("grep -q 'still 43' /run/viewer", 20, "the second viewer to see it")
    guest.destroy()
    host.check("kill $(cat /run/lazy /run/viewer.pid) 2>/dev/null; true")


@scenario(full=True, cells=OURS)
def daemon_killed(host):
    """kill -9 and a new daemon: the consoles of running guests work again."""
    guest = Guest(host, "survivor").up()
    host.check("kill -9 $(cat /run/xen/xenconsoled.pid); rm -f /run/xen/xenconsoled.pid; "
               "xenconsoled --log=all --pid-file=/run/xen/xenconsoled.pid", 30)
    same(guest.shell("echo $((6 * 9))"), "54", "the console after the daemon was killed")
    guest.destroy()


@scenario(full=True, cells=OURS)
def store_killed(host):
    """The console daemon goes on while the store is away, and finds it again."""
    guest = Guest(host, "lasting").up()
    daemon = host.check("pidof xenconsoled").strip()
    host.check("xl console lasting </dev/null >/run/lasting & echo $! >/run/lasting.pid")
    host.check("kill -9 $(pidof xenstored)")
    host.wait_for("grep -q 'the store is lost' /var/log/xen/console/xenconsoled.log", 20, "the daemon to say so")
    host.check("/usr/lib/hospes/bin/xenstored --pid-file=/run/xen/xenstored.pid")
    host.wait_for("grep -q 'the store is back' /var/log/xen/console/xenconsoled.log", 20, "the daemon to connect again")
    same(host.check("pidof xenconsoled").strip(), daemon, "the console daemon is the same")
    same(guest.shell("echo $((30 + 3))"), "33", "the old guest's console")
    host.wait_for("grep -q '^33' /run/lasting", 20, "a viewer from before to see it")
    other = Guest(host, "new").up()  # its console is found through the watches
    other.destroy()
    guest.destroy()
    host.wait_for("! kill -0 $(cat /run/lasting.pid) 2>/dev/null", 20, "the viewer to end with the guest")


@scenario(full=True)
def no_such_console(host):
    done = host.run("xl console nosuchguest")
    same(done.status != 0, True, "failure for a domain that is not there")


@scenario(full=True, cells=OURS)
def attached_viewer_survives_daemon(host):
    """A viewer that is attached follows the daemon to its successor."""
    guest = Guest(host, "followed").up()
    host.check(f"xl console --since-boot {guest.name} </dev/null >/run/follow & echo $! >/run/follow.pid")
    host.wait_for("grep -q GUEST-READY /run/follow", 20, "the viewer to be attached")
    host.check("kill -9 $(cat /run/xen/xenconsoled.pid); rm -f /run/xen/xenconsoled.pid; "
               "xenconsoled --log=all --pid-file=/run/xen/xenconsoled.pid", 30)
    same(guest.shell("echo $((11 * 4))"), "44", "the console after the daemon was killed")
    host.wait_for("grep -q '^44' /run/follow", 20, "the viewer to follow")
    guest.destroy()
    host.wait_for("! kill -0 $(cat /run/follow.pid) 2>/dev/null", 20, "the viewer to end with the guest")
