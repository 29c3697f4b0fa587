# SPDX-License-Identifier: MIT
"""Devices that a QEMU of the guest's serves (images, framebuffer and input, shared folders, channels), and devices
that a domain other than dom0 serves."""
import re

from rig.guest import Guest
from rig.scenario import inside, same, scenario

OURS = ("xen:hospes", "hospes:hospes")
# A kernel with all frontends: the cloud kernel has no keyboard and no 9pfs.
KERNEL, RAMDISK = "/root/device-guest-vmlinux", "/root/device-guest.cpio.gz"
NO_QEMU = "[ -z \"$(pidof xen-qemu-system-i386)\" ]"


def device_guest(host, name, **more):
    return Guest(host, name, kernel=KERNEL, ramdisk=RAMDISK, memory=192, **more)


def sha(line):
    return re.search(r"sha=([0-9a-f]{64})", line)[1]


def gone_with_qemu(host, guest):
    guest.gone()
    host.wait_for(NO_QEMU, 30, "its QEMU to end")


@scenario(boot="devices", full=True)
def qcow2(host):
    """Written, read back after a reboot (another domain, another QEMU), and by qemu-img in dom0."""
    host.check("qemu-img create -q -f qcow2 /run/a.qcow2 8M")
    guest = Guest(host, "image", extra="test=disk", disk=["/run/a.qcow2,qcow2,xvda,w"]).up()
    written = sha(guest.wait("GUEST-DISK-WRITE"))
    inside(guest.xl("block-list"), f"/local/domain/0/backend/qdisk/{guest.domid()}/51712", "xl block-list")
    guest.xl("reboot")
    same(sha(guest.wait("GUEST-DISK-READ", 240)), written, "what the guest reads after its reboot")
    guest.wait("GUEST-READY", 60, count=2)
    guest.xl("shutdown", "-w", timeout=240)
    gone_with_qemu(host, guest)
    host.check("qemu-img convert -O raw /run/a.qcow2 /run/a.img")
    same(host.check("sha256sum </run/a.img").split()[0], written, "what dom0 reads")
    host.check("rm /run/a.qcow2 /run/a.img")


@scenario(boot="devices", full=True)
def other_formats(host):
    """A vhd, and hot a raw file that QEMU is told to open: the same bytes in the guest."""
    host.check("head -c 4194304 /dev/urandom >/run/o.img; qemu-img convert -O vpc -o force_size=on /run/o.img /run/o.vhd")
    want = host.check("sha256sum </run/o.img").split()[0]
    guest = Guest(host, "formats", disk=["/run/o.vhd,vhd,xvda,w"]).up()
    guest.xl("block-attach", "'format=raw, vdev=xvdb, access=rw, backendtype=qdisk, target=/run/o.img'")
    got = guest.shell("modprobe xen-blkfront; for d in a b; do n=0; until [ -b /dev/xvd$d ] || [ $n = 100 ]; do "
                      "sleep 0.1; n=$((n+1)); done; sha256sum /dev/xvd$d | cut -c1-64; done", 120)
    same(got.split(), [want] * 2, "the contents of the two disks")
    guest.xl("block-detach", "xvdb")
    host.wait_for("[ $(xl block-list formats | wc -l) = 2 ]", 60, "the hot disk to be gone")
    guest.destroy()
    gone_with_qemu(host, guest)
    host.check("rm /run/o.*")


# Speaks VNC's first words (RFC 6143) to port $1: the version, and which kinds of authentication there are.
GREET = r"""
exec 3<>/dev/tcp/127.0.0.1/$1 || exit 1
take() { dd bs=1 count=$1 <&3 2>/dev/null; }
take 12; printf 'RFB 003.008\n' >&3
count=$(take 1 | od -An -tu1); echo "auth $(take $count | od -An -tu1)"
"""


def qmp(host, guest, command):
    """A command to the guest's QEMU."""
    talk = f'{{"execute": "qmp_capabilities"}}\n{command}\n{{"execute": "no-more"}}\n'
    out = host.check(f"printf '%s' '{talk}' | /root/socket_talk /run/xen/qmp-libxl-{guest.domid()} 30 no-more", 60)
    same(out.count('"return"'), 2, f"answers of QEMU's, which said {out}")


