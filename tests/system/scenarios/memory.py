# SPDX-License-Identifier: MIT
"""Where the machine's memory is: free, claimed for a guest that is being built, lent by dom0."""
import re

from rig.guest import Guest
from rig.scenario import inside, same, scenario

OURS = ("xen:hospes", "hospes:hospes")

# Creates the guest $2 from $1, each hypercall slowed down, and stops it when memory is claimed and not yet all used:
# the tracer stops (in a session of its own, or the end of this shell would end it), what it traces at its next call.
# A tool that fills memory with few calls may be through before anybody looked: then slower.
CATCH = r"""claimed() { xl info outstanding_claims | sed 's/.*: *//'; }
for delay in 20000 60000 180000; do
    setsid strace -f -o /dev/null -e trace=ioctl -e inject=ioctl:delay_exit=$delay xl create -e -p $1 >/run/said 2>&1 & creator=$!
    until [ "$(claimed)" != 0 ] || ! kill -0 $creator 2>/dev/null; do :; done
    kill -STOP $creator 2>/dev/null
    until one=$(claimed) two=$(claimed); [ "$one" = "$two" ]; do :; done
    [ "$one" = 0 ] || { echo $creator; exit 0; }
    kill -CONT $creator 2>/dev/null
    wait $creator
    xl destroy $2
done
echo "no claim was seen; xl create said:"; cat /run/said; exit 1"""


def facts(host):
    """MB free and MB claimed."""
    text = host.check("xl info")
    return tuple(int(re.search(rf"(?m)^{key} *: *(\d+)$", text)[1]) for key in ("free_memory", "outstanding_claims"))


def configure(host, line=""):
    """xl.conf: Debian's, which says nothing, and this line."""
    host.check(f"[ -e /run/xl.conf ] || cp /etc/xen/xl.conf /run/; (cat /run/xl.conf; echo '{line}') >/etc/xen/xl.conf")


def dom0_memory(host):
    return int(host.check("xl list 0").splitlines()[1].split()[2])


def refused(host, guest, *parts):
    """xl create fails; ours gives these reasons. The answer's text."""
    guest.write()
    failed = host.run(f"xl create {guest.path}", 120)
    same(failed.status, 3, f"exit code of xl create, which said {failed.out!r}")
    for part in parts if host.tools == "hospes" else ():
        inside(failed.out, part, "the message")
    assert guest.row() is None, f"{guest.name} is there all the same"
    return failed.out


@scenario(full=True)
def claimed_while_it_is_built(host):
    """What a guest will need is claimed at once and used up bit by bit; xl info and xl claims show what is left."""
    free, claimed = facts(host)
    same(claimed, 0, "MB claimed before")
    size = free * 6 // 10
    guest, other = (Guest(host, name, memory=size) for name in ("first", "other"))
    guest.write()
    creator = host.check(f"set {guest.path} {guest.name}\n{CATCH}", 300).strip()
    try:
        now, claimed = facts(host)
        row = next(line for line in host.check("xl claims").splitlines() if line.startswith("first "))
        # The stock xl waits here until the other one is done.
        said = refused(host, other, f"needs {size + 2} MiB") if host.tools == "hospes" else ""
    finally:
        host.check(f"kill -CONT {creator}")
    host.wait_for(f"! kill -0 {creator} 2>/dev/null", 120, "the end of xl create")
    assert 0 < claimed <= size <= free - now <= size + 16, f"of {free} MB for {size} {now} are free, {claimed} claimed"
    same(int(row.split()[6]), claimed, f"claim in the row {row!r} of xl claims")
    if said:
        numbers = re.search(r"(\d+) MiB are free, of which (\d+) MiB are claimed", said)
        assert numbers, f"the message does not say what is free and claimed: {said}"
        same(int(numbers[2]), claimed, "MB claimed in the message")
        assert 0 <= int(numbers[1]) - now - claimed <= 1, f"{numbers[0]}, xl info: {now} unclaimed, {claimed} claimed"
    after, claimed = facts(host)
    same(claimed, 0, "MB claimed after")
    assert size <= free - after <= size + 16, f"{free} MB were free, {after} MB are, for a guest of {size} MB"
    guest.destroy()


@scenario()
def more_than_there_is(host):
    free, _ = facts(host)
    refused(host, Guest(host, "large", memory=free + 64), f"needs {free + 66} MiB, {free} MiB are free")
    same(facts(host), (free, 0), "MB free and claimed afterwards")


@scenario(full=True)
def without_claims(host):
    """claim_mode=0: xl claims warns, guests are built all the same, and what does not fit fails while it is built."""
    configure(host, "claim_mode=0")
    try:
        inside(host.check("xl claims 2>&1"), "claim_mode not enabled (see man xl.conf).", "xl claims")
        guest = Guest(host, "unclaimed").up()
        guest.destroy()
        refused(host, Guest(host, "large", memory=facts(host)[0] + 64))
    finally:
        configure(host)


@scenario(full=True)
def dom0_lends_what_is_missing(host):
    """autoballoon="on": dom0 gets smaller for a guest that does not fit beside it; "off" and "auto": it does not."""
    free, before = facts(host)[0], dom0_memory(host)
    guest = Guest(host, "lent", memory=free + 48)
    for mode in ("off", "auto"):
        configure(host, f'autoballoon="{mode}"')
        refused(host, guest, "autoballooning of dom0 is off")
    configure(host, 'autoballoon="on"')
    try:
        guest.create("-p")
        assert before - 256 <= dom0_memory(host) <= before - 48, f"dom0 has {dom0_memory(host)} MB, had {before} MB"
        guest.destroy()
    finally:
        configure(host)
        host.check(f"xl mem-set 0 {before}")
    host.wait_for(f"[ $(xl list 0 | awk 'NR == 2 {{print $3}}') = {before} ]", 60, f"dom0 to have {before} MB again")


@scenario(full=True, cells=OURS)
def dom0_gets_back_what_was_not_used(host):
    """A creation that fails after dom0 has lent memory; one for which dom0 would have to give too much."""
    free, before = facts(host)[0], dom0_memory(host)
    configure(host, 'autoballoon="on"')
    try:
        refused(host, Guest(host, "lent", memory=free + 48, vif=["bridge=nosuchbr"]), "nosuchbr")
        host.wait_for(f"[ $(xl list 0 | awk 'NR == 2 {{print $3}}') = {before} ]", 60, f"dom0 to have {before} MB again")
        refused(host, Guest(host, "lent", memory=free + before), f"dom0 with {before} MiB cannot give up the rest")
        same(dom0_memory(host), before, "dom0's memory")
    finally:
        configure(host)
