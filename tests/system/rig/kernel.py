# SPDX-License-Identifier: MIT
"""Linux images: the ELF inside a bzImage (Documentation/x86/boot.rst, payload_offset)."""
import gzip
import lzma
import pathlib
import struct
import subprocess
import zlib


def payload(image: bytes) -> bytes:
    if image[0x202:0x206] != b"HdrS":
        raise ValueError("not a bzImage: no HdrS at 0x202")
    setup_sects = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (setup_sects + 1) * 512 + offset
    return image[start:start + length]


def decompress(data: bytes) -> bytes:
    """The kernel appends the inflated size to all formats but gzip; decoders stop before it."""
    if data[:2] == b"\x1f\x8b":
        return zlib.decompressobj(31).decompress(data)
    if data[:6] == b"\xfd7zXZ\0":
        return lzma.LZMADecompressor().decompress(data)
    if data[:4] == b"\x02\x21\x4c\x18":
        return _tool(["lz4", "-d", "-c", "-q"], data[:-4])
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return _tool(["zstd", "-d", "-c", "-q"], data[:-4])
    raise ValueError(f"unknown kernel compression: magic {data[:4].hex()}")


def _tool(argv, data):
    done = subprocess.run(argv, input=data, capture_output=True)
    if done.returncode or done.stdout[:4] != b"\x7fELF":
        raise ValueError(f"{argv[0]}: {done.stderr.decode(errors='replace').strip()[:200]}")
    return done.stdout


def vmlinux(bzimage: pathlib.Path) -> bytes:
    elf = decompress(payload(bzimage.read_bytes()))
    if elf[:4] != b"\x7fELF":
        raise ValueError(f"{bzimage}: payload is not an ELF file")
    return elf


def gunzip(path: pathlib.Path) -> bytes:
    return gzip.decompress(path.read_bytes())
