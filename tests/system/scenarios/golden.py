# SPDX-License-Identifier: MIT
"""Our xl against Debian's in one boot: the same command with both, what differs by nature masked, the rest
letter for letter. tests/golden/xl holds what the stock tool printed when the verbs were written."""
import base64
import re
import struct

from rig.guest import Guest
from rig.scenario import same, scenario

OURS, STOCK = "/usr/lib/hospes/bin/xl", "/usr/lib/xen-4.17/bin/xl"
CELLS = ("xen:hospes", "hospes:hospes", "xen:hospes-xl+debian-store")

LOOKS = """list; list -v; list -Z; list -c; list -n; list -vcnZ; list 0; list -v Domain-0; list 77; list 0 0; vm-list
info; info -n; info nr_cpus; info free; info nosuch; domid Domain-0; domid 0; domid nosuch; domname 0; domname 77
domname x; uptime; uptime -s; uptime 0; uptime nosuch; claims; sharing; sharing 0; sharing 0 0; vcpu-list; vcpu-list 0
vcpu-list 0 0; vcpu-list nosuch; sched-credit2; sched-credit2 -s; sched-credit2 -d 0; sched-credit2 -p Pool-0
sched-credit2 -s -p Pool-0; sched-credit2 -p nope; sched-credit2 -w 5; sched-credit2 -p Pool-0 -d 0; sched-credit
sched-credit -d 0; sched-credit -s -d 0; sched-rtds; cpupool-list; cpupool-list -c; cpupool-list Pool-0
cpupool-list nope; cpupool-list -c Pool-0; getenforce; setenforce 1; setenforce x; loadpolicy /nosuch
loadpolicy /etc/passwd; block-list 0; network-list 0; channel-list 0; network-list nosuch"""

MISTAKES = """nosuch; list -Q; vcpu-pin; vcpu-pin 0; pause; pause nosuch; unpause nosuch; destroy; destroy nosuch
destroy 0; shutdown; reboot; shutdown nosuch; rename 0; rename nosuch x; trigger 0; trigger 0 foo; trigger nosuch nmi
sysrq 0; sysrq 0 hh; debug-keys; mem-max 0; mem-max 0 x; mem-set 0 x; mem-set nosuch 5; vcpu-set 0 x; vcpu-set 0 99
vcpu-set nosuch 1; vcpu-pin 0 x 0; vcpu-pin 0 0 foo; vcpu-pin 0 0 77; vcpu-pin -f 0 all 0; vcpu-pin nosuch 0 0
cpupool-destroy nope; cpupool-rename nope x; cpupool-migrate nosuch Pool-0; cpupool-migrate 0 nope
cpupool-cpu-add nope 1; cpupool-cpu-add Pool-0 foo; cpupool-cpu-remove nope 1; cpupool-create
cpupool-create name="p" sched="foo"; block-attach 0; block-detach 0; network-attach; network-detach 0
block-attach nosuch x; block-detach nosuch xvda; network-attach nosuch; network-detach nosuch 0; block-list nosuch
channel-list nosuch; config-update; config-update nosuch; config-update 0; create
create /nosuch.cfg; create /root/guest.cfg /root/other.cfg; dump-core 0; dump-core nosuch /tmp/x; vncviewer
vncviewer nosuch; -N list; -x list; button-press 0 foo; help nosuch; list -h; pause -h; vcpu-set -h; domid -h"""

DRY = """-N vcpu-pin 0 all 0; -N vcpu-pin 0 0 0 1; -N vcpu-pin 0 0 - 1; -N vcpu-pin 0 all all
-N cpupool-create name="p2" sched="credit"; -N block-attach 0 /root/e.img,raw,xvdc,w
-N network-attach 0 mac=00:16:3e:00:00:03 bridge=xenbr0"""

GUEST = """list; list G; list -v G; list -Z G; list -c G; list -n G; domid G; vm-list; uptime G; uptime -s G
vcpu-list G; sched-credit2; sched-credit2 -d G; cpupool-list; block-list G; block-list 0 G; network-list G
network-list G G; channel-list G; claims; sharing; sharing G; list G nosuch; vcpu-list G nosuch; block-list G nosuch"""

# The life of a guest, first with one tool, then with the other. F is its configuration file.
LIFE = """create -p F; create -p F; list G; vcpu-list G; block-list G; network-list G; sched-credit2 -d G -w 300 -c 20
sched-credit2 -d G; vcpu-pin G 0 1; vcpu-pin G 1 all 0; vcpu-pin G all 0-1; vcpu-list G; vcpu-set G 1; vcpu-set G 9
mem-set G 120; mem-set G 900; mem-max G 200; mem-max G 90; list G; vm-list; rename G other; list G; list other
rename other G; rename G Domain-0; cpupool-migrate G Pool-0; trigger G nmi; sysrq G h; unpause G; unpause G; pause G
block-detach G xvdz; network-detach G 7; destroy G; destroy G; list G; domid G
create -q F; destroy G; create -q -p F name="G"; destroy G"""


