# SPDX-License-Identifier: MIT
"""A GRUB medium: Multiboot 2, on BIOS or on UEFI."""
import dataclasses
import pathlib
import shutil
import subprocess

from .machine import Spec

OVMF = pathlib.Path("/usr/share/OVMF/OVMF_CODE.fd")


def grub_iso(spec: Spec, scratch: pathlib.Path) -> pathlib.Path:
    boot = scratch / "iso" / "boot"
    (boot / "grub").mkdir(parents=True)
    shutil.copy(spec.kernel, boot / "hypervisor")
    lines = ["serial --unit=0 --speed=115200", "terminal_input serial", "terminal_output serial",
             "set timeout=0", "menuentry host {", f"  multiboot2 /boot/hypervisor {spec.args}"]
    for n, (path, args) in enumerate(spec.modules):
        shutil.copy(path, boot / f"module{n}")
        # GRUB hands a gzipped module over unpacked unless told otherwise.
        lines.append(f"  module2 --nounzip /boot/module{n} {args}")
    lines.append("}")
    (boot / "grub" / "grub.cfg").write_text("\n".join(lines) + "\n")
    iso = scratch / "host.iso"
    done = subprocess.run(["grub-mkrescue", "-o", str(iso), str(scratch / "iso")], text=True,
                          capture_output=True)
    if done.returncode:
        raise RuntimeError(f"grub-mkrescue: {done.stderr.strip()[-400:]}")
    shutil.rmtree(scratch / "iso")
    return iso


def grub_spec(spec: Spec, scratch: pathlib.Path, firmware: str) -> Spec:
    iso = grub_iso(spec, scratch)
    medium = ["-drive", f"file={iso},format=raw,if=none,id=cd0,media=cdrom,readonly=on",
              "-device", "ide-cd,drive=cd0,bus=ide.0"]
    if firmware == "uefi":
        medium += ["-drive", f"if=pflash,format=raw,readonly=on,file={OVMF}"]
    return dataclasses.replace(spec, boot_medium=medium)
