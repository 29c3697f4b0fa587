# SPDX-License-Identifier: MIT
"""The full Debian 12 system: one ext4 image that serves as dom0's disk and as a guest's."""
import os
import pathlib
import shutil
import subprocess

from . import cell, paths, tree
from .apt import mirror
from .images import DOM0_KERNEL, GUEST_KERNEL, RECIPE, Images

SIZE = "2G"
# All of Debian's modules would be 400 MB; these folders hold what a dom0 and a guest may use.
MODULES = ("kernel/arch", "kernel/block", "kernel/crypto", "kernel/lib", "kernel/fs", "kernel/net",
           "kernel/drivers/ata", "kernel/drivers/block", "kernel/drivers/net/ethernet/intel",
           "kernel/drivers/net/xen-netback", "kernel/drivers/net/xen-netfront.ko",
           "kernel/drivers/net/tun.ko", "kernel/drivers/net/veth.ko", "kernel/drivers/scsi",
           "kernel/drivers/xen", "kernel/drivers/md", "kernel/drivers/cdrom")


def copy_modules(kernel_tree: pathlib.Path, target: pathlib.Path):
    version = tree.kernel_version(kernel_tree)
    source = kernel_tree / "lib" / "modules" / version
    into = target / "usr" / "lib" / "modules" / version
    into.mkdir(parents=True, exist_ok=True)
    for name in MODULES:
        if (source / name).is_dir():
            shutil.copytree(source / name, into / name, dirs_exist_ok=True)
        elif (source / name).exists():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / name, into / name)
    for name in ("modules.builtin", "modules.order", "modules.builtin.modinfo"):
        if (source / name).exists():
            shutil.copy(source / name, into / name)
    subprocess.run([tree.KMOD, "-b", str(target / "usr"), version], check=True)


def full_image(images: Images) -> pathlib.Path:
    lists = [paths.IMAGE / f"{n}.packages" for n in ("debian", "tools")]
    parts = {"usr/lib/rig/dom0-init": "dom0-init", "usr/lib/rig/agent": "agent",
             "etc/hospes/start-debian-tools": "start-debian-tools"}
    parts = {k: paths.IMAGE / v for k, v in parts.items()}
    setup = paths.IMAGE / "debian.setup"
    packages = [word for each in lists for word in tree.words(each)]
    key = paths.digest(RECIPE, *lists, setup, *parts.values(), images.guest_initramfs(),
                       str(images.dom0_kernel()), str(images.guest_kernel()), *guest_configs().values(),
                       repr(images.apt.resolve(packages)))
    final = paths.cache() / "images" / f"{key}-debian.ext4"
    if final.exists():
        return final
    if os.geteuid() != 0:
        raise SystemExit("hospes: debootstrap needs root to make the Debian image: run this as root")
    work = paths.cache() / "debootstrap" / key
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    images.say("debootstrap: a Debian 12 system (a few minutes)")
    log = paths.cache() / "debootstrap" / f"{key}.log"
    with log.open("w") as out:
        done = subprocess.run(["debootstrap", "--variant=minbase", f"--include={','.join(packages)}",
                               "bookworm", str(work), mirror()], stdout=out, stderr=out)
    if done.returncode:
        raise SystemExit(f"hospes: debootstrap failed, see {log}")
    subprocess.run(["sh", str(setup), str(work)], check=True)
    for meta in (DOM0_KERNEL, GUEST_KERNEL):
        copy_modules(images.kernel_tree(meta), work)
    for name, path in parts.items():
        shutil.copy(path, work / name)
        (work / name).chmod(0o755)
    guest_files(images, work / "root")
    images.say("mke2fs: the disk image")
    scratch = final.with_suffix(".tmp")
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-L", "hospes", "-d", str(work), str(scratch),
                    SIZE], check=True)
    scratch.rename(final)
    shutil.rmtree(work)
    return final


def guest_configs():
    """File name -> text. The demo's guest names no type: the toolstack chooses."""
    from .guest import Guest
    return {"guest.cfg": Guest(None, "guest", vif=["bridge=xenbr0"], kind="", extra="ip=10.77.0.2").config,
            "debian.cfg": debian_guest(None).config}


def guest_files(images, root: pathlib.Path):
    shutil.copy(images.guest_kernel(), root / "guest-vmlinuz")
    shutil.copy(images.guest_initramfs(), root / "guest.cpio.gz")
    for name, text in guest_configs().items():
        (root / name).write_text(text)


def debian_guest(host, disk="/dev/sdb", name="debian"):
    """A guest with the full Debian userland on the machine's second disk."""
    from .guest import Guest
    return Guest(host, name, memory=384, vcpus=2, extra="root=/dev/xvda",
                 disk=[f"phy:{disk},xvda,w"])


def full_spec(images, hypervisor, tools, setup, scratch=None, agent=False):
    """A boot whose dom0 is the full Debian on the first disk; the second disk is for a guest."""
    import dataclasses
    image = full_image(images)
    wanted = cell.spec(images, hypervisor, tools,
                       dataclasses.replace(setup, linux_args=f"{setup.linux_args} hospes.root=/dev/sda"),
                       scratch, agent)
    wanted.drives = [image, image]
    return wanted
