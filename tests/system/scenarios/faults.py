# SPDX-License-Identifier: MIT
"""Boots that cannot work must end in one clear message and a stop, not in a reset or silence."""
import dataclasses
import pathlib
import tempfile

from rig.cell import Setup
from rig.scenario import scenario

# Hospes's sentences; the reference says it in its own way, so there the end alone is checked.
# Up to the line's end: a part of the line that has arrived is not the message yet.
STOP = {"hospes": r"(?:Cannot boot:|Panic on CPU)[^\n]*\n",
        "xen": r"(?m)(?:Panic on CPU|Could not|panic)[^\n]*\n[^\n]*"}


def stops(cell, wanted, clue):
    text = cell.expect(wanted, STOP[cell.hypervisor], quiet=3)
    if cell.hypervisor == "hospes":
        assert clue in text.lower(), f"the message does not name {clue!r}: {text!r}"


@scenario(boot=None, full=True)
def no_modules(cell):
    wanted = cell.spec()
    wanted.modules = []
    stops(cell, wanted, "module")


@scenario(boot=None, full=True)
def kernel_is_garbage(cell):
    with tempfile.NamedTemporaryFile() as junk:
        junk.write(b"This is no kernel.\n" * 4000)
        junk.flush()
        wanted = cell.spec()
        wanted.modules = [(pathlib.Path(junk.name), "")]
        stops(cell, wanted, "kernel")


@scenario(boot=None, full=True)
def kernel_is_cut_short(cell):
    image = cell.images.dom0_kernel().read_bytes()
    with tempfile.NamedTemporaryFile() as cut:
        cut.write(image[:len(image) // 2])
        cut.flush()
        wanted = cell.spec()
        wanted.modules = [(pathlib.Path(cut.name), "console=hvc0"), *wanted.modules[1:]]
        stops(cell, wanted, "kernel")


@scenario(boot=None, full=True)
def too_little_memory(cell):
    wanted = cell.spec(Setup(vmlinux=True, mem=192, dom0_mem=768))
    stops(cell, wanted, "memory")


@scenario(boot=None, full=True, cells=("hospes:debian", "hospes:hospes"))
def too_many_modules(cell):
    with tempfile.NamedTemporaryFile() as module:
        module.write(b"0" * 512)
        module.flush()
        wanted = cell.spec()
        wanted.modules += [(pathlib.Path(module.name), "")] * 30
        stops(cell, wanted, "more modules than expected")


@scenario(boot=None, full=True, cells=("hospes:debian", "hospes:hospes"))
def endless_command_line(cell):
    """A loader's text that is longer than anything we keep: named, not cut in the middle of an option."""
    wanted = cell.spec()
    wanted.modules[0] = (wanted.modules[0][0], "x=" + "y" * 8000)
    stops(cell, wanted, "too long")


@scenario(boot=None, full=True, cells=("hospes:debian", "hospes:hospes"))
def initrd_is_garbage(cell):
    """Not the hypervisor's to judge: dom0's kernel says so, and its panic is the end."""
    with tempfile.NamedTemporaryFile() as junk:
        junk.write(b"This is no initramfs." * 4000)
        junk.flush()
        wanted = cell.spec()
        wanted.modules[1] = (pathlib.Path(junk.name), "")
        cell.expect(wanted, r"(?s)Kernel panic.*dom0 crashed: halting", 300, quiet=3)


@scenario(boot=None, full=True, cells=("hospes:debian", "hospes:hospes"))
def unknown_option_is_named(cell):
    """An option that nobody knows is named in the log and ignored."""
    wanted = cell.spec(Setup(vmlinux=True, hv_args="frobnicate=7 dom0_max_vcpus=lots"))
    text = cell.expect(wanted, r"(?s)frobnicate.*DOM0-UP", 300)
    assert "dom0_max_vcpus" in text.split("Command line", 1)[-1], "a malformed option was not named"


def grub(cell, firmware):
    from rig.grub import grub_spec
    with tempfile.TemporaryDirectory(prefix="hospes-grub-") as scratch:
        wanted = grub_spec(cell.spec(), pathlib.Path(scratch), firmware)
        cell.expect(dataclasses.replace(wanted), r"TOOLSTACK-UP", 600)


@scenario(boot=None, full=True)
def multiboot2_bios(cell):
    grub(cell, "bios")


@scenario(boot=None, full=True)
def multiboot2_uefi(cell):
    grub(cell, "uefi")
