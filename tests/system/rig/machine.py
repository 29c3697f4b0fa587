# SPDX-License-Identifier: MIT
"""One QEMU machine: the command line that is known to carry a hypervisor, and its life."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field

from .console import Console
from .patience import busy

# Debian's Xen under TCG: with SMAP its bounce frames fault, with MONITOR its idle loop does.
DEFAULT_CPU = "EPYC,+svm,+npt,-smap,-monitor"


@dataclass
class Spec:
    """What to boot: modules is [(file, command line)], the first is the dom0 kernel."""
    kernel: pathlib.Path
    args: str
    modules: list
    smp: int = 2
    mem: int = 2048
    cpu: str = DEFAULT_CPU
    drives: list = field(default_factory=list)
    extra: list = field(default_factory=list)
    boot_medium: list = field(default_factory=list)


def accelerator(cpu):
    """KVM when this machine has it and lets guests be hosts themselves, else TCG."""
    nested = any(pathlib.Path(f"/sys/module/kvm_{k}/parameters/nested").exists()
                 and pathlib.Path(f"/sys/module/kvm_{k}/parameters/nested").read_text().strip()
                 in ("1", "Y") for k in ("amd", "intel"))
    if nested and os.access("/dev/kvm", os.R_OK | os.W_OK) and not os.environ.get("HOSPES_NO_KVM"):
        return ["-accel", "kvm", "-cpu", "host"]
    return ["-accel", f"tcg,thread={tcg_threads()},tb-size=512", "-cpu", cpu]


def tcg_threads():
    """One thread per virtual CPU pays only while the host's CPUs are free: on a busy host a spinning
    vCPU waits for one that is not scheduled, and the machine becomes several times slower than with
    one thread for all (seen: 33 against 210 fork+exec in the same 150 s at load 14)."""
    asked = os.environ.get("HOSPES_TCG_THREAD")
    if asked:
        return asked
    return "single" if busy() else "multi"


def command(spec: Spec, gdb=False):
    argv = ["qemu-system-x86_64", "-M", "q35", *accelerator(spec.cpu), "-smp", str(spec.smp),
            "-m", str(spec.mem), "-display", "none", "-no-user-config", "-nodefaults", "-no-reboot"]
    if spec.boot_medium:
        argv += spec.boot_medium
    else:
        argv += ["-kernel", str(spec.kernel), "-append", spec.args]
        # A comma ends a module in QEMU's list unless it is doubled.
        modules = [f"{path} {line}".strip().replace(",", ",,") for path, line in spec.modules]
        if modules:
            argv += ["-initrd", ",".join(modules)]
    argv += ["-device", "ahci,id=ahci0"]
    for n, image in enumerate(spec.drives):
        argv += ["-drive", f"file={image},format=raw,if=none,id=d{n},snapshot=on",
                 "-device", f"ide-hd,drive=d{n},bus=ahci0.{n}"]
    argv += ["-netdev", "user,id=n0", "-device", "e1000e,netdev=n0,romfile="]
    return argv + spec.extra + (["-s", "-S"] if gdb else [])


class Monitor:
    """A connection to QEMU's monitor, for as long as the object lives."""

    def __init__(self, directory: pathlib.Path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)  # it answers once the machine is made, with all its memory if that is wanted
        self.sock.connect(str(directory / "monitor"))
        self._until_prompt()  # of its greeting

    def _until_prompt(self):
        said = ""
        while not said.endswith("(qemu) "):
            said += self.sock.recv(65536).decode("latin-1")
        return said

    def say(self, command):
        self.sock.sendall(command.encode() + b"\n")
        return self._until_prompt()


class Machine:
    running = set()
    over = False  # the run was ended from outside: no new ones

    @classmethod
    def end_all(cls):
        """Whoever waits for one of them finds its console closed."""
        cls.over = True
        for machine in list(cls.running):
            machine.proc.kill()

    def __init__(self, spec: Spec, log_path: pathlib.Path, echo=None):
        if Machine.over:
            raise RuntimeError("the run was ended")
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="hospes-vm-"))
        log_path.parent.mkdir(parents=True, exist_ok=True)
        self.log_path = log_path
        serial = self.dir / "serial"
        argv = command(spec) + [
            "-chardev", f"socket,id=s0,path={serial},server=on,wait=on", "-serial", "chardev:s0",
            "-monitor", f"unix:{self.dir / 'monitor'},server=on,wait=off"]
        self.qemu_log = open(log_path.with_suffix(".qemu"), "w")
        self.qemu_log.write(" ".join(argv) + "\n")
        self.qemu_log.flush()
        self.proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.qemu_log,
                                     stderr=subprocess.STDOUT)
        Machine.running.add(self)
        try:
            self.console = Console(serial, log_path, echo)
        except OSError:
            raise self._not_started() from None

    def _not_started(self):
        self.kill()
        said = self.log_path.with_suffix(".qemu").read_text().splitlines()[1:]
        return RuntimeError("QEMU did not start: " + " / ".join(said[-3:]))

    def monitor(self, command):
        """Give QEMU's monitor a command; what it says to it."""
        return Monitor(self.dir).say(command)

    def go(self):
        """Starts what -S holds back, once QEMU has made the machine."""
        while not (self.dir / "monitor").exists() and self.proc.poll() is None:
            time.sleep(0.05)
        try:
            self.monitor("cont")
        except OSError:  # its host had no room for the memory, say
            raise self._not_started() from None

    def wait_off(self, timeout):
        """True once QEMU has ended by itself."""
        try:
            self.proc.wait(timeout)
            return True
        except subprocess.TimeoutExpired:
            return False

    def kill(self):
        Machine.running.discard(self)
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
            try:
                self.proc.wait(10)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
        if hasattr(self, "console"):
            self.console.close()
        self.qemu_log.close()
        shutil.rmtree(self.dir, ignore_errors=True)
