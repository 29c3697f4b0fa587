# SPDX-License-Identifier: MIT
"""vifs on a bridge through xen-netback: dom0 and guests, both directions, bulk data by checksum."""
import re

from rig.guest import Guest
from rig.scenario import inside, same, scenario

MB = 4


def networked(host, name, number, extra=""):
    return Guest(host, name, extra=f"ip=10.77.0.{number} {extra}",
                 vif=[f"mac=00:16:3e:00:00:{number:02x}, bridge=xenbr0"])


def sha(line):
    return re.search(r"sha=([0-9a-f]{64})", line)[1]


@scenario(full=True)
def ping_dom0(host):
    guest = networked(host, "net1", 11, "ping=10.77.0.1").up()
    guest.wait("GUEST-PING ok", 90)
    host.check("ping -c 3 -w 30 10.77.0.11", 40)
    inside(host.check("xl network-list net1"), "00:16:3e:00:00:0b", "xl network-list")
    guest.destroy()
    same(host.run("ip -o link show | grep -c vif").out.strip(), "0", "vifs left in dom0")


@scenario()
def bulk_from_dom0(host):
    guest = networked(host, "net1", 11, "serve=9000").up()
    host.check(f"head -c {MB * 1048576} /dev/urandom >/run/sent")
    sent = host.check("sha256sum </run/sent").split()[0]
    host.check("nc -w 60 10.77.0.11 9000 </run/sent; rm /run/sent", 120)
    line = guest.wait("GUEST-RECV", 90)
    inside(line, f"bytes={MB * 1048576} ", "what the guest got")
    same(sha(line), sent, "checksum in the guest")
    guest.destroy()


@scenario(full=True)
def bulk_to_dom0(host):
    host.check("(nc -l -p 9001 -e /bin/sh -c 'cat >/run/received'; echo >/run/received.done) "
               "</dev/null >/dev/null 2>&1 &")
    guest = networked(host, "net1", 11, f"send=10.77.0.1:9001:{MB}").create()
    sent = sha(guest.wait("GUEST-SENT", 180))
    host.wait_for("[ -e /run/received.done ]", 60, "dom0's end of the stream")
    same(host.check("sha256sum </run/received").split()[0], sent, "checksum in dom0")
    host.check("rm /run/received /run/received.done")
    guest.destroy()


@scenario(full=True)
def guest_to_guest(host):
    server = networked(host, "net1", 11, "serve=9000").up()
    client = networked(host, "net2", 12, f"ping=10.77.0.11 send=10.77.0.11:9000:{MB}").create()
    client.wait("GUEST-PING ok", 120)
    sent = sha(client.wait("GUEST-SENT", 180))
    same(sha(server.wait("GUEST-RECV", 60)), sent, "checksum in the other guest")
    client.destroy()
    server.destroy()


@scenario(full=True)
def attach_and_detach(host):
    guest = Guest(host).up()
    guest.shell("modprobe xen-netfront")
    guest.xl("network-attach", "mac=00:16:3e:00:00:21", "bridge=xenbr0")
    guest.shell("n=0; until [ -e /sys/class/net/eth0 ] || [ $n = 100 ]; do sleep 0.1; n=$((n+1)); done; "
                "ip addr add 10.77.0.33/24 dev eth0; ip link set eth0 up", 60)
    host.check("ping -c 2 -w 30 10.77.0.33", 40)
    guest.xl("network-detach", "0")
    host.wait_for("! ip -o link show | grep -q vif", 60, "the vif to go")
    guest.destroy()
