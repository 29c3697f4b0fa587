# SPDX-License-Identifier: MIT
"""A cell of the matrix: one hypervisor with one toolstack, booted with the small dom0."""
import os
import pathlib
import tempfile
import time
from dataclasses import dataclass, field

from . import paths, tools as toolstack
from .apt import MAKING
from .checks import Checks
from .console import ConsoleClosed
from .cpio import Cpio
from .dom0 import Dom0
from .images import Images
from .machine import DEFAULT_CPU, Machine, Spec
from .patience import stretched

HYPERVISORS = ("hospes", "xen")


@dataclass(frozen=True)
class Setup:
    """The machine that a group of scenarios wants."""
    smp: int = 2
    mem: int = 2048
    dom0_mem: int = 768
    cpu: str = DEFAULT_CPU
    hv_args: str = ""
    linux_args: str = ""
    vmlinux: bool = False  # the decompressed dom0 kernel instead of the stock bzImage
    files: tuple = field(default=())  # (name in dom0, path on this machine)
    devices: bool = False  # QEMU in dom0, for the devices that it serves
    qemu: tuple = ()  # more arguments of the machine
    # A machine's memory is there before it is used. An emulator's costs its host a page fault at each first touch, which
    # makes a domain dearer whose memory nobody had before; so, for what is measured, the host allocates it beforehand.
    memory_there: bool = False
    tree: str = "release"  # which build of Hospes
    patience: int = 240  # seconds from dom0's start until its toolstack is up


def hospes_elf(tree="release") -> pathlib.Path:
    elf = pathlib.Path(os.environ.get("HOSPES_ELF")
                       or paths.build_dir() / tree / "hypervisor" / "hospes.elf32")
    if not elf.exists():
        raise RuntimeError(f"{elf} is missing: build it first (./hospes build)")
    return elf


def initrd_for(images, tools, setup, scratch) -> pathlib.Path:
    """The small dom0, followed by an archive each for our tools and for the scenarios' own files."""
    initrd = images.dom0_initramfs()
    more = b"" if tools == "debian" else toolstack.archive(images)
    if setup.devices:
        more += images.devices_archive().read_bytes()
    if setup.files:
        extra = Cpio()
        for name, path in setup.files:
            path = pathlib.Path(path)
            extra.file(name, path.read_bytes(), path.stat().st_mode & 0o777)
        more += extra.finish()
    if not more:
        return initrd
    joined = scratch / "initrd"
    joined.write_bytes(initrd.read_bytes() + more)
    return joined


def spec(images: Images, hypervisor: str, tools: str, setup: Setup, scratch: pathlib.Path,
         agent=True) -> Spec:
    elf = hospes_elf(setup.tree) if hypervisor == "hospes" else images.reference_xen()
    kernel = images.dom0_vmlinux() if setup.vmlinux else images.dom0_kernel()
    initrd = initrd_for(images, tools, setup, scratch)
    # Lazy FPU switching under QEMU 7.2's TCG let one domain's vector registers into another (vector_stress
    # beside a busy guest; busybox and xl crashed on it). Xen switches eagerly when told.
    hv_args = setup.hv_args + (" spec-ctrl=eager-fpu" if hypervisor == "xen" else "")
    args = (f"console=com1 com1=115200,8n1 dom0_mem={setup.dom0_mem}M,max:{setup.dom0_mem}M "
            f"loglvl=all guest_loglvl=all noreboot=1 {hv_args}").strip()
    linux = f"console=hvc0 quiet hospes.tools={tools}" + (" hospes.agent" if agent else "")
    return Spec(elf, args, [(kernel, f"{linux} {setup.linux_args}".strip()), (initrd, "")],
                setup.smp, setup.mem, setup.cpu, extra=[*setup.qemu, *(["-mem-prealloc", "-S"] * setup.memory_there)])


class Host(Checks, Dom0):
    """The booted cell as scenarios see it."""

    def __init__(self, images, hypervisor, tools, setup: Setup, log: pathlib.Path, echo=None,
                 make_spec=spec):
        self.hypervisor, self.tools, self.setup, self.log = hypervisor, tools, setup, log
        self.scratch = tempfile.TemporaryDirectory(prefix="hospes-boot-")
        with MAKING:
            what = make_spec(images, hypervisor, tools, setup, pathlib.Path(self.scratch.name))
        self.started = time.monotonic()
        self.machine = Machine(what, log, echo)
        super().__init__(self.machine.console)
        try:
            if setup.memory_there:
                self.machine.go()
                self.started = time.monotonic()
            self._boot()
        except BaseException:
            self.close()
            raise

    def _boot(self):
        self._await(r"DOM0-UP uptime=([\d.]+)", 400)
        self.dom0_up = time.monotonic()
        self._await(r"TOOLSTACK-UP uptime=([\d.]+)", self.setup.patience)
        self.attach(60)
        self.baseline = self.free_memory()

    def free_memory(self) -> int:
        return int(self.check("xl info | sed -n 's/^free_memory *: *//p'"))

    def power_off(self, verb="poweroff", timeout=60, command=None):
        """True if the machine switched itself off (or reset itself, which ends this QEMU as well)."""
        self.id += 1
        self._start((command or f"sync; busybox {verb} -f").encode(), 30)
        deadline = time.monotonic() + stretched(timeout)
        try:
            while time.monotonic() < deadline:
                self.console.pump(1.0)
        except (ConsoleClosed, OSError):
            pass
        return self.machine.wait_off(max(1.0, deadline - time.monotonic()))

    def close(self):
        self.machine.kill()
        self.scratch.cleanup()
