# SPDX-License-Identifier: MIT
"""Faults while a guest is being made: the store dies, memory runs out, somebody destroys the half-made domain, a
kernel module or a bridge is missing, a disk is full. Either the whole guest is there or nothing of it, and
xl says what was wrong. What kills xl or the supervisor alone is in supervisor.py."""
from rig.guest import Guest
from rig.scenario import inside, same, scenario
from scenarios.supervisor import KILL, LEFT, OURS, START, disk_and_vif
from scenarios.supervisor import nothing_left as no_trace_left

# The console daemon ends with its connection to the store; a service manager would start it again.
NEW_STORE = """kill -9 $(pidof xenstored)
xenstored --pid-file=/run/xen/xenstored.pid
kill -9 $(pidof xenconsoled) 2>/dev/null
xenconsoled --log=all --pid-file=/run/xen/xenconsoled.pid"""
DELAYS = ("0.02", "0.1", "0.2", "0.3", "0.5")


def nothing_left(host):
    try:
        no_trace_left(host)
    except AssertionError as why:
        raise AssertionError(f"{why}left: {host.run(LEFT).out}") from None
    host.check("! pidof xl")
    host.no_leaks()


def created(host, path, meanwhile, options="-p"):
    """xl create beside `meanwhile`; its status and what it said."""
    done = host.check(f"xl create {options} {path} >/run/said 2>&1 & creator=$!\n{meanwhile}\n"
                      "wait $creator; echo $?; cat /run/said; rm /run/said", 120)
    status, _, said = done.partition("\n")
    return int(status), said


def whole_or_nothing(host, guest, status, said, cause):
    """After a fault that may have come too late: the guest is all there, or xl says why it is not."""
    if status:
        inside(said, cause, "the message")
        host.wait_for(f"! xl domid {guest.name} >/dev/null 2>&1", 60, "the half-made guest to go")
        return
    guest.xl("unpause")
    guest.wait("GUEST-READY", 180)
    guest.destroy()


@scenario(full=True, cells=OURS)
def store_killed_during_create(host):
    guest = disk_and_vif(host, "ff")
    guest.write()
    for delay in DELAYS:
        host.check(f"rm -f {guest.log_file}")
        status, said = created(host, guest.path, f"sleep {delay}\n{NEW_STORE}")
        whole_or_nothing(host, guest, status, said, "xenstore")
        nothing_left(host)


@scenario(full=True, cells=OURS)
def xl_and_supervisor_killed(host):
    """Nobody is left who knows of the creation: the next supervisor, which xl may have started already, finds it."""
    guest = disk_and_vif(host, "ff")
    guest.write()
    for delay in DELAYS[:3]:
        host.check(KILL)
        host.run(f"timeout -s KILL {delay} xl create -p {guest.path} >/dev/null 2>&1", 60)
        host.check(f"{START} || busybox pidof xl-supervisor")
        host.wait_for("[ -z \"$(xenstore-list /tool/hospes/creating 2>/dev/null)\" ]", 60, "no creation under way")
        if guest.row():
            guest.destroy()
        nothing_left(host)


@scenario(full=True, cells=OURS)
def destroyed_while_it_is_made(host):
    guest = disk_and_vif(host, "ff")
    guest.write()
    status, said = created(host, guest.path, f"until xl destroy {guest.name} 2>/dev/null; do :; done")
    if status:
        inside(said, "xl: ", "the message")
    nothing_left(host)


@scenario(full=True, cells=OURS)
def two_want_the_same_memory(host):
    """Each fits alone. The claim lets one through; the other says that memory is missing."""
    memory = host.free_memory() * 6 // 10
    first, second = (Guest(host, name, memory=memory) for name in ("fa", "fb"))
    second.write()
    first.write()
    status, said = created(host, first.path, f"xl create -p {second.path} >/run/other 2>&1; other=$?")
    other = host.check("cat /run/other; rm /run/other")
    there = [guest for guest in (first, second) if guest.row()]
    same(len(there), 1, f"guests that were made; the first one's xl said {said!r}, the second one's {other!r}")
    assert (status == 0) == (there[0] is first), f"status {status} of the first: {said}"
    inside(said if status else other, "MiB", "the message")
    there[0].destroy()
    nothing_left(host)


def refused(host, guest, *parts):
    """xl create fails and names the cause; nothing is left."""
    guest.write()
    failed = host.run(f"xl create {guest.path}", 90)
    assert failed.status != 0, "a guest came up all the same"
    for part in parts:
        inside(failed.out, part, "the message")
    nothing_left(host)


@scenario(full=True, cells=OURS)
def missing_module_is_named(host):
    for module in ("xen-blkback", "xen-netback"):
        host.check(f"rmmod {module}")
        try:
            refused(host, disk_and_vif(host, "ff"), module, "modprobe")
        finally:
            host.check(f"modprobe {module}")


@scenario(full=True, cells=OURS)
def missing_things_are_named(host):
    """A bridge, a ramdisk, a CPU pool that are not there; a disk that somebody made a folder."""
    refused(host, Guest(host, "ff", vif=["bridge=nosuchbr"]), "nosuchbr", "no such bridge")
    refused(host, Guest(host, "ff", ramdisk="/run/nosuch.gz"), "/run/nosuch.gz")
    refused(host, Guest(host, "ff", lines=['pool = "nosuchpool"']), "nosuchpool")
    refused(host, Guest(host, "ff", disk=["/run,raw,xvda,w"]), "/run", "neither a block device nor a file")


@scenario(full=True, cells=OURS)
def full_disk_leaves_nothing(host):
    """The configuration cannot be saved while another process fills the guest's memory."""
    guest = disk_and_vif(host, "ff")
    guest.write()
    host.check("mount -t tmpfs -o size=4k tmpfs /var/lib/xen; dd if=/dev/zero of=/var/lib/xen/fill bs=4k 2>/dev/null; true")
    failed = host.run(f"xl create {guest.path}", 60)
    host.check("umount /var/lib/xen")
    assert failed.status != 0, "a guest came up though its configuration could not be saved"
    inside(failed.out, "No space left", "the message")
    nothing_left(host)


@scenario(full=True, cells=OURS)
def full_log_disk_stops_no_guest(host):
    """Logs cannot be written: the guest runs, and its console works."""
    host.check("mount -t tmpfs -o size=4k tmpfs /var/log/xen; mkdir /var/log/xen/console; "
               "dd if=/dev/zero of=/var/log/xen/fill bs=4k 2>/dev/null; true")
    try:
        guest = disk_and_vif(host, "ff").create()
        same(guest.shell("echo $((40 + 4))", 120), "44", "the guest on its console")
        guest.destroy()
    finally:
        host.check("umount -l /var/log/xen")
    nothing_left(host)


@scenario(full=True, cells=OURS)
def dies_before_its_devices_are_there(host):
    """A kernel that finds no init panics while its devices connect; on_crash is destroy."""
    guest = disk_and_vif(host, "ff", extra="root=/nosuch rdinit=/nosuch panic=1")
    guest.create().gone(120)
    inside(host.check(f"xl console --since-boot {guest.name}"), "panic", "the last words")
    nothing_left(host)