def words(table):
    return [c.strip() for line in table.splitlines() for c in line.split(";") if c.strip()]


def quoted(command):
    return command.replace('"', '\\"')


def answers(host, tools, commands):
    """[(status, out, err) of each tool] for each command; the tools take turns."""
    said = [[] for _ in commands]
    for start in range(0, len(commands), 20):
        script = "".join(
            f"for x in {' '.join(tools)}; do timeout 150 $x {quoted(c)} >/tmp/o 2>/tmp/e </dev/null; "
            f"printf '\\001{start + n} %s\\002' $?; cat /tmp/o; printf '\\002'; cat /tmp/e; done\n"
            for n, c in enumerate(commands[start:start + 20]))
        for piece in host.check(script, 900).split("\x01")[1:]:
            head, out, err = piece.split("\x02")
            number, status = head.split()
            said[int(number)].append((int(status), out, err))
    return said


def masked(command, text):
    """Without what two runs of the same tool would print differently as well."""
    text = re.sub(r"(?m)^(free_memory +: )\d+", r"\1N", text)
    text = re.sub(r"(?m)^( +0: +\d+ +)\d+( +10)$", r"\1N\2", text)  # memfree of node 0
    text = re.sub(r" +\d+\.\d(?=\s)", " TIME", text)
    text = re.sub(r"(?<=\s)[r-][b-]([p-][s-][rscwS-][d-])(?=\s)", r"..\1", text)
    text = re.sub(r"(?<=\s)[r-][b-]-(?=\s)", "..-", text)
    text = re.sub(r"\d+:\d\d(:\d\d)?", "CLOCK", text)
    if command.startswith("vcpu-list"):
        text = re.sub(r"(?m)^(\S+ +[\dD]+ +\d+ +)\d+", r"\1C", text)
    if "Usage:" in text:
        # Ours names --json and has notes of its own; unit tests compare the texts of all verbs.
        text = text[:text.find("\n", text.find("Usage:"))]
    return "\n".join(line.rstrip().replace("[-vtT", "[-vtT") for line in text.splitlines() if line.strip())


def messages(text):
    """What the tool itself says, without its library's log, the name it was called by, and a line for debugging."""
    return [line for line in text.splitlines() if line.strip() and not re.match(
        r"(libxl|xc|xencall\S*): |Failed to read config file: /etc/|/usr/lib/|got a tsc mode string", line)]


def compare(host, commands):
    differences(commands, answers(host, (OURS, STOCK), commands))


def differences(commands, said):
    wrong = []
    for command, (ours, stock) in zip(commands, said):
        lines = [f"  {name}: {mine!r}, stock {theirs!r}" for name, mine, theirs in (
            ("status", ours[0], stock[0]),
            ("stdout", masked(command, ours[1]), masked(command, stock[1]))) if mine != theirs]
        missing = [line for line in messages(stock[2]) if line not in ours[2].splitlines()]
        if missing:
            lines.append(f"  stderr: no {missing!r} in {ours[2]!r}")
        if lines:
            if ours[0] != stock[0]:
                lines.append(f"  all of stderr: {ours[2]!r}, stock {stock[2]!r}")
            wrong.append("\n".join([f"xl {command}", *lines]))
    assert not wrong, f"{len(wrong)} of {len(commands)} answers differ:\n" + "\n".join(wrong)


@scenario(full=True, cells=CELLS)
def looks(host):
    compare(host, words(LOOKS))


@scenario(full=True, cells=CELLS)
def mistakes(host):
    compare(host, words(MISTAKES))


@scenario(full=True, cells=CELLS)
def dry_runs(host):
    compare(host, words(DRY))


@scenario(full=True, cells=CELLS)
def overview(host):
    """xl help: the stock verbs in the stock order; verbs of our own come after them."""
    ours, stock = (host.check(f"{x} help") for x in (OURS, STOCK))
    want = [line.rstrip() for line in stock.splitlines() if line.strip()]
    have = [line.rstrip() for line in ours.splitlines() if line.strip()]
    wrong = [f"{mine!r}, stock {theirs!r}" for mine, theirs in zip(have, want) if mine != theirs]
    assert not wrong and len(have) >= len(want), "xl help differs:\n" + "\n".join(wrong)