@scenario(boot="devices", full=True)
def framebuffer(host):
    """A screen that a VNC viewer finds and that shows what the guest draws; a key that is pressed there arrives."""
    guest = device_guest(host, "screen", lines=['vfb = [ "vnc=1,vnclisten=127.0.0.1" ]']).up()
    host.check("mkdir -p /run/bin; printf '#!/bin/sh\\necho viewer \"$@\"\\n' >/run/bin/vncviewer; chmod +x /run/bin/vncviewer")
    shown = host.check(f"PATH=/run/bin:$PATH xl vncviewer {guest.name}")
    display = re.search(r"viewer 127\.0\.0\.1:(\d+)", shown)
    assert display, f"the viewer was called with {shown!r}"
    out = host.check(f"set {5900 + int(display[1])}\n{GREET}")
    inside(out, "RFB 003.008", "the server's greeting")
    same(out.split("auth")[1].split(), ["1"], "kinds of authentication (1: none)")
    same(guest.shell("cat /sys/class/graphics/fb0/name; tr '\\0' '\\377' </dev/zero | head -c 1920000 >/dev/fb0", 90), "xen",
         "the guest's framebuffer")
    qmp(host, guest, '{"execute": "screendump", "arguments": {"filename": "/run/shot.ppm"}}')
    host.check("head -c 15 /run/shot.ppm | tr '\\n' ' ' | grep -q '^P6 800 600 255' && "
               "[ $(tail -c 3000 /run/shot.ppm | tr -d '\\377' | wc -c) = 0 ]")
    guest.shell("modprobe evdev; sed -n '/Xen Virtual Keyboard/,/^$/p' /proc/bus/input/devices | grep -o 'event[0-9]*' >/kbd; "
                "(head -c 24 /dev/input/$(cat /kbd) | od -An -v -tx1 | tr -d '\\n' >/pressed) &")
    qmp(host, guest, '{"execute": "send-key", "arguments": {"keys": [{"type": "qcode", "data": "a"}]}}')
    got = guest.shell("n=0; until [ -s /pressed ] || [ $n = 100 ]; do sleep 0.1; n=$((n+1)); done; cat /pressed; echo", 60)
    inside(" ".join(got.split()), "01 00 1e 00 01 00 00 00", "the key's event")
    guest.destroy()
    gone_with_qemu(host, guest)
    host.check("rm -r /run/bin /run/shot.ppm")


@scenario(boot="devices", full=True)
def shared_folder(host):
    """A folder of dom0's: the guest reads what is there and writes what dom0 finds."""
    host.check("rm -rf /run/share; mkdir -p /run/share; echo from-dom0 >/run/share/greeting")
    guest = device_guest(host, "folder", lines=['p9 = [ "tag=share,security_model=none,path=/run/share" ]']).up()
    got = guest.shell("modprobe -a 9p 9pnet_xen; mkdir -p /m; mount -t 9p -o trans=xen,version=9p2000.L share /m; "
                      "cat /m/greeting; echo from-guest >/m/answer; sync", 120)
    inside(got, "from-dom0", "what the guest reads")
    same(host.check("cat /run/share/answer").strip(), "from-guest", "what the guest wrote")
    guest.xl("shutdown", "-w", timeout=240)
    gone_with_qemu(host, guest)


@scenario(boot="devices", full=True, cells=OURS)
def channels(host):
    """A channel that is a pseudo-terminal in dom0 and one that is a socket, both ways. With Debian's tools, on Debian's
    Xen as on ours, channel-list leaves out a PV guest's first channel and the second carries nothing."""
    guest = device_guest(host, "talks", lines=[
        'channel = [ "name=org.hospes.pty,connection=pty", "name=org.hospes.socket,connection=socket,path=/run/talk" ]'])
    guest.up()
    rows = guest.xl("channel-list").splitlines()
    same(len(rows), 3, "rows of xl channel-list")
    tty = re.search(r"pty +path=(/dev/pts/\d+)", rows[1])
    assert tty, f"no terminal in {rows[1]!r}"
    inside(rows[2], "path=/run/talk", "the second channel")
    # The guest answers on each line by what it was told.
    guest.shell("for n in 1 2; do (stty raw -echo; read -r line; echo \"channel $n heard $line\") </dev/hvc$n "
                ">/dev/hvc$n & done; echo started")
    out = host.check(f"stty raw -echo <{tty[1]}; exec 3<>{tty[1]}; echo hello-pty >&3; timeout 60 head -n 1 <&3", 90)
    inside(out, "channel 1 heard hello-pty", "what came through the terminal")
    out = host.check("echo hello-socket | /root/socket_talk /run/talk 60 heard", 90)
    inside(out, "channel 2 heard hello-socket", "what came through the socket")
    guest.destroy()
    gone_with_qemu(host, guest)


