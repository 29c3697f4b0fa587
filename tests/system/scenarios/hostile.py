# SPDX-License-Identifier: MIT
"""Guests that try to break out (tests/guest/): each ends with its own verdict, a bystander and dom0 keep
running, and no memory is lost."""
import os
import re

from rig import paths
from rig.dom0 import HostLost
from rig.guest import Guest
from rig.scenario import same, scenario

# A fuzzer may say any reason when it ends.
ENDS = ("poweroff", "reboot", "crash", "watchdog", "soft_reset")
NAMES = sorted(p.parent.name for p in (paths.ROOT / "tests" / "guest").glob("*/main.cpp"))


def attack(host, name, extra="", timeout=300):
    bystander = Guest(host, "bystander").up()
    guest = Guest(host, f"hostile-{name}", kernel=f"/root/guests/{name}.elf", ramdisk=None, memory=32,
                  vcpus=2, lines=[f'on_{end} = "preserve"' for end in ENDS])
    guest.config = re.sub(r'extra = "[^"]*"', f'extra = "{extra}"', guest.config)
    guest.create()
    verdict = guest.wait(f"PASS {name}|FAIL {name}", timeout)
    # A fuzzer may have named a reason for its end that nobody knows: then xl has destroyed it.
    host.run(f"xl destroy {guest.name}", 90)
    guest.gone()
    same(verdict.startswith(f"PASS {name}"), True, f"verdict {verdict!r}")
    same(bystander.shell("echo $((6*7))", 90), "42", "the bystander")
    bystander.destroy()


def define(name):
    def run(host):
        attack(host, name)
    run.__name__ = name.replace("-", "_")
    run.__module__ = __name__
    scenario(boot="hostile", full=True)(run)


@scenario(boot="hostile", full=True)
def vector_registers_survive(host):
    """Four processes in dom0 check their registers while a guest uses its own on the same CPUs."""
    guest = Guest(host, "busy").up()
    guest.shell("(while :; do sha256sum /bin/busybox >/dev/null; done) &")
    host.check("/root/vector_stress 15 4", 120)
    guest.destroy()


for each in NAMES:
    if each not in ("fuzz", "xenstore-hostile"):  # the latter needs a partner: see store.py
        define(each)


@scenario(boot="hostile", full=True)
def fuzz_short(host):
    attack(host, "fuzz", "seed=1 calls=20000")


@scenario(boot="hostile", full=True)
def fuzz(host):
    """A million calls, seeded: HOSPES_SEED repeats a run."""
    seed = os.environ.get("HOSPES_SEED") or str(int.from_bytes(os.urandom(3), "little"))
    try:
        attack(host, "fuzz", f"seed={seed} calls=1000000", 3600)
    except (AssertionError, HostLost) as why:
        raise type(why)(f"HOSPES_SEED={seed}: {why}") from None
