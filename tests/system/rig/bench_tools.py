# SPDX-License-Identifier: MIT
"""`./hospes bench tools`: our toolstack beside Debian's, on the same hypervisor with the same dom0 image,
boots alternating, medians, ratios."""
import re
import statistics

from . import paths
from .cell import Host, Setup
from .figures import AWAIT, arguments, finish, note, prepare
from .guest import Guest

ORDER = ("hospes", "debian")
MANY = 50    # creations for "the 50th against the first"
ENDS = 5     # single creations vary: medians of so many at either end,
LADDERS = 3  # of so many ways to 50: a quotient of near equals lay between 0.90 and 1.14 in four of them in one boot
ROUNDS = 4   # the first is a warm-up and not counted
PAUSE = 3    # seconds
HUNG_SECONDS = 100
SMALL = "/root/guests/hello.elf"

# Sections run as one script each: the way of a command over the console costs more than many of the things that are
# timed. bash's own clock: a fork for `date` would be a good part of an `xl list`.
TIMING = r"""
fail() { echo "FAILED $1"; cat /run/bench.out; exit 1; }
timed() { # name, command
    local name=$1 a b
    shift
    a=${EPOCHREALTIME/./}
    "$@" >/run/bench.out 2>&1 || fail "$*"
    b=${EPOCHREALTIME/./}
    echo "took $name $((b - a))"
}
"""

LISTS = r"""
for n in $(seq {rounds}); do timed {name} xl list; done
"""

# Under emulated SVM a PVH guest hangs now and then on Xen, with either toolstack: it is said, and tried again.
# The pause: freed memory is cleared by idle CPUs after `xl destroy` has returned. That is no creation's work, and whose
# destroy is slow would have most of it behind him.
ONE_KIND = r"""
left={rounds}
for n in $(seq {tries}); do
    [ $left != 0 ] || break
    rm -f {log}
    read -r -t {pause} -u $idle
    a=${{EPOCHREALTIME/./}}
    timed {kind}_create xl create -q {path}
    if await_guest {log} {limit}; then
        b=${{EPOCHREALTIME/./}}
        echo "took {kind}_userspace $((b - a))"
        set -- $(xl list {name} | tail -n 1)
        echo "took {kind}_guests_own $((10#${{6/./}} * 100000))"
        left=$((left - 1))
    else
        echo "took {kind}_hung 0"
        xl destroy {name} >/dev/null 2>&1 # unless it has crashed, and is gone
        continue
    fi
    timed {kind}_destroy xl destroy {name}
done
"""

# Paused, tiny, no devices: the toolstack's own work.
CREATIONS = r"""
for n in $(seq {many}); do
    sed "s/NAME/n$n/" {path} >/root/n.cfg
    timed create_$n xl create -p -q /root/n.cfg
done
"""

DESTRUCTIONS = r"""
for n in $(seq {many}); do timed destroy_bare xl destroy n$n; done
"""

# Resident, and proportional: what two processes share counts once there. A daemon is whatever the toolstack left running.
WEIGH = r"""
rss=0 pss=0
for p in /proc/[0-9]*; do
    read -r name <$p/comm 2>/dev/null || continue
    case $name in xenstored|xenconsoled|xl|xl-*|hospes-*|qemu*) ;; *) continue ;; esac
    while read -r key kb unit; do
        case $key in Rss:) rss=$((rss + kb)) ;; Pss:) pss=$((pss + kb)) ;; esac
    done <$p/smaps_rollup 2>/dev/null
done
echo $rss $pss
"""


def section(host, script, timeout, **words):
    """{name: [milliseconds, one for each time]} by dom0's clock."""
    found = {}
    for name, us in re.findall(r"took (\S+) (\d+)", host.check(TIMING + AWAIT + script.format(**words), timeout)):
        found.setdefault(name, []).append(int(us) / 1000)
    return found


