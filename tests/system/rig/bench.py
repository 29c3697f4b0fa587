# SPDX-License-Identifier: MIT
"""`./hospes bench`: the same dom0 on both hypervisors, boots alternating, medians, ratios."""
import collections
import pathlib
import re
import statistics
import struct

from . import paths
from .cell import Host, Setup, hospes_elf
from .elf import PT_LOAD
from .figures import AWAIT, arguments, finish, note, prepare
from .guest import Guest

# What is shipped: without the assertions and lock checks that the tests run with, as Debian's Xen is built.
TREE = "shipped"
PARTS = ("micro", "guests")

GUESTS = 20
LADDERS = 3    # 20th to first is a quotient of near equals: five creations at either end of one do not settle it
PROCESSES = 7  # of the micro-benchmarks, one after the other
ENDS = 5
DOM0_MB = 1024
HOST_MB = 4096


def micro(host, out):
    """Each process lies elsewhere in its address space, and an emulator's tables of translated code like some places
    better: fork and exec differ by half from one process to the next on either hypervisor. So: the median of some."""
    taken = {}
    for _ in range(PROCESSES):
        for line in host.check("/root/dom0_bench", 600).splitlines():
            name, nanoseconds = line.split()
            taken.setdefault(name, []).append(float(nanoseconds) / 1000)
    for name, values in taken.items():
        out[name] = (statistics.median(values), "us")


def timed(host, script, timeout=120):
    """Seconds by dom0's clock, so that the console's pace does not count."""
    out = host.check(f"a=$(date +%s%N); {script}; b=$(date +%s%N); echo took $((b - a))", timeout)
    return int(re.search(r"took (\d+)", out)[1]) / 1e9


def lost_memory(host):
    """MB of the machine's memory that no domain can get: hypervisor, tables, holes."""
    info = host.check("xl info")
    free = int(re.search(r"(?m)^free_memory\s*: (\d+)", info)[1])
    used = sum(int(line.split()[2]) for line in host.check("xl list").splitlines()[1:])
    return HOST_MB - free - used


def ladder(host, taken, out):
    """One guest after the other until there are twenty, and back."""
    made, seconds = [], []
    for n in range(GUESTS):
        guest = Guest(host, f"bench{n}", memory=112)
        guest.write()
        seconds.append(timed(host, f"xl create -p -q {guest.path}", 240))
        made.append(guest)
    # Single creations vary; the very first one warms the page cache.
    taken["xl_create_first"] += seconds[1:1 + ENDS]
    taken["xl_create_20th"] += seconds[-ENDS:]
    taken["xl_list_20_guests"] += [timed(host, "xl list >/dev/null") for _ in range(ENDS)]
    out["hypervisor_memory_20_guests"] = (lost_memory(host), "MB")
    taken["xl_destroy"] += [timed(host, f"xl destroy {guest.name}", 120) for guest in made]


def guests(host, out):
    """First guest, the 20th beside 19 others, the way to its userspace, the way out."""
    out["hypervisor_memory_0_guests"] = (lost_memory(host), "MB")
    taken = collections.defaultdict(list)
    for _ in range(LADDERS):
        ladder(host, taken, out)
    for name, seconds in taken.items():
        out[name] = (statistics.median(seconds) * 1000, "ms")
    out["xl_create_20th_to_first"] = (out["xl_create_20th"][0] / out["xl_create_first"][0], "x")
    up = []
    for n in range(3):
        guest = Guest(host, f"up{n}")
        guest.write()
        wait = f"await_guest {guest.log_file}"
        up.append(timed(host, f"{AWAIT}rm -f {guest.log_file}; xl create -q {guest.path}; {wait}", 240))
        guest.destroy()
    out["xl_create_to_userspace"] = (statistics.median(up) * 1000, "ms")


def one_boot(images, hypervisor, binary, log, parts, smp):
    out = {}
    setup = Setup(smp=smp, mem=HOST_MB, dom0_mem=DOM0_MB, files=(("root/dom0_bench", binary),), tree=TREE,
                  memory_there=True)
    host = Host(images, hypervisor, "debian", setup, log)
    try:
        out["loader_to_dom0_userspace"] = ((host.dom0_up - host.started) * 1000, "ms")
        if "micro" in parts:
            micro(host, out)
        if "guests" in parts:
            guests(host, out)
    finally:
        host.close()
    return out


def image_size(path: pathlib.Path):
    """Bytes that a boot loader reads of an ELF32 image: its loadable segments."""
    data = path.read_bytes()
    offset, = struct.unpack_from("<I", data, 28)
    size, count = struct.unpack_from("<HH", data, 42)
    headers = [struct.unpack_from("<5I", data, offset + i * size) for i in range(count)]
    return sum(filesz for kind, _, _, _, filesz in headers if kind == PT_LOAD)


def rows(results, order):
    units, out = {}, []
    for runs in results.values():
        for run in runs:
            units.update({name: unit for name, (_, unit) in run.items()})
    for name, unit in units.items():
        row = {"name": name, "unit": unit, "hospes": None, "xen": None, "ratio": None}
        for hypervisor in order:
            values = [run[name][0] for run in results[hypervisor] if name in run]
            if values:
                row[hypervisor] = round(statistics.median(values), 3)
        if row["hospes"] is not None and row["xen"]:
            row["ratio"] = round(row["hospes"] / row["xen"], 3)
        row["runs"] = max(len(results[h]) for h in order)
        out.append(row)
    return out


HEADS = (("figure", 32, "name"), ("unit", -5, "unit"), ("Hospes", -12, "hospes"), ("Xen 4.17", -12, "xen"),
         ("ratio", -7, "ratio"))


def main(argv, say):
    parser = arguments("hospes bench", 3)
    parser.add_argument("--smp", type=int, default=1, help="CPUs of the machine")
    parser.add_argument("--part", action="append", choices=PARTS, help="only these figures")
    options = parser.parse_args(argv)
    order = options.hypervisors.split(",")
    tree, images = prepare(TREE, ["dom0_bench"] + ["hospes_image"] * ("hospes" in order))
    binary = tree / "tests" / "bench" / "dom0_bench"
    results = {h: [] for h in order}
    for run in range(options.runs):
        for hypervisor in order if run % 2 == 0 else order[::-1]:
            note(f"run {run + 1} of {options.runs} on {hypervisor}")
            log = paths.build_dir() / "results" / f"bench-{hypervisor}-{run}.log"
            results[hypervisor].append(one_boot(images, hypervisor, binary, log,
                                                options.part or PARTS, options.smp))
    for hypervisor in order:
        elf = hospes_elf(TREE) if hypervisor == "hospes" else images.reference_xen()
        for run in results[hypervisor]:
            run["image_size"] = (image_size(elf) / 1024, "KiB")
    found = rows(results, order)
    return finish(found, tree / "bench.json", options, HEADS, say)