def with_devices(host):
    host.check("dd if=/dev/zero of=/run/golden.img bs=1M count=1 2>/dev/null")
    return Guest(host, "golden", vcpus=2, disk=["/run/golden.img,raw,xvda,w"],
                 vif=["mac=00:16:3e:00:00:41,bridge=xenbr0"], lines=["maxvcpus = 3", "cpu_weight = 512"])


@scenario(full=True, cells=CELLS)
def with_a_guest(host):
    guest = with_devices(host).create("-p")
    compare(host, [c.replace("G", guest.name) for c in words(GUEST)])
    guest.destroy()
    host.check("rm /run/golden.img")


@scenario(full=True, cells=CELLS)
def life(host):
    """What a script sees that makes a guest, changes and ends it. Domain ids differ from one guest to the next."""
    guest = with_devices(host)
    guest.write()
    commands = [re.sub(r"\bG\b", guest.name, c).replace("F", guest.path) for c in words(LIFE)]
    said = []
    for tool in (OURS, STOCK):
        first = host.domains()
        one = [answer for answer, in answers(host, (tool,), commands)]
        same(host.domains(), first, f"domains after a life with {tool}")
        said.append([tuple(anonymous(text) for text in answer) for answer in one])
    differences(commands, list(zip(*said)))
    host.check("rm /run/golden.img")


def anonymous(text):
    """Without domain ids and the widths that come of them."""
    if isinstance(text, int):
        return text
    text = re.sub(r"(?m)^(golden|other|Domain-0|[0-9a-f-]{36}) +\d+", r"\1 D", text)
    text = re.sub(r"(domain |Domain |domid |/vbd/|/vif/)\d+", r"\1D", text)
    text = re.sub(r"(?m)^(\d+ +\d+ +)\d+( .*/backend/)", r"\1D\2", text)  # what block-list calls the handle
    text = re.sub(r"(?m)^[0-9a-f-]{36} ", "UUID ", text)
    return re.sub(r" +", " ", text)


def piece(host, path, at, size):
    return base64.b64decode(host.check(f"tail -c +{at + 1} {path} | head -c {size} | base64 -w0"))


def sections(host, path):
    """The sections of a core file: {name: (type, flags, address, offset, size, ...)}, and its header."""
    header = piece(host, path, 0, 64)
    shoff, = struct.unpack_from("<Q", header, 40)
    size, count, names_at = struct.unpack_from("<HHH", header, 58)
    table = piece(host, path, shoff, size * count)
    heads = [struct.unpack_from("<IIQQQQIIQQ", table, size * n) for n in range(count)]
    names = piece(host, path, heads[names_at][4], heads[names_at][5])
    found = {names[name:names.index(b"\0", name)].decode(): rest for name, *rest in heads}
    return header.hex(), found


def rings(host, domid):
    """Frames of the console's and the store's rings: their daemons empty them though the guest is paused."""
    return host.check(f"xenstore-read /local/domain/{domid}/console/ring-ref /local/domain/{domid}/store/ring-ref").split()


