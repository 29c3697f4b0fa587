# SPDX-License-Identifier: MIT
"""Our xl against Debian's in one boot: the same command with both, what differs by nature masked, the rest
letter for letter. tests/golden/xl holds what the stock tool printed when the verbs were written."""
import re

from rig.guest import Guest
from rig.scenario import scenario

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
block-attach nosuch x; network-detach nosuch 0; config-update; config-update nosuch; config-update 0; create
create /nosuch.cfg; create /root/guest.cfg /root/other.cfg; dump-core 0; dump-core nosuch /tmp/x; vncviewer
vncviewer nosuch; -N list; -x list; button-press 0 foo; help nosuch; list -h; pause -h; vcpu-set -h; domid -h"""

DRY = """-N vcpu-pin 0 all 0; -N vcpu-pin 0 0 0 1; -N vcpu-pin 0 0 - 1; -N vcpu-pin 0 all all
-N cpupool-create name="p2" sched="credit"; -N block-attach 0 /root/e.img,raw,xvdc,w
-N network-attach 0 mac=00:16:3e:00:00:03 bridge=xenbr0"""

GUEST = """list; list G; list -v G; list -c G; domid G; vm-list; uptime G; vcpu-list G; sched-credit2 -d G; block-list G
network-list G; channel-list G; claims; sharing G"""


def words(table):
    return [c.strip() for line in table.splitlines() for c in line.split(";") if c.strip()]


def quoted(command):
    return command.replace('"', '\\"')


def both(host, commands):
    """{command: ((status, out, err) of ours, of the stock one)}"""
    answers = {c: [] for c in commands}
    for start in range(0, len(commands), 20):
        part = commands[start:start + 20]
        script = "".join(
            f"for x in {OURS} {STOCK}; do timeout 60 $x {quoted(c)} >/tmp/o 2>/tmp/e </dev/null; "
            f"printf '\\001{n} %s\\002' $?; cat /tmp/o; printf '\\002'; cat /tmp/e; done\n"
            for n, c in enumerate(part))
        for piece in host.check(script, 400).split("\x01")[1:]:
            head, out, err = piece.split("\x02")
            number, status = head.split()
            answers[part[int(number)]].append((int(status), out, err))
    return answers


def masked(command, text):
    """Without what two runs of the same tool would print differently as well."""
    text = re.sub(r"(?m)^(free_memory +: )\d+", r"\1N", text)
    text = re.sub(r"(?m)^( +0: +\d+ +)\d+( +10)$", r"\1N\2", text)  # memfree of node 0
    text = re.sub(r" +\d+\.\d(?=\s)", " TIME", text)
    text = re.sub(r"(?<=\s)[r-][b-]([p-][s-][rscwS-][d-])(?=\s)", r"..\1", text)
    text = re.sub(r"(?<=\s)[r-][b-]-(?=\s)", "..-", text)
    text = re.sub(r"\d+:\d\d(:\d\d)?", "CLOCK", text)
    if command.startswith("vcpu-list"):
        text = re.sub(r"(?m)^(\S+ +\d+ +\d+ +)\d+", r"\1C", text)
    if " -h" in command or "Usage:" in text:
        # Ours names --json and has notes of its own; unit tests compare the texts of all verbs.
        text = text[:text.find("Options:")] if "Options:" in text else text.split("\n\n")[0]
    return "\n".join(line.rstrip().replace("[-vtT", "[-vtT") for line in text.splitlines() if line.strip())


def messages(text):
    """What the tool itself says, without its library's log and the name it was called by."""
    return [line for line in text.splitlines()
            if line.strip() and not re.match(r"(libxl|xc|xencall\S*): |Failed to read config file: /etc/|/usr/lib/", line)]


def compare(host, commands):
    wrong = []
    for command, (ours, stock) in both(host, commands).items():
        lines = [f"  {name}: {mine!r}, stock {theirs!r}" for name, mine, theirs in (
            ("status", ours[0], stock[0]),
            ("stdout", masked(command, ours[1]), masked(command, stock[1]))) if mine != theirs]
        missing = [line for line in messages(stock[2]) if line not in ours[2].splitlines()]
        if missing:
            lines.append(f"  stderr: no {missing!r} in {ours[2]!r}")
        if lines:
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
    assert have[:len(want)] == want, f"xl help differs:\n{ours}"


@scenario(full=True, cells=CELLS)
def with_a_guest(host):
    guest = Guest(host, "golden", vcpus=2, lines=["maxvcpus = 3", "cpu_weight = 512"]).create("-p")
    compare(host, [c.replace("G", guest.name) for c in words(GUEST)])
    guest.destroy()


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
