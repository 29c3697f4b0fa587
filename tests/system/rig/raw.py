# SPDX-License-Identifier: MIT
"""Boots that do not end in a dom0 with a toolstack: the machine alone and what it says."""
import pathlib
import tempfile

from .apt import MAKING
from .cell import Setup, spec
from .console import ConsoleClosed, ConsoleTimeout
from .machine import Machine


class RawCell:
    """Handed to scenarios that boot machines themselves."""

    def __init__(self, images, hypervisor, tools, log: pathlib.Path):
        self.images, self.hypervisor, self.tools, self.log = images, hypervisor, tools, log

    def spec(self, setup=Setup(vmlinux=True)):
        self._scratch = tempfile.TemporaryDirectory(prefix="hospes-raw-")
        with MAKING:
            return spec(self.images, self.hypervisor, self.tools, setup, pathlib.Path(self._scratch.name))

    def expect(self, wanted, pattern, timeout=120, quiet=0):
        """Boot and wait for pattern; then the machine must say nothing more for `quiet` seconds that
        looks like a fresh start. The text up to there."""
        machine = Machine(wanted, self.log)
        try:
            text = machine.console.expect(pattern, timeout)[0]
            if quiet:
                machine.console.text = ""
                try:
                    again = machine.console.expect(r"DOM0-UP|SeaBIOS", quiet)[0]
                    raise AssertionError(f"the machine went on after its end: {again!r}")
                except (ConsoleTimeout, ConsoleClosed):
                    pass
            return text
        except (ConsoleTimeout, ConsoleClosed) as why:
            raise AssertionError(str(why)) from None
        finally:
            machine.kill()
