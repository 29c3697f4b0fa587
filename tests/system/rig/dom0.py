# SPDX-License-Identifier: MIT
"""A running dom0 and the command loop in it (image/agent): run a script there, get status and
output. The console is shared and lossy, so each message is framed, checked and repeated if need be."""
import base64
import re
import time
from dataclasses import dataclass

from .console import Console, ConsoleTimeout
from .patience import stretched

PIECE = 72  # below the hypervisors' input rings (Xen: 128 bytes)
DEAD = r"(?:Panic on CPU|Kernel panic - not syncing|[Dd]om(?:ain )?0 crashed).*"


class CommandFailed(AssertionError):
    pass


class HostLost(RuntimeError):
    """The machine or its dom0 no longer answers: nothing more can run in this boot."""


@dataclass
class Result:
    status: int
    out: str
    seconds: float


def cksum(data: bytes) -> int:
    """POSIX cksum, which dom0's tools compute."""
    crc = 0
    length = len(data)
    tail = bytearray()
    while length:
        tail.append(length & 0xFF)
        length >>= 8
    for byte in data + bytes(tail):
        crc ^= byte << 24
        for _ in range(8):
            crc = ((crc << 1) ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc ^ 0xFFFFFFFF


class Dom0:
    def __init__(self, console: Console):
        self.console = console
        self.id = 0

    def attach(self, timeout):
        self._await(r"@ready@", timeout)

    def _await(self, pattern, timeout):
        try:
            return self.console.expect(pattern, timeout, stop=DEAD)
        except (ConsoleTimeout, OSError) as why:
            raise HostLost(str(why)) from None
        except RuntimeError as why:
            raise HostLost(str(why)) from None

    def _ask(self, line, answer, timeout=20, tries=4):
        """Send a line until its answer comes: input may be dropped on the way."""
        for left in range(tries - 1, -1, -1):
            try:
                self.console.send(line + "\n")
                return self.console.expect(answer, timeout, stop=DEAD)
            except ConsoleTimeout as why:
                if not left or re.search(DEAD, self.console.text):
                    raise HostLost(f"dom0's command loop is silent: {why}") from None
                self.console.send("\n")
            except (RuntimeError, OSError) as why:
                raise HostLost(str(why)) from None

    def _load(self, script: bytes):
        encoded = base64.b64encode(script).decode()
        self._ask("n", r"@n@")
        for n, start in enumerate(range(0, len(encoded), PIECE)):
            self._ask(f"p {n} {encoded[start:start + PIECE]}", rf"@a {n}@")

    def run(self, script: str, timeout=60) -> Result:
        """Run a bash script in dom0. timeout is dom0's (longer on a busy machine: see patience.py); some more is
        granted to the way there."""
        start = time.monotonic()
        data = script.encode()
        self.id += 1
        self._start(data, stretched(timeout))
        return self._collect(self._end(timeout), start)

    def _end(self, timeout):
        """The line that ends a command. A console that others flood may have lost it: ask again."""
        pattern = rf"@e {self.id} (\d+) (\d+) (\d+)@|@e {self.id} [^@]*@"
        for patience in (timeout + 20, 30):
            try:
                return self.console.expect(pattern, patience, stop=DEAD)
            except ConsoleTimeout as why:
                if re.search(DEAD, self.console.text):
                    raise HostLost(str(why)) from None
                self.console.send(f"\nr {self.id}\n")
            except (RuntimeError, OSError) as why:
                raise HostLost(str(why)) from None
        return self._await(pattern, 30)

    def _start(self, data, timeout):
        """Get the script there whole and set it going."""
        line = f"x {self.id} {timeout} {cksum(data + f' {self.id} {timeout}'.encode())}"
        for _ in range(5):
            self._load(data)
            if self._ask(line, rf"@s {self.id}@|@b@", 60)[0] != "@b@":
                return
        raise HostLost("dom0's command loop never got the command whole")

    def _collect(self, end, start):
        for attempt in range(4):
            if end[1] is not None:
                out = self._output(end)
                if out is not None:
                    return Result(int(end[1]), out.decode("utf-8", "replace"),
                                  time.monotonic() - start)
            self.console.send(f"r {self.id}\n")
            end = self._await(rf"@e {self.id} (\d+) (\d+) (\d+)@|@e {self.id} [^@]*@", 60)
        raise HostLost("a result from dom0 came garbled four times")

    def _output(self, end):
        # expect() dropped the text before the match from its buffer but the match keeps it.
        seen = end.string[:end.start()]
        lines = {int(n): b for n, b in
                 re.findall(rf"@o {self.id} (\d+) ([A-Za-z0-9+/=]*)@", seen)}
        if len(lines) < int(end[2]):
            return None
        try:
            data = b"".join(base64.b64decode(lines[n]) for n in range(1, int(end[2]) + 1))
        except (KeyError, ValueError):
            return None
        return data if cksum(data) == int(end[3]) else None

    def check(self, script: str, timeout=60) -> str:
        """Run; the output, or CommandFailed with what was said."""
        done = self.run(script, timeout)
        if done.status:
            why = "timed out" if done.status == 124 else f"status {done.status}"
            raise CommandFailed(f"{script.strip().splitlines()[0][:120]}: {why}\n"
                                f"{done.out.strip()[-1500:]}")
        return done.out
