# SPDX-License-Identifier: MIT
"""`./hospes demo`: from nothing to a guest on Hospes."""
import os
import re
import sys
import time

from . import build, paths
from .boot import boot
from .cell import Host, Setup
from .debian import full_image, full_spec
from .dom0 import CommandFailed, HostLost
from .guest import Guest
from .images import Images


class Steps:
    def __init__(self, say):
        self.say, self.start = say, time.monotonic()

    def __call__(self, text):
        self.say(f"[{time.monotonic() - self.start:5.0f} s] {text}")


def version_of(host):
    info = dict(re.findall(r"(?m)^(\w+)\s*: (.*)$", host.check("xl info")))
    return info["xen_version"] if host.hypervisor == "xen" else info["xen_extra"].rpartition("hospes-")[2]


def demo(options, say):
    step = Steps(say)
    if options.tools != "debian" or (options.hypervisor == "hospes" and not os.environ.get("HOSPES_ELF")):
        step("building")
        build.build("release")
    images = Images(step)
    step("making the host image (from the cache when nothing changed)")
    full_image(images)
    if options.batch:
        return batch(options, images, step, say)
    say("In dom0, log in is not needed. Try:  xl info;  xl create /root/guest.cfg -c")
    options.smp, options.mem, options.dom0_mem, options.cpu = 2, 3072, 1024, None
    options.args, options.linux_args, options.gdb, options.full_dom0 = "", "", False, True
    return boot(options, say)


def batch(options, images, step, say):
    log = paths.build_dir() / "results" / "demo.log"
    log.unlink(missing_ok=True)
    step(f"booting {options.hypervisor} with Debian 12 as dom0 (console: {log})")
    start = time.monotonic()

    def make_spec(*args):
        return full_spec(*args, agent=True)
    try:
        host = Host(images, options.hypervisor, options.tools, Setup(mem=3072, dom0_mem=1024), log,
                    make_spec=make_spec)
    except (HostLost, RuntimeError, AssertionError) as why:
        print(f"demo: the host did not come up: {why}", file=sys.stderr)
        return 1
    try:
        step("dom0 and its toolstack are up; creating the guest")
        guest = Guest(host, "guest")
        guest.config = host.check("cat /root/guest.cfg")
        guest.create()
        line = guest.wait("GUEST-UP", 240)
        guest.wait("GUEST-READY", 120)
        seconds = time.monotonic() - start
        say(guest.console().replace("\r", ""))
        kind = re.search(r"type=(\w+)", line)[1]
        version = version_of(host)
        host.power_off()
    except (HostLost, CommandFailed, AssertionError) as why:
        print(f"demo: no guest: {why}", file=sys.stderr)
        return 1
    finally:
        host.close()
    name = "Hospes" if options.hypervisor == "hospes" else "Xen"
    say(f"demo: guest guest ({kind}) up on {name} {version} in {seconds:.0f} s")
    return 0
