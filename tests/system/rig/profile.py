# SPDX-License-Identifier: MIT
"""`./hospes profile COMMAND`: where the machine's time goes while dom0 runs a command. QEMU is stopped some hundred
times a second and each CPU's instruction pointer is read; stopped time does not pass for the machine."""
import bisect
import collections
import random
import re
import subprocess
import time

from . import build, paths
from .bench import DOM0_MB, HOST_MB, TREE
from .cell import Host, Setup
from .images import Images
from .machine import Monitor

HYPERVISOR = range(0xffff_8000_0000_0000, 0xffff_8800_0000_0000)  # public/xen.h: what no PV guest may use


class Symbols:
    """Sorted (address, name) pairs; find() gives the last name at or before an address."""

    def __init__(self, text):
        found = sorted((int(m[1], 16), m[2]) for m in re.finditer(r"(?m)^([0-9a-f]+) [tTwW] (\S+.*)$", text))
        self.starts, self.names = [a for a, _ in found], [n for _, n in found]

    def find(self, address):
        at = bisect.bisect_right(self.starts, address) - 1
        return self.names[at] if at >= 0 else hex(address)


def sample(monitor, counts, place):
    monitor.say("stop")
    text = monitor.say("info registers -a")
    monitor.say("cont")
    for rip, halted in re.findall(r"RIP=([0-9a-f]{16}).*?HLT=(\d)", text, re.S):
        counts[("idle", "") if halted == "1" else place(int(rip, 16))] += 1


def placer(hypervisor_symbols):
    def place(address):
        if address in HYPERVISOR:
            return "hypervisor", hypervisor_symbols.find(address) if hypervisor_symbols else hex(address & ~0xfff)
        return ("kernel", f"{address:016x}") if address >> 63 else ("user", "")
    return place


def kernel_names(host, counts):
    """The counts with the kernel's addresses replaced by function names, which dom0 itself looks up: its list is too
    long for the console."""
    addresses = sorted({name for kind, name in counts if kind == "kernel"})
    names = {}
    for start in range(0, len(addresses), 200):
        some = " ".join(addresses[start:start + 200])
        out = host.check(f"(sed -n 's/ [tT] / /p' /proc/kallsyms; for a in {some}; do echo $a '~'; done) | sort | "
                         "awk '$2 == \"~\" { print $1, name; next } { name = $2 }'", 120)
        names.update(line.split() for line in out.splitlines())
    named = collections.Counter()
    for (kind, name), n in counts.items():
        named[kind, names.get(name, name) if kind == "kernel" else name] += n
    return named


def profile(options, say):
    tree = build.build(TREE, ["dom0_bench"] + ["hospes_image"] * (options.hypervisor == "hospes"))
    setup = Setup(mem=HOST_MB, dom0_mem=DOM0_MB, smp=options.smp, tree=TREE,
                  files=(("root/dom0_bench", tree / "tests" / "bench" / "dom0_bench"),))
    host = Host(Images(say), options.hypervisor, options.tools, setup,
                paths.build_dir() / "results" / f"profile-{options.hypervisor}.log")
    try:
        own = None
        if options.hypervisor == "hospes":
            own = Symbols(subprocess.run(["nm", "-C", str(tree / "hypervisor" / "hospes.elf")], text=True, check=True,
                                         stdout=subprocess.PIPE).stdout)
        host.check("echo 1 >/proc/sys/kernel/kptr_restrict")
        host.check(f"(while :; do {options.command}; done) >/dev/null 2>&1 &")
        counts, monitor = collections.Counter(), Monitor(host.machine.dir)
        end = time.monotonic() + options.seconds
        while time.monotonic() < end:
            sample(monitor, counts, placer(own))
            time.sleep(random.uniform(0.002, 0.006))
        counts = kernel_names(host, counts)
    finally:
        host.close()
    report(counts, options.top, say)
    return 0


def report(counts, top, say):
    busy = collections.Counter({k: n for k, n in counts.items() if k[0] != "idle"})
    total = max(1, busy.total())
    say(f"{counts.total()} samples, {100 * counts[('idle', '')] / max(1, counts.total()):.0f} % idle; of the rest:")
    for kind in ("hypervisor", "kernel", "user"):
        part = sum(n for (k, _), n in busy.items() if k == kind)
        say(f"{100 * part / total:5.1f} % {kind}")
    for (kind, name), n in busy.most_common(top):
        say(f"{100 * n / total:5.1f} % {kind:10} {name}")
