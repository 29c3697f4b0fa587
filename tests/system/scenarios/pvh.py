# SPDX-License-Identifier: MIT
"""PVH guests, where the hypervisor has hardware virtualisation: the stock kernel to userspace and back.

Under TCG, now and then such a guest spins for ever or panics in its exception entry, on Debian's Xen with
Debian's tools as well: a failure of one of these alone says nothing before it is seen a second time."""
from rig.guest import Guest
from rig.scenario import inside, same, scenario

CELLS = ("xen:debian", "xen:hospes")


def pvh(host, name="p1", **options):
    # 192 MB: the kernel is loaded as it is, without decompressing itself, and is large.
    return Guest(host, name, kind="pvh", **{"memory": 192, **options})


def memory_reaches(guest, mb):
    guest.host.wait_for(f"[ \"$(xl list {guest.name} | awk 'NR == 2 {{print $3}}')\" = {mb} ]", 60,
                        f"{guest.name} to have {mb} MB")


@scenario(cells=CELLS)
def create_and_shutdown(host):
    guest = pvh(host).up()
    inside(guest.wait("GUEST-UP"), "type=PVH", "the guest's own report")
    same(guest.row()["mem"], 192, "memory")
    guest.xl("shutdown", "-w", timeout=120)
    guest.gone()


@scenario(full=True, cells=CELLS)
def four_vcpus(host):
    guest = pvh(host, vcpus=4).up()
    inside(guest.wait("GUEST-UP"), "cpus=4", "CPUs that the guest sees")
    same(guest.shell("grep -c ^processor /proc/cpuinfo"), "4", "CPUs in /proc/cpuinfo")
    guest.destroy()


@scenario(full=True, cells=CELLS)
def balloon(host):
    guest = pvh(host, memory=224).up()
    for mb in (160, 224):
        guest.xl("mem-set", mb)
        memory_reaches(guest, mb)
    same(guest.shell("echo alive$((1+1))"), "alive2", "the guest after ballooning")
    guest.destroy()


@scenario(full=True, cells=CELLS)
def powers_itself_off(host):
    pvh(host, vcpus=2, extra="then=poweroff").create().gone(120)


@scenario(full=True, cells=CELLS)
def reboot(host):
    guest = pvh(host).up()
    guest.xl("reboot")
    guest.wait("GUEST-READY", 180, count=2)
    guest.destroy()