@scenario(boot="devices", full=True, cells=OURS)
def model_fails(host):
    """A QEMU that cannot start, and one that is killed under its guest: a clear word, and nothing is left."""
    host.check("qemu-img create -q -f qcow2 /run/f.qcow2 4M")
    guest = Guest(host, "broken", disk=["/run/f.qcow2,qcow2,xvda,w"], lines=['device_model_args = [ "-no-such-option" ]'])
    guest.write()
    failed = host.run(f"xl create {guest.path} 2>&1", 90)
    assert failed.status != 0, "a guest came up without its QEMU"
    inside(failed.out, "no-such-option", "the message has QEMU's last words")
    same(host.domains(), {"Domain-0": 0}, "domains")
    host.check(f"{NO_QEMU} && [ -z \"$(xenstore-ls /local/domain/0/device-model 2>/dev/null)\" ]")
    guest = Guest(host, "none", disk=["/run/none.qcow2,qcow2,xvda,w"])
    guest.write()
    inside(host.run(f"xl create {guest.path} 2>&1", 90).out, "/run/none.qcow2", "the message names the missing image")
    guest = Guest(host, "killed", disk=["/run/f.qcow2,qcow2,xvda,w"]).up()
    host.check("kill -9 $(pidof xen-qemu-system-i386)")
    guest.destroy()
    guest.gone()
    host.check("rm /run/f.qcow2")


@scenario(boot="devices", full=True, cells=OURS)
def driver_domain(host):
    """A guest serves another one's disks, a raw one and an image, and network card: our `xl devd` plugs them there, and
    unplugs them."""
    driver = Guest(host, "driver", kernel=KERNEL, ramdisk="/root/driver.cpio", memory=512,
                   lines=["driver_domain = 1"]).up()
    want = sha(driver.wait("DRIVER-READY"))
    guest = Guest(host, "served", extra="ip=10.78.0.2 ping=10.78.0.1",
                  disk=["backend=driver, format=raw, vdev=xvda, access=rw, target=/srv/disk.img",
                        "backend=driver, format=qcow2, vdev=xvdb, access=rw, target=/srv/disk.qcow2"],
                  vif=["backend=driver, bridge=drvbr0"]).up()
    guest.wait("GUEST-PING ok", 90)
    got = guest.shell("modprobe xen-blkfront; for d in a b; do n=0; until [ -b /dev/xvd$d ] || [ $n = 100 ]; do "
                      "sleep 0.1; n=$((n+1)); done; sha256sum /dev/xvd$d | cut -c1-64; done", 120)
    same(got.split(), [want] * 2, "the contents of the two disks")
    inside(guest.xl("block-list"), f"/local/domain/{driver.domid()}/backend/vbd/", "xl block-list")
    inside(guest.xl("block-list"), f"/local/domain/{driver.domid()}/backend/qdisk/", "xl block-list")
    host.check(NO_QEMU)
    plugged = driver.shell("losetup -a; ls /sys/class/net/drvbr0/brif")
    inside(plugged, "/srv/disk.img", "the loop devices there")
    inside(plugged, f"vif{guest.domid()}.0", "the bridge's ports there")
    guest.destroy()
    end = driver.shell("n=0; until [ -z \"$(losetup -a)\" ] || [ $n = 100 ]; do sleep 0.1; n=$((n+1)); done; "
                       "losetup -a | wc -l; cat /var/log/xen/xldevd.log", 60)
    same(end.split()[0], "0", "loop devices there once the guest is gone")
    inside(end, "unplugged /local/domain/", "the service's log")
    ended = driver.shell("n=0; while pidof xen-qemu-system-i386 && [ $n != 100 ]; do sleep 0.1; n=$((n+1)); done; "
                         "tail -n 1 /var/log/xen/xldevd.log", 60)
    inside(ended, "ended QEMU for domain", "the end of the service's log")
    missing = Guest(host, "imageless", disk=["backend=driver, format=qcow2, vdev=xvda, access=rw, target=/srv/none"])
    missing.write()
    inside(host.run(f"xl create {missing.path} 2>&1", 90).out, "/srv/none", "the message names the image that is missing")
    broken = Guest(host, "misled", vif=["backend=nobody, bridge=drvbr0"])
    broken.write()
    inside(host.run(f"xl create {broken.path} 2>&1", 90).out, "nobody", "the message names the missing backend domain")
    driver.destroy()


@scenario(full=True)
def parameters(host):
    """The hypervisor's parameters: what it does not know is an error that names it."""
    done = host.run("xl set-parameters no-such-parameter=1 2>&1")
    same(done.status, 1, "exit code for one that does not exist")
    inside(done.out, "cannot set parameters: no-such-parameter=1", "message")
    if host.hypervisor == "xen":
        host.check("xl set-parameters gnttab_max_frames=64")
