# SPDX-License-Identifier: MIT
"""`./hospes bench tools`: our toolstack beside Debian's, on the same hypervisor with the same dom0 image,
boots alternating, medians, ratios."""
import argparse
import json
import re
import statistics
import sys

from . import build, paths
from .cell import Host, Setup
from .guest import Guest
from .images import Images

ORDER = ("hospes", "debian")
MANY = 50        # creations for "the 50th against the first"
WITH_GUESTS = 10  # running guests when the daemons are weighed
ROUNDS = 5       # repetitions of what is quick; the first is a warm-up and not counted
SMALL = "/root/guests/hello.elf"

# bash's own clock: a fork for `date` would be a good part of an `xl list`.
TIMED = """
now() { echo ${EPOCHREALTIME/./}; }
a=$(now); SCRIPT >/run/bench.out 2>&1 || { cat /run/bench.out; exit 1; }
echo took $(($(now) - a))
"""

# Proportional, so that what two processes share counts once. A daemon is whatever the toolstack left running.
WEIGH = r"""
total=0
for p in /proc/[0-9]*; do
    read -r name <$p/comm 2>/dev/null || continue
    case $name in xenstored|xenconsoled|xl|xl-*|hospes-*|qemu*) ;; *) continue ;; esac
    kb=$(awk '/^Pss:/{print $2}' $p/smaps_rollup 2>/dev/null)
    total=$((total + ${kb:-0}))
done
echo $total
"""


def timed(host, script, timeout=240):
    """Milliseconds by dom0's clock, so that the console's pace does not count."""
    out = host.check(TIMED.replace("SCRIPT", f"{{ {script}; }}"), timeout)
    return int(re.search(r"took (\d+)", out)[1]) / 1000


def weigh(host):
    return int(host.check(WEIGH, 120)) / 1024


def furnished(host, name, kind):
    """A guest with a disk and a vif."""
    host.check(f"[ -e /run/{name}.img ] || dd if=/dev/zero of=/run/{name}.img bs=1M count=8 2>/dev/null")
    guest = Guest(host, name, kind=kind, vif=["bridge=xenbr0"],
                  disk=[f"format=raw, vdev=xvda, access=rw, target=/run/{name}.img"])
    guest.write()
    return guest


def one_kind(host, kind, out):
    """Create to return, create to userspace, destroy."""
    guest = furnished(host, f"fig-{kind}", kind)
    taken = {"create": [], "userspace": [], "destroy": []}
    up = f"until grep -aq GUEST-UP {guest.log_file} 2>/dev/null; do sleep 0.02; done"
    for _ in range(ROUNDS + 1):
        taken["create"].append(timed(host, f"xl create -q {guest.path}"))
        taken["destroy"].append(timed(host, f"xl destroy {guest.name}"))
        taken["userspace"].append(timed(host, f"rm -f {guest.log_file}; xl create -q {guest.path}; {up}"))
        guest.destroy()
    for what, values in taken.items():
        out[f"{kind}_{what}"] = (statistics.median(values[1:]), "ms")


def many(host, out):
    """The way to 50 domains: paused, tiny, no devices: the toolstack's own work."""
    taken = []
    for n in range(MANY):
        guest = Guest(host, f"n{n}", memory=16, kernel=SMALL, ramdisk=None)
        guest.write()
        taken.append(timed(host, f"xl create -p -q {guest.path}"))
    # Single creations vary: compare the medians of five at either end.
    out["create_first"] = (statistics.median(taken[1:6]), "ms")
    out["create_50th"] = (statistics.median(taken[-5:]), "ms")
    out["growth_50th_to_first"] = (out["create_50th"][0] / out["create_first"][0], "x")
    out["xl_list_50_guests"] = (statistics.median(timed(host, "xl list") for _ in range(ROUNDS)), "ms")
    for n in range(MANY):
        host.check(f"xl destroy n{n}", 120)


def one_boot(images, hypervisor, tools, log):
    out = {}
    small = paths.build_dir() / "release" / "tests" / "guest" / SMALL.rsplit("/", 1)[1]
    host = Host(images, hypervisor, tools, Setup(mem=4096, dom0_mem=1024, files=((SMALL[1:], small),)), log)
    try:
        out["daemons_memory_0_guests"] = (weigh(host), "MB")
        out["xl_list_0_guests"] = (statistics.median(timed(host, "xl list") for _ in range(ROUNDS)), "ms")
        for kind in ("pv", "pvh") if hypervisor == "xen" else ("pv",):
            one_kind(host, kind, out)
        many(host, out)
        guests = [Guest(host, f"w{n}", memory=112).create() for n in range(WITH_GUESTS)]
        for guest in guests:
            guest.wait("GUEST-READY", 400)
        out["daemons_memory_10_guests"] = (weigh(host), "MB")
    finally:
        host.close()
    return out


def rows(hypervisor, runs):
    """One row per figure; runs is {toolstack: [one_boot's result]}."""
    found = []
    first = next(iter(runs.values()))[0]
    for name, (_, unit) in first.items():
        row = {"hypervisor": hypervisor, "name": name, "unit": unit, "ratio": None}
        for tools in runs:
            row[tools] = round(statistics.median(run[name][0] for run in runs[tools]), 3)
        if row.get("debian") and "hospes" in row:
            row["ratio"] = round(row["hospes"] / row["debian"], 3)
        found.append(row)
    return found


def table(found):
    lines = [f"{'on':7} {'figure':26} {'unit':>4} {'Hospes':>10} {'Debian':>10} {'ratio':>7}"]
    for row in found:
        cells = ["-" if row.get(k) is None else f"{row[k]:.2f}" for k in ("hospes", "debian", "ratio")]
        lines.append(f"{row['hypervisor']:7} {row['name']:26} {row['unit']:>4} {cells[0]:>10} "
                     f"{cells[1]:>10} {cells[2]:>7}")
    return "\n".join(lines)


def main(argv, say):
    parser = argparse.ArgumentParser(prog="hospes bench tools")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=3, help="boots of each toolstack")
    parser.add_argument("--hypervisors", default="hospes,xen")
    options = parser.parse_args(argv)

    def note(text):
        print(text, file=sys.stderr, flush=True)
    note("building")
    tree = build.build("release")
    images = Images(note)
    found = []
    for hypervisor in options.hypervisors.split(","):
        runs = {tools: [] for tools in ORDER}
        for number in range(options.runs):
            for tools in ORDER:
                note(f"run {number + 1} of {options.runs}: {tools}'s tools on {hypervisor}")
                log = paths.build_dir() / "results" / f"bench-{hypervisor}-{tools}-{number}.log"
                runs[tools].append(one_boot(images, hypervisor, tools, log))
        found += rows(hypervisor, runs)
    (tree / "bench_tools.json").write_text(json.dumps(found, indent=2) + "\n")
    say(json.dumps(found, indent=2) if options.json else table(found))
    return 0