def ring_pages(host, path, places, domid):
    """Where a core of a PV guest has its rings."""
    table, length = places[".xen_p2m"][3:5]
    console, store = rings(host, domid)
    found = host.check(f"tail -c +{table + 1} {path} | head -c {length} | od -An -v -t u8 -w16 | "
                       f"awk '$2 == {console} || $2 == {store} {{ print NR - 1 }}'").split()
    same(len(found), 2, "rings in the core's memory list")
    return {places[".xen_pages"][3] // 4096 + int(n) for n in found}


def dumped(host):
    """The core files of both tools: their sections."""
    for name, xl in (("ours", OURS), ("stock", STOCK)):
        host.check(f"{xl} dump-core cored /run/core.{name}", 240)
    return tuple(sections(host, f"/run/core.{name}") for name in ("ours", "stock"))


def pages_that_differ(host, ours=0, stock=0, size=""):
    """Numbers of pages from the two places in the files on."""
    out = host.check(f"cmp -l {size and f'-n {size}'} /run/core.ours /run/core.stock {ours} {stock} | "
                     "awk '{ print int(($1 - 1) / 4096) }' | uniq | head -50", 240)
    return {int(page) for page in out.split()}


def pv_differences(host, domid):
    (header, places), stock = dumped(host)
    same((header, places), stock, "header and sections")
    at, length = places[".xen_shared_info"][3:5]
    return pages_that_differ(host) - ring_pages(host, "/run/core.stock", places, domid) - {
        at // 4096, (at + length - 1) // 4096}


def frame_runs(host, path, places):
    """The frames that a core of a translated guest has: [(frame, its place in the file, how many follow each other)]."""
    table, length = places[".xen_pfn"][3:5]
    out = host.check(f"tail -c +{table + 1} {path} | head -c {length} | od -An -v -t u8 -w8 | "
                     "awk 'NR == 1 || $1 != last + 1 { print NR - 1, $1 } { last = $1 } END { print NR, 0 }'")
    rows = [tuple(map(int, line.split())) for line in out.splitlines()]
    return [(frame, places[".xen_pages"][3] + at * 4096, end - at) for (at, frame), (end, _) in zip(rows, rows[1:])]


PVH_MB = 192


def pvh_differences(host, domid):
    """Ours begins with what is placed below 4 GiB and ends when memory has been seen whole. The stock tool leaves that
    and the VGA hole out, looks at every frame below 4 GiB, which takes minutes, and fills up with frames that are none."""
    (header, places), (stock_header, stock) = dumped(host)
    same((header, set(places)), (stock_header, set(stock)), "header and sections")
    notes = [piece(host, f"/run/core.{name}", where[".note.Xen"][3], where[".note.Xen"][4])
             for name, where in (("ours", places), ("stock", stock))]
    same(*(note[:48] + note[56:] for note in notes), "notes but for the number of pages")
    same(places[".xen_prstatus"], stock[".xen_prstatus"], "section of the registers")
    same(pages_that_differ(host, *[places[".xen_prstatus"][3]] * 2, places[".xen_prstatus"][4]), set(), "registers")
    ours, theirs = frame_runs(host, "/run/core.ours", places), frame_runs(host, "/run/core.stock", stock)
    wrong, common = set(), 0
    memory = [(frame, at, count) for frame, at, count in theirs if frame + count <= PVH_MB * 256]
    for frame, at, count in memory:
        for mine, place, length in ours:
            first, end = max(frame, mine), min(frame + count, mine + length)
            if first >= end:
                continue
            common += end - first
            wrong |= {first + page for page in pages_that_differ(
                host, place + (first - mine) * 4096, at + (first - frame) * 4096, (end - first) * 4096)}
    same(common, sum(count for *_, count in memory), f"frames of the stock tool's core in ours: {ours}, {theirs}")
    assert common >= PVH_MB * 256 - 0x20, f"the stock tool's core has {common} frames of memory"
    return wrong - {int(ring) for ring in rings(host, domid)}


def same_cores(host, guest, differences_of):
    """xl dump-core of a paused guest has what the stock tool's has. The hypervisor goes on writing the time."""
    guest.up()
    guest.shell("echo all said")  # or an event for its console sets bits in its memory later
    guest.xl("pause")
    # A timer that the guest has set may still go off: that writes bits once.
    wrong = {1}
    for _ in range(3):
        wrong = wrong and differences_of(host, guest.domid())
    guest.destroy()
    host.check("rm /run/core.ours /run/core.stock")
    assert not wrong, f"pages differ: {sorted(wrong)}"


@scenario(full=True, cells=CELLS)
def core_files(host):
    """The same file, byte for byte."""
    same_cores(host, Guest(host, "cored", memory=96, vcpus=2), pv_differences)


@scenario(full=True, cells=("xen:hospes",))
def core_files_of_pvh(host):
    """The same registers, notes and memory."""
    same_cores(host, Guest(host, "cored", memory=PVH_MB, vcpus=2, kind="pvh"), pvh_differences)


@scenario(full=True, cells=CELLS)
def json_everywhere(host):
    """--json on what prints data is JSON and says the same as the table."""
    import json
    rows = json.loads(host.check(f"{OURS} list --json"))
    assert rows[0]["name"] == "Domain-0" and rows[0]["domid"] == 0, rows
    info = json.loads(host.check(f"{OURS} info -n --json"))
    assert info["nr_cpus"] == str(host.setup.smp) and len(info["cpu_topology"]) == host.setup.smp, info
    for command in ("vcpu-list", "vm-list", "uptime", "claims", "sharing", "cpupool-list", "sched-credit2",
                    "sched-credit2 -s", "sched-credit2 -d 0", "domid Domain-0", "domname 0", "block-list 0",
                    "network-list 0", "channel-list 0", "dmesg"):
        json.loads(host.check(f"{OURS} {command} --json"))


@scenario(full=True, cells=CELLS)
def explain(host):
    """create --explain says what would be chosen, finds what is in the way, and does nothing."""
    guest = Guest(host, "planned")
    guest.write()
    plan = host.check(f"{OURS} create -q --explain {guest.path}")
    assert "type:" in plan and "memory:" in plan and "obstacle" not in plan, plan
    too_big = host.run(f"{OURS} create -q --explain {guest.path} memory=999999", 60)
    assert too_big.status == 1 and "obstacle:" in too_big.out, too_big
    assert "planned" not in host.domains(), "--explain created a domain"
