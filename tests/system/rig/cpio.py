# SPDX-License-Identifier: MIT
"""A writer for the kernel's initramfs format ("newc" cpio, Documentation/driver-api/early-userspace
/buffer-format). Reproducible, and it needs no root for device nodes."""
import os
import pathlib
import stat


class Cpio:
    def __init__(self):
        self.out = bytearray()
        self.ino = 1
        self.dirs = {""}

    def _entry(self, name, mode, data=b"", dev=(0, 0)):
        raw = name.encode() + b"\0"
        fields = (self.ino, mode, 0, 0, 1, 0, len(data), 0, 0, dev[0], dev[1], len(raw), 0)
        self.ino += 1
        self.out += b"070701" + b"".join(b"%08X" % f for f in fields) + raw
        self._pad()
        self.out += data
        self._pad()

    def _pad(self):
        self.out += b"\0" * (-len(self.out) % 4)

    def _parents(self, name):
        parent = os.path.dirname(name)
        if parent not in self.dirs:
            self.dir(parent)

    def dir(self, name, mode=0o755):
        name = name.strip("/")
        if name in self.dirs:
            return
        self._parents(name)
        self.dirs.add(name)
        self._entry(name, stat.S_IFDIR | mode)

    def file(self, name, data, mode=0o644):
        name = name.strip("/")
        self._parents(name)
        self._entry(name, stat.S_IFREG | mode, data.encode() if isinstance(data, str) else data)

    def link(self, name, target):
        name = name.strip("/")
        self._parents(name)
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def node(self, name, kind, major, minor, mode=0o600):
        name = name.strip("/")
        self._parents(name)
        self._entry(name, (stat.S_IFCHR if kind == "c" else stat.S_IFBLK) | mode,
                    dev=(major, minor))

    def path(self, name, source: pathlib.Path):
        """A file or symbolic link as it lies on disk."""
        if source.is_symlink():
            self.link(name, os.readlink(source))
        else:
            self.file(name, source.read_bytes(), stat.S_IMODE(source.stat().st_mode))

    def finish(self) -> bytes:
        """The archive, padded so that another one can be appended to it."""
        self._entry("TRAILER!!!", 0)
        self.out += b"\0" * (-len(self.out) % 512)
        return bytes(self.out)


def names(data: bytes):
    """The names in an archive that Cpio wrote."""
    found, at = set(), 0
    while data[at:at + 6] == b"070701":
        size, length = int(data[at + 54:at + 62], 16), int(data[at + 94:at + 102], 16)
        found.add(data[at + 110:at + 109 + length].decode())
        at += 110 + length
        at += -at % 4 + size
        at += -at % 4
    return found - {"TRAILER!!!"}
