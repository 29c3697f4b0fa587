#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""image_check.py HOSPES.ELF HOSPES.ELF32: refuses an image that breaks the rules of a boot image, then writes the
form that boot loaders take (QEMU's Multiboot 1 loader wants ELF32; GRUB takes it under both protocols).

Rules: segments are W^X, page-aligned, do not overlap, lie where the boot page tables reach; the Multiboot headers are
in the first 8 KiB of the file; no relocation or dynamic section is left."""
import struct
import sys

PT_LOAD, PF_X, PF_W = 1, 1, 2


def fail(why):
    sys.exit(f"image_check: {why}")


def main():
    data = open(sys.argv[1], "rb").read()
    if data[:6] != b"\x7fELF\x02\x01":
        fail("not a little-endian ELF64")
    entry, phoff = struct.unpack_from("<QQ", data, 24)
    phentsize, phnum = struct.unpack_from("<HH", data, 54)
    loads, last = [], 0
    for i in range(phnum):
        kind, flags, off, va, pa, filesz, memsz, _ = struct.unpack_from("<IIQQQQQQ", data, phoff + i * phentsize)
        if kind in (2, 3):
            fail("the image is dynamic")
        if kind != PT_LOAD:
            continue
        if flags & PF_X and flags & PF_W:
            fail(f"segment at {va:#x} is writable and executable")
        if va % 4096 or pa % 4096 or pa < last:
            fail(f"segment at {va:#x} is not page-aligned or overlaps the one before")
        last = pa + memsz
        loads.append((flags, data[off:off + filesz], pa, memsz))
    if len(loads) != 3 or last > 16 << 20:
        fail(f"{len(loads)} segments up to {last:#x}, expected 3 below 16 MiB")
    if not loads[0][2] <= entry < loads[0][2] + len(loads[0][1]):
        fail(f"entry {entry:#x} is not in the code segment")
    head = loads[0][1][:8192 - 4096]
    if struct.pack("<I", 0x1BADB002) not in head or struct.pack("<I", 0xE85250D6) not in head:
        fail("a Multiboot header is missing from the first 8 KiB")

    out, offset = [], 4096
    header = b"\x7fELF\x01\x01\x01" + bytes(9) + struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, entry, 52, 0, 0, 52, 32,
                                                             len(loads), 40, 0, 0)
    body = b""
    for flags, content, pa, memsz in loads:
        header += struct.pack("<IIIIIIII", PT_LOAD, offset, pa, pa, len(content), memsz, flags, 4096)
        body += content + bytes(-len(content) % 4096)
        offset = 4096 + len(body)
    out = header + bytes(4096 - len(header)) + body
    with open(sys.argv[2], "wb") as f:
        f.write(out)
    print(f"image_check: {sys.argv[2]}: {len(out) >> 10} KiB file, {(last - loads[0][2]) >> 10} KiB in memory, W^X")


main()
