# SPDX-License-Identifier: MIT
"""Which shared libraries an ELF64 file asks for, and where they are in an unpacked tree."""
import pathlib
import struct

LIBDIRS = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "lib64", "lib", "usr/lib",
           "usr/lib/xen-4.17/lib/x86_64-linux-gnu"]
DT_NEEDED, DT_STRTAB = 1, 5
PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3


def needed(path: pathlib.Path):
    """(interpreter or None, [sonames]); ([], none) for what is not a dynamic ELF64 file."""
    data = path.read_bytes()
    if data[:5] != b"\x7fELF\x02":
        return None, []
    phoff, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    loads, dynamic, interp = [], None, None
    for i in range(count):
        kind, _, off, vaddr, _, filesz = struct.unpack_from("<IIQQQQ", data, phoff + i * size)
        if kind == PT_LOAD:
            loads.append((vaddr, off, filesz))
        elif kind == PT_DYNAMIC:
            dynamic = (off, filesz)
        elif kind == PT_INTERP:
            interp = data[off:off + filesz].rstrip(b"\0").decode()
    if not dynamic:
        return interp, []
    names, strtab = [], 0
    for off in range(dynamic[0], dynamic[0] + dynamic[1], 16):
        tag, value = struct.unpack_from("<QQ", data, off)
        if tag == DT_NEEDED:
            names.append(value)
        elif tag == DT_STRTAB:
            strtab = value
    for vaddr, off, filesz in loads:
        if vaddr <= strtab < vaddr + filesz:
            base = strtab - vaddr + off
            return interp, [data[base + n:data.index(b"\0", base + n)].decode() for n in names]
    return interp, []


def find_library(tree: pathlib.Path, soname: str):
    for folder in LIBDIRS:
        candidate = tree / folder / soname
        if candidate.exists():
            return candidate
    return None


def closure(tree: pathlib.Path, files):
    """Paths in the tree of every library that the files need, symlinks' targets by soname."""
    seen, todo, missing = {}, list(files), set()
    while todo:
        interp, names = needed(todo.pop())
        if interp and interp not in seen:
            soname = interp.rsplit("/", 1)[1]
            seen[interp] = find_library(tree, soname)
        for soname in names:
            if any(k.rsplit("/", 1)[1] == soname for k in seen):
                continue
            lib = find_library(tree, soname)
            if lib is None:
                missing.add(soname)
                continue
            seen["/" + str(lib.relative_to(tree))] = lib
            todo.append(lib)
    if missing:
        raise RuntimeError(f"libraries missing from the package list: {' '.join(sorted(missing))}")
    return seen
