# SPDX-License-Identifier: MIT
"""`./hospes boot`: a dom0 shell on this terminal."""
import os
import pathlib
import subprocess
import tempfile

from . import build
from .cell import Setup, spec
from .images import Images
from .machine import DEFAULT_CPU, command


def boot(options, say):
    if options.tools != "debian" or (options.hypervisor == "hospes" and not os.environ.get("HOSPES_ELF")):
        say("building")
        build.build("release")
    setup = Setup(smp=options.smp, mem=options.mem, dom0_mem=options.dom0_mem,
                  cpu=options.cpu or DEFAULT_CPU, hv_args=options.args,
                  linux_args=options.linux_args)
    images = Images(say)
    with tempfile.TemporaryDirectory(prefix="hospes-boot-") as scratch:
        if options.full_dom0:
            from .debian import full_spec
            wanted = full_spec(images, options.hypervisor, options.tools, setup,
                               pathlib.Path(scratch))
        else:
            wanted = spec(images, options.hypervisor, options.tools, setup, pathlib.Path(scratch),
                          agent=False)
        say("booting; Ctrl-a x ends QEMU" + (", gdb: target remote :1234" if options.gdb else ""))
        argv = command(wanted, options.gdb) + ["-chardev", "stdio,id=s0,mux=on,signal=off",
                                               "-serial", "chardev:s0", "-mon", "chardev=s0"]
        return subprocess.run(argv).returncode
