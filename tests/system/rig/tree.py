# SPDX-License-Identifier: MIT
"""From unpacked packages to an initramfs: chosen files, their libraries, kernel modules."""
import glob
import os
import pathlib
import shutil
import subprocess
import tempfile

from . import elf
from .cpio import Cpio

MERGED = ("bin", "sbin", "lib", "lib64")
KMOD = "/sbin/depmod"


def words(path: pathlib.Path):
    """The words of a list file, comments aside."""
    out = []
    for line in path.read_text().splitlines():
        out += line.split("#")[0].split()
    return out


def merged(name: str) -> str:
    """Where a file goes under a merged /usr."""
    return "usr/" + name if name.split("/")[0] in MERGED else name


def base_layout(archive: Cpio):
    for name in ("usr/bin", "usr/sbin", "usr/lib/x86_64-linux-gnu", "usr/lib64", "proc", "sys", "dev",
                 "run", "root", "etc", "var/log/xen/console", "var/lib/xen/dump", "mnt"):
        archive.dir(name)
    archive.dir("tmp", 0o1777)
    for name in MERGED:
        archive.link(name, "usr/" + name)
        archive.dirs.add(name)
    archive.link("var/run", "/run")
    archive.link("var/lock", "/run/lock")
    # The kernel opens /dev/console before init can mount anything.
    archive.node("dev/console", "c", 5, 1)
    archive.node("dev/null", "c", 1, 3, 0o666)


def add_files(archive: Cpio, tree: pathlib.Path, patterns, have: set):
    """Files matching the globs plus the libraries they need."""
    chosen = []
    for pattern in patterns:
        hits = [pathlib.Path(p) for p in sorted(glob.glob(str(tree / pattern)))]
        if not hits:
            raise RuntimeError(f"no file matches {pattern!r} in the unpacked packages")
        chosen += [h for h in hits if h.is_symlink() or h.is_file()]
    for path in chosen:
        name = merged(str(path.relative_to(tree)))
        if name not in have:
            have.add(name)
            archive.path(name, path)
    real = [c for c in chosen if c.exists() and not c.is_symlink()]
    for name, path in sorted(elf.closure(tree, real).items()):
        name = merged(name.strip("/"))
        if path is not None and name not in have:
            have.add(name)
            archive.file(name, path.resolve().read_bytes(), 0o755)


def busybox(archive: Cpio, tree: pathlib.Path, have: set, folder="usr/bin"):
    """busybox itself and a link for each of its tools that nothing better provides."""
    binary = next(p for p in (tree / "bin/busybox", tree / "usr/bin/busybox") if p.exists())
    archive.file(f"{folder}/busybox", binary.read_bytes(), 0o755)
    tools = subprocess.run([binary, "--list"], text=True, capture_output=True, check=True).stdout
    present = {h.rsplit("/", 1)[-1] for h in have}
    for tool in tools.split():
        if tool != "busybox" and tool not in present:
            archive.link(f"{folder}/{tool}", f"/{folder}/busybox")


def kernel_version(tree: pathlib.Path) -> str:
    return next((tree / "lib" / "modules").iterdir()).name


def module_closure(moddir: pathlib.Path, wanted):
    """Relative paths of the modules and, through modules.dep, of what they need."""
    deps, by_name = {}, {}
    for line in (moddir / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        deps[path] = rest.split()
        by_name[os.path.basename(path).split(".")[0].replace("-", "_")] = path
    builtin = {os.path.basename(p).split(".")[0].replace("-", "_")
               for p in (moddir / "modules.builtin").read_text().split()}
    chosen = set()
    for name in wanted:
        key = name.replace("-", "_")
        if key in by_name:
            chosen |= {by_name[key], *deps[by_name[key]]}
        elif key not in builtin:
            raise RuntimeError(f"kernel module {name} is not in {moddir.name}")
    return sorted(chosen)


def add_modules(archive: Cpio, kernel_tree: pathlib.Path, wanted):
    version = kernel_version(kernel_tree)
    moddir = kernel_tree / "lib" / "modules" / version
    if not (moddir / "modules.dep").exists():
        subprocess.run([KMOD, "-b", str(kernel_tree), version], check=True)
    with tempfile.TemporaryDirectory() as scratch:
        base = pathlib.Path(scratch)
        target = base / "lib" / "modules" / version
        for rel in module_closure(moddir, wanted):
            (target / rel).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(moddir / rel, target / rel)
        for name in ("modules.builtin", "modules.order", "modules.builtin.modinfo"):
            if (moddir / name).exists():
                shutil.copy(moddir / name, target / name)
        subprocess.run([KMOD, "-b", str(base), version], check=True)
        for path in sorted(target.rglob("*")):
            if path.is_file():
                archive.file(f"usr/lib/modules/{version}/{path.relative_to(target)}",
                             path.read_bytes())
