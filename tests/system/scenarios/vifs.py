# SPDX-License-Identifier: MIT
"""vifs that are not on a Linux bridge: routed, plugged by a script of the user's, on Open vSwitch."""
import re

from rig.guest import Guest
from rig.scenario import inside, same, scenario

# Writes down how it is called and does what a script for a vif has to: here, put it on the bridge.
SCRIPT = r"""#!/bin/bash
{ echo "call $*"; echo "interface $vif"; echo "type $XENBUS_TYPE path $XENBUS_PATH base $XENBUS_BASE_PATH";
  echo "script $script"; echo "mac $(xenstore-read "$XENBUS_PATH/mac")"; } >>/run/script.log 2>&1
case $1 in
online)
    if [ -e /run/script.fails ]; then
        echo "no cable today" >&2
        xenstore-write "$XENBUS_PATH/hotplug-error" "no cable today"
        exit 7
    fi
    ip link set "$vif" master xenbr0 up
    xenstore-write "$XENBUS_PATH/hotplug-status" connected ;;
esac
"""


def put_script(host, path):
    host.check(f"rm -f /run/script.log /run/script.fails; cat >{path} <<'END'\n{SCRIPT}END\nchmod +x {path}")


def calls(host):
    """The script's calls: [(its words, {what else it wrote down})]."""
    found = []
    for line in host.check("cat /run/script.log").splitlines():
        key, _, rest = line.partition(" ")
        if key == "call":
            found.append((rest.split(), {}))
        else:
            found[-1][1][key] = rest
    return found


def no_vif(host):
    host.wait_for("! ip -o link show | grep -q ' vif'", 60, "the vif to go")


@scenario(full=True)
def routed(host):
    """Not on the bridge: dom0 has a route to the guest's address, and answers for what is behind it."""
    guest = Guest(host, "routed", extra="ip=10.77.0.50 ping=10.77.0.1",
                  vif=["mac=00:16:3e:00:00:51,script=vif-route,ip=10.77.0.50,gatewaydev=xenbr0"]).up()
    guest.wait("GUEST-PING ok", 90)
    host.check("ping -c 3 -w 30 10.77.0.50", 40)
    vif = f"vif{guest.domid()}.0"
    inside(host.check("ip route get 10.77.0.50"), f"dev {vif} ", "the route")
    same(host.check(f"ls /sys/class/net/xenbr0/brif; cat /proc/sys/net/ipv4/conf/{vif}/proxy_arp").split(), ["1"],
         "the bridge's ports, proxy ARP")
    guest.destroy()
    no_vif(host)
    same(host.check("ip route show 10.77.0.50").strip(), "", "the route afterwards")


@scenario(full=True)
def own_script(host):
    """It is called with what Xen's scripts are called with, when the vif comes and when it goes."""
    put_script(host, "/root/vif-own")
    guest = Guest(host, "scripted", extra="ip=10.77.0.52 ping=10.77.0.1",
                  vif=["mac=00:16:3e:00:00:52,script=/root/vif-own"]).up()
    guest.wait("GUEST-PING ok", 90)
    domid = guest.domid()
    guest.destroy()
    no_vif(host)
    host.wait_for("grep -q 'call offline' /run/script.log", 30, "the script to hear that the vif goes")
    (online, seen), (offline, left) = calls(host)
    same((online, offline[0]), (["online", "type_if=vif"], "offline"), "how it is called")
    for said in (seen, left):
        same({key: said[key] for key in ("interface", "type", "script")},
             {"interface": f"vif{domid}.0", "script": "/root/vif-own",
              "type": f"vif path backend/vif/{domid}/0 base backend"}, "what it is told")
    same(seen["mac"], "00:16:3e:00:00:52", "what it finds in the store")
    host.check("rm /run/script.log /root/vif-own")


