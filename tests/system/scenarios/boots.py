# SPDX-License-Identifier: MIT
"""The machines that scenarios ask for by name."""
import dataclasses

from rig import cell, paths
from rig.cell import Setup
from rig.machine import DEFAULT_CPU
from rig.tools import driver_initramfs


def debian(images, *args):
    from rig.debian import full_spec
    return full_spec(images, *args, agent=True)


def systemd(images, *args):
    """Debian as dom0, with its systemd as process 1, and our units enabled."""
    from rig.debian import full_spec
    hypervisor, tools, setup, scratch = args
    setup = dataclasses.replace(setup, linux_args=f"{setup.linux_args} hospes.init=/usr/lib/hospes/systemd-init")
    return full_spec(images, hypervisor, tools, setup, scratch, agent=True)


def kernel612(images, hypervisor, tools, setup, scratch):
    """The small dom0 with a second guest kernel and its initramfs."""
    files = (("root/guest612-vmlinuz", images.guest_kernel(images.BACKPORTS)),
             ("root/guest612.cpio.gz", images.guest_initramfs(images.BACKPORTS)))
    return cell.spec(images, hypervisor, tools, dataclasses.replace(setup, files=files), scratch)


def hostile(images, hypervisor, tools, setup, scratch):
    """The small dom0 with the guests of tests/guest/."""
    built = paths.build_dir() / "release" / "tests" / "guest"
    files = tuple((f"root/guests/{p.name}", p) for p in sorted(built.glob("*.elf")))
    files += (("root/vector_stress", built.parent / "system" / "dom0" / "vector_stress"),)
    if len(files) == 1:
        raise RuntimeError(f"no test guests in {built}: ./hospes build")
    return cell.spec(images, hypervisor, tools, dataclasses.replace(setup, files=files), scratch)


def store(images, hypervisor, tools, setup, scratch):
    """The small dom0 with the store's test client and its hostile guest."""
    built = paths.build_dir() / "release" / "tests"
    files = (("root/store_session", built / "system" / "dom0" / "store_session"),
             ("root/guests/xenstore-hostile.elf", built / "guest" / "xenstore-hostile.elf"))
    return cell.spec(images, hypervisor, tools, dataclasses.replace(setup, files=files), scratch)


def supervisor(images, hypervisor, tools, setup, scratch):
    """The small dom0 with a program that ends domains as no tool does."""
    files = (("root/end_domain", paths.build_dir() / "release" / "tests" / "system" / "dom0" / "end_domain"),)
    return cell.spec(images, hypervisor, tools, dataclasses.replace(setup, files=files), scratch)


def devices(images, hypervisor, tools, setup, scratch):
    """The small dom0 with QEMU; with our tools also a guest that serves devices to others."""
    files = (("root/socket_talk", paths.build_dir() / "release" / "tests" / "system" / "dom0" / "socket_talk"),)
    if tools == "hospes":
        driver = scratch / "driver.cpio"
        driver.write_bytes(driver_initramfs(images))
        files += (("root/driver.cpio", driver),)
    setup = dataclasses.replace(setup, files=files)
    return cell.spec(images, hypervisor, tools, setup, scratch)


# Boots whose machine is not made by cell.spec alone.
SPECS = {"debian": debian, "systemd": systemd, "kernel612": kernel612, "hostile": hostile, "store": store,
         "supervisor": supervisor, "devices": devices}

# Two nodes of one CPU and one GB each.
NUMA = tuple(word for node in (0, 1) for word in (
    "-object", f"memory-backend-ram,id=m{node},size=1G",
    "-numa", f"node,nodeid={node},cpus={node},memdev=m{node}")) + ("-numa", "dist,src=0,dst=1,val=21")

BOOTS = {
    "main": Setup(),
    "many": Setup(mem=4096, dom0_mem=1024),
    "debian": Setup(mem=3072, dom0_mem=1024),
    "systemd": Setup(mem=3072, dom0_mem=1024, patience=1200),
    "kernel612": Setup(cpu=f"{DEFAULT_CPU},-cx16"),
    # What the hypervisor refuses is logged, some lines a second: a fuzzer's every call would flood the console.
    "hostile": Setup(hv_args="guest_loglvl=none/all"),
    "store": Setup(),
    "devices": Setup(mem=3072, dom0_mem=1280, devices=True),
    "supervisor": Setup(),
    "smp1": Setup(smp=1, vmlinux=True),
    "smp4": Setup(smp=4, vmlinux=True),
    "smp8": Setup(smp=8, vmlinux=True),
    "numa": Setup(vmlinux=True, qemu=NUMA),
    "pm-timer": Setup(vmlinux=True, hv_args="clocksource=acpi"),
    "pit": Setup(vmlinux=True, hv_args="clocksource=pit"),
    # The later dom0_mem wins over the rig's own.
    "options": Setup(smp=4, vmlinux=True, hv_args="maxcpus=3 dom0_max_vcpus=2 dom0_mem=512M,min:256M,max:640M "
                     "frobnicate=7 com2=nonsense"),
    "epyc-rome": Setup(cpu="EPYC-Rome,-smap,-monitor", vmlinux=True),
    "max": Setup(cpu="max,-smap,-monitor,-la57", vmlinux=True),
    "qemu64": Setup(cpu="qemu64", vmlinux=True),
    "nehalem": Setup(cpu="Nehalem", vmlinux=True),
    "skylake": Setup(cpu="Skylake-Client,-smap,-hle,-rtm", vmlinux=True),
}
