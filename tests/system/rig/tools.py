# SPDX-License-Identifier: MIT
"""Whose toolstack a boot uses, and the archive that brings ours into dom0. It is appended to the cached
dom0 image, so a rebuild of the tools does not rebuild the image."""
import pathlib
import subprocess
import tempfile

from . import elf, paths, tree
from .cpio import Cpio, names
from .images import DOM0_KERNEL

# The last two are mixed: one part of ours, the rest Debian's.
TOOLSTACKS = ("hospes", "debian", "hospes-xl+debian-store", "debian-xl+hospes-store")

HOME = "usr/lib/hospes"
# Program -> where the build leaves it.
PROGRAMS = {
    "xl": "xl/xl",
    "xenstored": "xenstored/xenstored",
    "xenconsoled": "libxl/consoled/xenconsoled",
    "hospes-init-dom0": "libxl/hospes-init-dom0",
    "xl-supervisor": "libxl/supervisor/xl-supervisor",
}

# Their systemd units, as the build configures them.
UNITS = ("xenstored/xenstored", "libxl/xen-init-dom0", "libxl/consoled/xenconsoled", "libxl/supervisor/xl-supervisor")


def built(name) -> pathlib.Path:
    path = paths.build_dir() / "release" / PROGRAMS[name]
    if not path.exists():
        raise RuntimeError(f"{path} is missing: build it first (./hospes build)")
    return path


def stripped(path: pathlib.Path) -> bytes:
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["strip", "-o", out.name, str(path)], check=True)
        return pathlib.Path(out.name).read_bytes()


# Of Debian's: what serves images in a driver domain, and what makes them.
DRIVER_PROGRAMS = ("usr/libexec/xen-qemu-system-i386", "usr/bin/qemu-img")
QEMU_KEYMAP = "usr/share/qemu/keymaps/en-us"  # without it QEMU does not start, with no keyboard either


def driver_initramfs(images) -> bytes:
    """For a guest that serves devices: the rig's small guest with the backends' modules, our xl, and QEMU."""
    packages = images.apt.unpack(sum((tree.words(paths.IMAGE / f"{name}.packages") for name in ("tools", "devices")), []))
    base = images.guest_initramfs(meta=DOM0_KERNEL, modules="driver.modules").read_bytes()
    out = Cpio()
    out.dirs |= {"usr", "usr/lib", "lib", "bin"}
    out.link("lib64", "usr/lib")
    out.file(f"{HOME}/bin/xl", stripped(built("xl")), 0o755)
    programs = [packages / name for name in DRIVER_PROGRAMS]
    for name, path in zip(DRIVER_PROGRAMS, programs):
        out.file(name, path.read_bytes(), 0o755)
    out.file(QEMU_KEYMAP, (packages / QEMU_KEYMAP).read_bytes())
    for name, path in sorted(elf.closure(packages, [built("xl"), *programs]).items()):
        # The loader is asked for by its path, the libraries are found in the folder it looks into.
        folder = "usr/lib" if "/ld-linux" in name else "usr/lib/x86_64-linux-gnu"
        out.file(f"{folder}/{pathlib.Path(name).name}", path.resolve().read_bytes(), 0o755)
    out.file("init", (paths.IMAGE / "driver-init").read_bytes(), 0o755)
    return base + b"\0" * (-len(base) % 4) + out.finish()


def archive(images) -> bytes:
    """The programs, the libraries that the small dom0 lacks, and the script that starts them."""
    base = names(images.dom0_initramfs().read_bytes())
    packages = images.apt.unpack(tree.words(paths.IMAGE / "tools.packages"))
    out = Cpio()
    out.dirs |= {"usr", "usr/lib", "usr/bin", "usr/lib/x86_64-linux-gnu", *tree.MERGED}
    for name in PROGRAMS:
        out.file(f"{HOME}/bin/{name}", stripped(built(name)), 0o755)
    for name, path in sorted(elf.closure(packages, map(built, PROGRAMS)).items()):
        name = tree.merged(name.strip("/"))
        if path is not None and name not in base:
            out.file(name, path.resolve().read_bytes(), 0o755)
    for unit in UNITS:
        path = paths.build_dir() / "release" / f"{unit}.service"
        out.file(f"{HOME}/units/{path.name}", path.read_bytes())
    out.file(f"{HOME}/systemd-init", (paths.IMAGE / "systemd-init").read_bytes(), 0o755)
    out.file(f"{HOME}/start-tools", (paths.IMAGE / "start-hospes-tools").read_bytes(), 0o755)
    return out.finish()