def weigh(host, guests, out):
    resident, proportional = (int(kb) / 1024 for kb in host.check(WEIGH, 240).split())
    out[f"daemons_resident_{guests}_guests"] = (resident, "MB")
    out[f"daemons_memory_{guests}_guests"] = (proportional, "MB")


def furnished(host, name, kind):
    """A guest with a disk and a vif."""
    host.check(f"[ -e /run/{name}.img ] || dd if=/dev/zero of=/run/{name}.img bs=1M count=8 2>/dev/null")
    guest = Guest(host, name, kind=kind, vif=["bridge=xenbr0"],
                  disk=[f"format=raw, vdev=xvda, access=rw, target=/run/{name}.img"])
    guest.write()
    return guest


def lists(host, name, out):
    taken = section(host, LISTS, 300, name=name, rounds=ROUNDS)
    out[name] = (statistics.median(taken[name][1:]), "ms")


def one_kind(host, kind, out):
    """Create to return, create to userspace, destroy."""
    guest = furnished(host, f"fig-{kind}", kind)
    taken = section(host, ONE_KIND, 1200, kind=kind, path=guest.path, name=guest.name, log=guest.log_file, rounds=ROUNDS,
                    tries=2 * ROUNDS, limit=HUNG_SECONDS, pause=PAUSE)
    if hung := taken.pop(f"{kind}_hung", ()):
        note(f"{len(hung)} of {kind} did not come up within {HUNG_SECONDS} s")
    for name, values in taken.items():
        out[name] = (statistics.median(values[1:]), "ms")


def many(host, out):
    """The way to 50 domains and back, some times."""
    guest = Guest(host, "NAME", memory=16, kernel=SMALL, ramdisk=None)
    guest.write()
    first, last, destructions = [], [], []
    for ladder in range(LADDERS):
        taken = section(host, CREATIONS, 1800, many=MANY, path=guest.path)
        values = [taken[f"create_{n + 1}"][0] for n in range(MANY)]
        first += values[1:1 + ENDS]
        last += values[-ENDS:]
        if ladder + 1 == LADDERS:
            out["create_first"] = (statistics.median(first), "ms")
            out["create_50th"] = (statistics.median(last), "ms")
            out["growth_50th_to_first"] = (out["create_50th"][0] / out["create_first"][0], "x")
            lists(host, f"list_{MANY}_guests", out)
            weigh(host, MANY, out)
        destructions += section(host, DESTRUCTIONS, 1800, many=MANY)["destroy_bare"]
    out["destroy_bare"] = (statistics.median(destructions), "ms")


def one_boot(images, hypervisor, tools, log):
    out = {}
    small = paths.build_dir() / "release" / "tests" / "guest" / SMALL.rsplit("/", 1)[1]
    host = Host(images, hypervisor, tools, Setup(mem=4096, dom0_mem=1024, files=((SMALL[1:], small),), memory_there=True), log)
    try:
        weigh(host, 0, out)
        lists(host, "list_0_guests", out)
        for kind in ("pv", "pvh") if hypervisor == "xen" else ("pv",):
            one_kind(host, kind, out)
        many(host, out)
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


HEADS = (("on", 7, "hypervisor"), ("figure", 26, "name"), ("unit", -4, "unit"), ("Hospes", -10, "hospes"),
         ("Debian", -10, "debian"), ("ratio", -7, "ratio"))


def main(argv, say):
    options = arguments("hospes bench tools", 1, "boots of each toolstack").parse_args(argv)
    tree, images = prepare()
    found = []
    for hypervisor in options.hypervisors.split(","):
        runs = {tools: [] for tools in ORDER}
        for number in range(options.runs):
            for tools in ORDER:
                note(f"run {number + 1} of {options.runs}: {tools}'s tools on {hypervisor}")
                log = paths.build_dir() / "results" / f"bench-{hypervisor}-{tools}-{number}.log"
                runs[tools].append(one_boot(images, hypervisor, tools, log))
        found += rows(hypervisor, runs)
    return finish(found, tree / "bench_tools.json", options, HEADS, say)
