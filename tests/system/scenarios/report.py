# SPDX-License-Identifier: MIT
"""What our xl says beyond the stock one, against what is really there: check, metrics, create --explain, --json."""
import json
import re

from rig.guest import Guest
from rig.scenario import inside, same, scenario

OURS = ("xen:hospes", "hospes:hospes")
SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\]|\\.)*",?)*)\})? (\S+)')


def parse(text):
    """Prometheus' text format: {name: {labels as a sorted tuple of pairs: value}}, and its rules for families."""
    families, current, seen = {}, None, set()
    for line in text.splitlines():
        if line.startswith("# HELP "):
            current = line.split(" ", 3)[2]
            assert current not in seen, f"family {current} comes twice"
            seen.add(current)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == current and kind in ("gauge", "counter"), line
            assert (kind == "counter") == name.endswith("_total"), line
        else:
            m = SAMPLE.fullmatch(line)
            assert m and m[1] == current, f"not a sample of {current}: {line!r}"
            labels = tuple(sorted(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', m[2] or "")))
            family = families.setdefault(m[1], {})
            assert labels not in family, f"twice: {line}"
            family[labels] = float(m[3])
    return families


def of_guest(metrics, family, name, **labels):
    found = [value for key, value in metrics[family].items()
             if dict(key).get("name") == name and all(dict(key).get(k) == v for k, v in labels.items())]
    same(len(found), 1, f"samples of {family} for {name}")
    return found[0]


def with_devices(host, **more):
    host.check("[ -e /run/rp.img ] || dd if=/dev/zero of=/run/rp.img bs=1M count=2 2>/dev/null")
    return Guest(host, "rp", vcpus=2, disk=["/run/rp.img,raw,xvda,w"], vif=["mac=00:16:3e:00:00:41,bridge=xenbr0"],
                 lines=["cpu_weight = 333"], **more)


@scenario(full=True, cells=OURS)
def check_finds_a_good_host_good(host):
    rows = {row["check"]: row for row in json.loads(host.check("xl check --json"))}
    for name in ("hypervisor", "devices", "rights", "xenstored", "console daemon", "supervisor", "backends", "bridge",
                 "folders", "domains"):
        same(rows[name]["verdict"], "ok", f"{name}: {rows[name]['finding']}")
    text = host.check("xl check")
    for name in rows:
        inside(text, name, "the table")


@scenario(full=True, cells=OURS)
def check_finds_what_is_wrong(host):
    host.check("mkdir -p /run/kept; mv /run/xen/consoled.sock /run/kept/; ip link del xenbr0; rmmod xen_netback")
    done = host.run("xl check --json")
    host.check("mv /run/kept/consoled.sock /run/xen/; modprobe xen-netback; ip link add xenbr0 type bridge "
               "forward_delay 0; ip addr add 10.77.0.1/24 dev xenbr0; ip link set xenbr0 up")
    rows = {row["check"]: row for row in json.loads(done.out)}
    inside(rows["backends"]["finding"], "vif", "the missing backend")
    inside(rows["backends"]["hint"], "xen-netback", "its hint")
    same(rows["bridge"]["verdict"], "warn", "no bridge")
    assert rows["console daemon"]["verdict"] != "ok", rows["console daemon"]
    same(json.loads(host.check("xl check --json"))[0]["verdict"], "ok", "the host afterwards")


@scenario(full=True, cells=OURS)
def metrics_say_what_list_says(host):
    guest = with_devices(host, extra="test=disk ip=10.77.0.41 ping=10.77.0.1").up()
    before = parse(host.check("xl metrics"))
    row = next(r for r in json.loads(host.check("xl list --json")) if r["name"] == "rp")
    domid = str(guest.domid())
    same(of_guest(before, "xen_domain_info", "rp", domid=domid, type="pv"), 1, "its info")
    same(of_guest(before, "xen_domain_memory_bytes", "rp") // (1 << 20), row["mem"] if "mem" in row else guest.row()["mem"],
         "its memory in MiB")
    same(of_guest(before, "xen_domain_vcpus_online", "rp"), 2, "its vCPUs")
    same(of_guest(before, "xen_domain_sched_weight", "rp"), 333, "its weight")
    for family in ("xen_domain_block_write_bytes_total", "xen_domain_network_transmit_bytes_total"):
        assert of_guest(before, family, "rp") > 0, f"{family} of a guest that wrote and sent"
    assert of_guest(before, "xen_domain_block_write_bytes_total", "rp") >= 2 << 20, "bytes of a disk that was filled"
    total = before["xen_memory_bytes"]
    same(total[(("state", "free"),)] // (1 << 20), float(host.free_memory()), "free memory in MiB")
    guest.shell("i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done")
    after = parse(host.check("xl metrics"))
    cpu = "xen_domain_cpu_seconds_total"
    assert of_guest(after, cpu, "rp") > of_guest(before, cpu, "rp"), "CPU time stands still"
    guest.destroy()
    gone = parse(host.check("xl metrics -o /run/rp.prom; cat /run/rp.prom; rm /run/rp.prom"))
    assert not any(dict(key).get("name") == "rp" for family in gone.values() for key in family), "a dead guest's samples"


@scenario(full=True, cells=OURS)
def plan_is_what_is_created(host):
    """create --explain beside the creation of the same configuration."""
    guest = with_devices(host)
    guest.config = guest.config.replace('type = "pv"\n', "")
    guest.write()
    plan = json.loads(host.check(f"xl create -q --explain --json {guest.path}"))
    same(plan["obstacles"], [], "obstacles")
    assert "rp" not in host.domains(), "--explain created a domain"
    free = host.free_memory()
    made = json.loads(host.check(f"xl create -q -p --json {guest.path}", 90))
    kind, _, reason = plan["type"].partition(": ")
    same((made["type"], made["reason"]), (kind, reason), "type and reason")
    needed = int(re.search(r"needed (\d+) MiB", plan["memory"])[1])
    taken = free - host.free_memory()
    assert abs(taken - needed) <= 4 + needed // 20, f"{taken} MiB were taken, {needed} were planned"
    same(plan["vcpus"].split(" ")[0], "2", "planned vCPUs")
    same(len(guest.xl("vcpu-list").splitlines()), 1 + 2, "a header and vCPUs")
    inside(plan["disk xvda"], "through a loop device", "the plan for the disk")
    inside(host.check("losetup -a"), "/run/rp.img", "loop devices")
    inside(plan["vif 0"], "joins bridge xenbr0, MAC 00:16:3e:00:00:41", "the plan for the vif")
    inside(host.check("ip -o link show master xenbr0"), f"vif{made['domid']}.0", "the bridge")
    guest.destroy()


@scenario(full=True, cells=OURS)
def json_of_every_verb(host):
    """Every verb that prints data answers --json with one JSON value, for dom0 and for a guest."""
    guest = with_devices(host).up()
    commands = ["list", "list -v", "list rp", "vm-list", "vcpu-list", "vcpu-list rp", "info", "info -n", "domid rp",
                f"domname {guest.domid()}", "uptime", "uptime rp", "claims", "sharing", "cpupool-list", "cpupool-list -c",
                "sched-credit2", "sched-credit2 -s", "sched-credit2 -d rp", "block-list rp", "network-list rp",
                "channel-list rp", "dmesg", "check", "getenforce"]
    for command in commands:
        done = host.run(f"xl {command} --json 2>/dev/null")
        try:
            value = json.loads(done.out)
        except ValueError:
            raise AssertionError(f"xl {command} --json: status {done.status}, not JSON: {done.out[:300]!r}") from None
        assert value is not None, f"xl {command} --json is {value!r}"
    disks = json.loads(host.check("xl block-list rp --json"))
    same(len(disks), 1, f"disks in {disks}")
    vifs = json.loads(host.check("xl network-list rp --json"))
    same(len(vifs), 1, f"vifs in {vifs}")
    inside(json.dumps(vifs), "00:16:3e:00:00:41", "the vif's address")
    guest.destroy()
