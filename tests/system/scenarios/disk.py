# SPDX-License-Identifier: MIT
"""Block devices through xen-blkback: written, fsynced, read back by checksum after a reboot."""
import re

from rig.guest import Guest
from rig.scenario import inside, same, scenario

MB = 8


def sha(line):
    return re.search(r"sha=([0-9a-f]{64})", line)[1]


def write_reboot_read(host, target):
    """The guest fills the disk, reboots and reads it; dom0 reads the same."""
    disk = (f"phy:{target},xvda,w" if target.startswith("/dev/") else
            f"format=raw, vdev=xvda, access=rw, target={target}")
    guest = Guest(host, "disk", extra="test=disk", disk=[disk]).up()
    written = sha(guest.wait("GUEST-DISK-WRITE"))
    guest.xl("reboot")
    same(sha(guest.wait("GUEST-DISK-READ", 240)), written, "what the guest reads after its reboot")
    guest.wait("GUEST-READY", 60, count=2)
    guest.xl("shutdown", "-w", timeout=240)
    guest.gone()
    same(host.check(f"sha256sum <{target}").split()[0], written, "what dom0 reads")


@scenario()
def raw_file(host):
    host.check(f"dd if=/dev/zero of=/run/disk.img bs=1M count={MB} 2>/dev/null")
    write_reboot_read(host, "/run/disk.img")
    host.check("rm /run/disk.img; test -z \"$(losetup -a)\"")


@scenario(full=True)
def phy_loop(host):
    host.check(f"dd if=/dev/zero of=/run/disk.img bs=1M count={MB} 2>/dev/null; "
               "losetup /dev/loop7 /run/disk.img")
    write_reboot_read(host, "/dev/loop7")
    host.check("losetup -d /dev/loop7; rm /run/disk.img")


@scenario(full=True)
def phy_ram(host):
    host.check(f"modprobe brd rd_nr=1 rd_size={MB * 1024}; test -b /dev/ram0")
    write_reboot_read(host, "/dev/ram0")
    host.check("rmmod brd")


@scenario(full=True)
def attach_list_detach(host):
    host.check(f"dd if=/dev/urandom of=/run/hot.img bs=1M count={MB} 2>/dev/null")
    guest = Guest(host).up()
    guest.shell("modprobe xen-blkfront")
    guest.xl("block-attach", "'format=raw, vdev=xvdb, access=rw, target=/run/hot.img'")
    inside(guest.xl("block-list"), "51728", "xl block-list")
    got = guest.shell("n=0; until [ -b /dev/xvdb ] || [ $n = 100 ]; do sleep 0.1; n=$((n+1)); done; "
                      "sha256sum /dev/xvdb | cut -c1-64", 90)
    same(got, host.check("sha256sum </run/hot.img").split()[0], "contents of the hot disk")
    guest.xl("block-detach", "xvdb")
    host.wait_for("[ $(xl block-list g1 | wc -l) -le 1 ]", 60, "block-list to be empty")
    guest.destroy()
    host.check("rm /run/hot.img; test -z \"$(losetup -a)\"")


@scenario(full=True)
def missing_file_refused(host):
    failed = host.run(
        "cat >/root/nofile.cfg <<'END'\n"
        f"{Guest(host, 'nofile', disk=['format=raw, vdev=xvda, access=rw, target=/run/none.img']).config}"
        "END\nxl create /root/nofile.cfg", 90)
    assert failed.status != 0, "a guest came up without its disk"
    inside(failed.out, "none.img", "the message")
    assert "nofile" not in host.domains(), "a failed create left a domain"