@scenario(full=True)
def failing_script(host):
    """Its message is xl's, and nothing is left; a vif that is added hot can be added again."""
    put_script(host, "/etc/xen/scripts/vif-broken")
    host.check("touch /run/script.fails")
    guest = Guest(host, "scripted", vif=["script=vif-broken"])
    guest.write()
    failed = host.run(f"xl create {guest.path}", 120)
    same(failed.status, 3, f"exit code of xl create, which said {failed.out!r}")
    inside(failed.out, "no cable today", "the message")
    host.wait_for("! xl domid scripted >/dev/null 2>&1", 60, "the half-made guest to go")
    no_vif(host)
    same(host.check("xenstore-ls /local/domain/0/backend/vif 2>/dev/null; true").strip(), "", "backend nodes left")
    guest = Guest(host, "scripted").up()
    failed = host.run("xl network-attach scripted script=vif-broken", 120)
    assert failed.status != 0, "attached all the same"
    inside(failed.out, "no cable today", "the message")
    if host.tools == "debian":
        host.run("xl network-detach scripted 0")  # which the stock tool leaves half attached
    no_vif(host)
    host.check("rm /run/script.fails")
    guest.xl("network-attach", "script=vif-broken")
    assert re.search(r"(?m)^\d+ +\d+ ", guest.xl("network-list")), "no vif in xl network-list"
    guest.destroy()
    host.check("rm /run/script.log /etc/xen/scripts/vif-broken")


SWITCH = """modprobe openvswitch
mkdir -p /run/openvswitch
ovsdb-tool create /run/ovs.db /usr/share/openvswitch/vswitch.ovsschema
ovsdb-server /run/ovs.db --remote=punix:/run/openvswitch/db.sock --pidfile --detach
ovs-vsctl --no-wait init
/usr/lib/openvswitch-switch/ovs-vswitchd --pidfile --detach
ovs-vsctl --timeout=60 add-br ovs0
ip addr add 10.79.0.1/24 dev ovs0
ip link set ovs0 up"""


@scenario(boot="devices", full=True)
def open_vswitch(host):
    """Two guests on a switch, untagged and in a VLAN; the switch knows them, and forgets them."""
    host.check(f"set -e; {SWITCH}", 120)
    guest = Guest(host, "switched", extra="ip=10.79.0.2 ping=10.79.0.1",
                  vif=["mac=00:16:3e:00:00:53,script=vif-openvswitch,bridge=ovs0"]).up()
    guest.wait("GUEST-PING ok", 90)
    host.check("ping -c 3 -w 30 10.79.0.2", 40)
    vif = f"vif{guest.domid()}.0"
    same(host.check("ovs-vsctl list-ports ovs0").split(), [vif], "the switch's ports")
    uuid = host.check("xl vm-list | awk '$NF == \"switched\" { print $1 }'").strip()
    known = host.check(f"ovs-vsctl get interface {vif} external-ids")
    for part in ('attached-mac="00:16:3e:00:00:53"', "xen-vm-name=switched", f'xen-vm-uuid="{uuid}"'):
        inside(known, part, "what the switch knows of it")
    tagged = Guest(host, "tagged", extra="ip=10.79.0.3",
                   vif=["mac=00:16:3e:00:00:54,script=vif-openvswitch,bridge=ovs0.7"]).up()
    same(host.check(f"ovs-vsctl get port vif{tagged.domid()}.0 tag").strip(), "7", "its VLAN")
    tagged.wait("GUEST-NET", 60)
    assert host.run("ping -c 2 -w 5 10.79.0.3", 40).status != 0, "the VLANs are not apart"
    tagged.destroy()
    guest.destroy()
    host.wait_for("[ -z \"$(ovs-vsctl list-ports ovs0)\" ]", 30, "the switch's ports to go")
    missing = Guest(host, "switched", vif=["script=vif-openvswitch,bridge=nosuch"])
    missing.write()
    failed = host.run(f"xl create {missing.path}", 120)
    same(failed.status, 3, "exit code of xl create without its switch")
    if host.tools == "hospes":
        inside(failed.out, "nosuch", "the message")
    no_vif(host)
    host.check("ovs-vsctl del-br ovs0; kill $(cat /run/openvswitch/*.pid); rm /run/ovs.db")
