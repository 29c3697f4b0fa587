# SPDX-License-Identifier: MIT
"""`./hospes bench store`: our xenstored beside Debian's two, in the same dom0 and the same run."""
import json
import statistics

from . import paths
from .cell import Host, Setup
from .figures import arguments, finish, note, prepare

# name -> how it is started in a dom0 where no other daemon runs, and where it keeps files in memory
DAEMONS = {
    "hospes": ("/usr/lib/hospes/bin/xenstored --no-fork", "--state /run/xenstored/state"),
    # Without its connection to dom0's kernel it crashes on the first node.
    "c": ("/usr/lib/xen-4.17/bin/xenstored --no-fork", ""),
    "ocaml": ("/usr/lib/xen-4.17/bin/oxenstored --no-fork", ""),
}
OTHERS = ("c", "ocaml")
NODES, WATCHES, MANY_NODES = 20000, 100, 1_000_000
# figure -> key of the measurement; less is better
FIGURES = {"cpu": "daemon_cpu_us", "time": "wall_us", "node": "bytes_per_node"}
UNITS = {"cpu": "us", "time": "us", "node": "B"}

SCRIPT = """
kill -9 $(pidof xenconsoled xenstored oxenstored) 2>/dev/null
rm -rf /run/xenstored/*
{command} >/run/daemon.log 2>&1 &
pid=$!
n=0
until [ -S /run/xenstored/socket ] || [ $n = 100 ]; do sleep 0.1; n=$((n + 1)); done
/root/xenstore_bench /run/xenstored/socket $pid --seconds {seconds} {options}
status=$?
kill -9 $pid
[ $status = 0 ] || tail -3 /run/daemon.log
exit $status
"""


def measured(host, name, options, seconds, timeout):
    """{(op, mode): measurement} of one daemon."""
    command, state = DAEMONS[name]
    out = host.check(SCRIPT.format(command=command, options=f"{options} {state}", seconds=seconds), timeout)
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return {(m["op"], m["mode"]): m for m in lines}


def one_boot(images, hypervisor, binary, log, options):
    """[(daemon, nodes, {(op, mode): measurement})]"""
    setup = Setup(mem=3072, dom0_mem=1536, files=(("root/xenstore_bench", binary),))
    host = Host(images, hypervisor, "debian-xl+hospes-store", setup, log)
    try:
        found = [(name, NODES, measured(host, name, f"--nodes {NODES} --watches {WATCHES}", options.seconds, 600))
                 for name in DAEMONS]
        if options.many:
            found.append(("hospes", MANY_NODES,
                          measured(host, "hospes", f"--nodes {MANY_NODES} --watches 1000", options.seconds, 1200)))
        return found
    finally:
        host.close()


def median(boots, daemon, nodes, key, figure):
    values = [m[key][FIGURES[figure]] for boot in boots for name, n, m in boot
              if name == daemon and n == nodes and key in m and FIGURES[figure] in m[key]]
    return statistics.median(values) if values else None


def rows(boots, prefix):
    keys = dict.fromkeys(key for boot in boots for _, _, m in boot for key in m)
    out = []
    for figure in FIGURES:
        for key in keys:
            values = {d: median(boots, d, NODES, key, figure) for d in DAEMONS}
            if values["hospes"] is None:
                continue
            row = {"name": f"{prefix}{key[0]}_{key[1]}_{figure}", "unit": UNITS[figure], **values,
                   "runs": len(boots)}
            for other in OTHERS:
                row[f"ratio_{other}"] = round(values["hospes"] / values[other], 3) if values[other] else None
            many = median(boots, "hospes", MANY_NODES, key, figure)
            row["ratio_many"] = round(many / values["hospes"], 3) if many else None
            out.append(row)
    return out


# Ratios: ours to each of the others', and ours with a million nodes to ours with few.
HEADS = (("figure", 44, "name"), ("unit", -4, "unit"), ("Hospes", -10, "hospes"), ("C", -10, "c"),
         ("OCaml", -10, "ocaml"), (": C", -7, "ratio_c"), (": OCaml", -7, "ratio_ocaml"), ("1M", -6, "ratio_many"))


def main(argv, say):
    parser = arguments("hospes bench store", 1)
    parser.add_argument("--seconds", type=float, default=0.5, help="for each measurement")
    parser.add_argument("--many", action="store_true", help="also with a million nodes")
    options = parser.parse_args(argv)
    tree, images = prepare()
    found = []
    for hypervisor in options.hypervisors.split(","):
        boots = []
        for run in range(options.runs):
            note(f"run {run + 1} of {options.runs} on {hypervisor}")
            log = paths.build_dir() / "results" / f"bench-store-{hypervisor}-{run}.log"
            boots.append(one_boot(images, hypervisor, tree / "tests" / "bench" / "xenstore_bench", log, options))
        found += rows(boots, f"{hypervisor}_")
    return finish(found, tree / "bench-store.json", options, HEADS, say)
