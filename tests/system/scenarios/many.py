# SPDX-License-Identifier: MIT
"""Many guests: at once and one after the other."""
from rig.guest import Guest
from rig.scenario import same, scenario


@scenario(boot="many", full=True)
def twenty_guests(host):
    guests = [Guest(host, f"many{n}", memory=112).create() for n in range(20)]
    for guest in guests:
        guest.wait("GUEST-READY", 400)
    same(len(host.domains()), 21, "domains in xl list")
    same(guests[7].shell("echo $((6*7))"), "42", "one in the middle answers")
    for guest in guests:
        guest.destroy()


def cycles(host, count):
    Guest(host, "cycle").write()
    host.check("xl create -q /root/cycle.cfg && xl destroy cycle", 120)
    for start in range(0, count, 5):
        host.check("for i in 1 2 3 4 5; do xl create -q /root/cycle.cfg && xl destroy cycle || exit 1; "
                   "done", 300)


@scenario()
def five_cycles(host):
    cycles(host, 5)


@scenario(full=True)
def fifty_cycles(host):
    cycles(host, 50)
