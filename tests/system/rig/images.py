# SPDX-License-Identifier: MIT
"""What a boot needs, made once and cached by content: kernels, the reference hypervisor, the guest's
initramfs and the small dom0."""
import gzip
import os
import pathlib

from . import kernel, paths, tree
from .apt import BACKPORTS, Apt, meta_target
from .cpio import Cpio, names

DOM0_KERNEL = "linux-image-amd64"
GUEST_KERNEL = "linux-image-cloud-amd64"
REFERENCE = "xen-hypervisor-4.17-amd64"
# Bumped when the builder itself changes what it makes of the same lists.
RECIPE = "1"


def cached(name, key, make) -> pathlib.Path:
    """The file NAME-KEY in the cache, made by make() -> bytes when it is not there yet."""
    path = paths.cache() / "images" / f"{key}-{name}"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(f".{os.getpid()}.tmp")
        scratch.write_bytes(make())
        scratch.rename(path)
    return path


class Images:
    BACKPORTS = "backports"

    def __init__(self, say=lambda text: None):
        self.say = say
        self.apt = Apt()
        self._trees = {}

    def kernel_tree(self, meta, suite=""):
        if (meta, suite) not in self._trees:
            self.say(f"unpacking {meta} {suite}".rstrip())
            apt = Apt(True) if suite else self.apt
            name = f"{meta}/{BACKPORTS}" if suite else meta
            self._trees[meta, suite] = apt.unpack([meta_target(name, bool(suite))], deps=False)
        return self._trees[meta, suite]

    def _bzimage(self, meta, suite=""):
        return next((self.kernel_tree(meta, suite) / "boot").glob("vmlinuz-*"))

    def dom0_kernel(self) -> pathlib.Path:
        return self._bzimage(DOM0_KERNEL)

    def guest_kernel(self, suite="") -> pathlib.Path:
        return self._bzimage(GUEST_KERNEL, suite)

    def dom0_vmlinux(self) -> pathlib.Path:
        """The ELF inside the dom0 kernel: saves the XZ decoder's time, which TCG makes long."""
        image = self.dom0_kernel()
        return cached("vmlinux", paths.digest(image), lambda: kernel.vmlinux(image))

    def reference_xen(self) -> pathlib.Path:
        root = self.apt.unpack([REFERENCE], deps=False)
        image = next((root / "boot").glob("xen-*.gz"))
        return cached("xen", paths.digest(image), lambda: kernel.gunzip(image))

    def guest_initramfs(self, suite="", meta=GUEST_KERNEL, modules="guest.modules") -> pathlib.Path:
        kernel_tree = self.kernel_tree(meta, suite)
        packages = self.apt.unpack(["busybox-static"], deps=False)
        init, modules = paths.IMAGE / "guest-init", paths.IMAGE / modules
        key = paths.digest(RECIPE, init, modules, str(kernel_tree), str(packages))

        def make():
            out = Cpio()
            for name in ("bin", "sbin", "proc", "sys", "dev", "usr/lib"):
                out.dir(name)
            out.link("lib", "usr/lib")
            out.node("dev/console", "c", 5, 1)
            tree.busybox(out, packages, {"sbin/poweroff", "sbin/reboot"}, "bin")
            for verb in ("poweroff", "reboot"):
                out.file(f"sbin/{verb}", f"#!/bin/busybox sh\nexec /bin/busybox {verb} -f\n", 0o755)
                out.link(f"bin/{verb}", f"/sbin/{verb}")
            tree.add_modules(out, kernel_tree, tree.words(modules))
            out.file("init", init.read_bytes(), 0o755)
            return gzip.compress(out.finish(), 6, mtime=0)
        return cached("guest.cpio.gz", key, make)

    def dom0_initramfs(self) -> pathlib.Path:
        kernel_tree = self.kernel_tree(DOM0_KERNEL)
        lists = {n: paths.IMAGE / f"dom0.{n}" for n in ("packages", "files", "modules")}
        packages = self.apt.unpack(tree.words(lists["packages"]))
        parts = {"init": "dom0-init", "usr/lib/rig/agent": "agent",
                 "etc/hospes/start-debian-tools": "start-debian-tools"}
        parts = {k: paths.IMAGE / v for k, v in parts.items()}
        guest = self.guest_initramfs()
        key = paths.digest(RECIPE, *lists.values(), *parts.values(), str(kernel_tree),
                           str(packages), guest, self.guest_kernel())

        def make():
            out, have = Cpio(), set()
            tree.base_layout(out)
            tree.add_files(out, packages, tree.words(lists["files"]), have)
            tree.busybox(out, packages, have)
            tree.add_modules(out, kernel_tree, tree.words(lists["modules"]))
            for name, path in parts.items():
                out.file(name, path.read_bytes(), 0o755)
            self._etc(out)
            self._guest(out, guest)
            return out.finish()
        return cached("dom0.cpio", key, make)

    def devices_archive(self) -> pathlib.Path:
        """To be appended to the small dom0: QEMU and its tools, and a guest whose kernel has all the frontends (as
        an ELF file: decoding it under emulation takes longer than all the rest)."""
        lists = {n: paths.IMAGE / f"devices.{n}" for n in ("packages", "files")}
        packages = self.apt.unpack(tree.words(lists["packages"]))
        guest = self.guest_initramfs(meta=DOM0_KERNEL, modules="devices.modules")
        base = self.dom0_initramfs()
        key = paths.digest(RECIPE, *lists.values(), str(packages), base.name, guest, str(self.dom0_kernel()))

        def make():
            out = Cpio()
            out.dirs |= {"usr", "usr/bin", "usr/lib", "usr/lib/x86_64-linux-gnu", "root", *tree.MERGED}
            tree.add_files(out, packages, tree.words(lists["files"]), names(base.read_bytes()))
            out.file("root/device-guest-vmlinux", self.dom0_vmlinux().read_bytes())
            out.file("root/device-guest.cpio.gz", guest.read_bytes())
            return out.finish()
        return cached("devices.cpio", key, make)

    def _etc(self, out):
        out.file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n")
        out.file("etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n")
        out.file("etc/hosts", "127.0.0.1 localhost\n10.77.0.1 dom0\n")
        out.link("etc/mtab", "/proc/self/mounts")
        out.dir("proc/xen")

    def _guest(self, out, guest):
        out.file("root/guest-vmlinuz", self.guest_kernel().read_bytes())
        out.file("root/guest.cpio.gz", guest.read_bytes())
        # tsc_mode: without it Xen exits on RDTSCP here and cannot decode it (emulated SVM, no nrip).
        out.file("root/guest.cfg", 'name = "guest"\ntype = "pv"\nkernel = "/root/guest-vmlinuz"\n'
                 'ramdisk = "/root/guest.cpio.gz"\nextra = "console=hvc0 quiet"\nmemory = 128\n'
                 'vcpus = 1\ntsc_mode = "native"\n')
