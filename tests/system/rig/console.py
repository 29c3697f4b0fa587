# SPDX-License-Identifier: MIT
"""A serial console as a byte stream that is logged, searched and waited on."""
import os
import re
import select
import socket
import time

from .patience import stretched

OVERLAP = 2000  # longer than any message that a pattern without (?s) stands for


class ConsoleClosed(RuntimeError):
    pass


class ConsoleTimeout(RuntimeError):
    pass


class Console:
    """The near end of QEMU's serial socket. Everything that arrives goes to the log file at once."""

    def __init__(self, path, log_path, echo=None):
        deadline = time.monotonic() + 30
        while True:
            try:
                self.sock = socket.socket(socket.AF_UNIX)
                self.sock.connect(str(path))
                break
            except OSError:
                self.sock.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        self.log = open(log_path, "ab", buffering=0)
        self.text = ""
        self.echo = echo
        self.quiet_since = time.monotonic()

    def pump(self, timeout):
        """Take in what is there; wait at most timeout for the first byte."""
        ready, _, _ = select.select([self.sock], [], [], max(0.0, timeout))
        if not ready:
            return False
        data = self.sock.recv(65536)
        if not data:
            raise ConsoleClosed("the machine's console closed")
        self.log.write(data)
        if self.echo is not None:
            os.write(self.echo, data)
        self.text += data.decode("latin-1")
        self.quiet_since = time.monotonic()
        return True

    def expect(self, pattern, timeout, stop=None):
        """The match of pattern in what arrives; drops the text up to its end. A match of stop (a
        panic, say) ends the wait early."""
        timeout = stretched(timeout)
        deadline = time.monotonic() + timeout
        wanted, bad_news = re.compile(pattern), stop and re.compile(stop)
        seen = 0  # a flood of log lines must not be searched again with every piece that comes
        while True:
            whole = bool(wanted.flags & re.DOTALL)
            found = wanted.search(self.text, 0 if whole else max(0, seen - OVERLAP))
            if found:
                self.text = self.text[found.end():]
                return found
            bad = stop and bad_news.search(self.text, max(0, seen - OVERLAP))
            seen = len(self.text)
            if bad:
                raise ConsoleTimeout(f"saw {bad[0].strip()!r} while waiting for {pattern!r}")
            left = deadline - time.monotonic()
            if left <= 0:
                raise ConsoleTimeout(f"no {pattern!r} within {timeout:.0f} s; last lines:\n"
                                     + tail(self.text))
            self.pump(min(left, 1.0))

    def send(self, text):
        self.sock.sendall(text.encode())

    def close(self):
        self.sock.close()
        self.log.close()


def tail(text, lines=12):
    kept = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join("    | " + line for line in kept[-lines:]) or "    | (nothing)"
