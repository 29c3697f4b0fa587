# SPDX-License-Identifier: MIT
"""Guests beyond the busybox one: a full Debian userland, another kernel."""
from rig.guest import Guest
from rig.scenario import inside, scenario


@scenario(boot="debian", full=True)
def full_debian_guest(host):
    """systemd and all, on a disk of its own; dom0 is a full Debian too."""
    from rig.debian import debian_guest
    guest = debian_guest(host).create()
    line = guest.wait("GUEST-UP", 900)
    inside(line, "userland=debian-12", "the guest's report")
    guest.xl("shutdown", "-w", timeout=240)
    guest.gone()


@scenario(boot="kernel612", full=True)
def kernel_6_12(host):
    """Debian's 6.12 kernel from backports: ZSTD payload, newer PV code."""
    guest = Guest(host, "newer", kernel="/root/guest612-vmlinuz", ramdisk="/root/guest612.cpio.gz",
                  vcpus=2, extra="test=disk ip=10.77.0.12 ping=10.77.0.1", memory=192,
                  vif=["bridge=xenbr0"], disk=["format=raw, vdev=xvda, access=rw, target=/run/d.img"])
    host.check("dd if=/dev/zero of=/run/d.img bs=1M count=8 2>/dev/null")
    guest.up()
    inside(guest.wait("GUEST-UP"), "kernel=6.12", "the guest's report")
    guest.wait("GUEST-DISK-WRITE")
    guest.wait("GUEST-PING ok", 90)
    guest.destroy()
    host.check("rm /run/d.img")
