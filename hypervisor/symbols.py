#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""symbols.py NM-OUTPUT SYMBOLS.S: the table that core/debug/symbols.cpp searches.

Per text symbol a u32 offset from image_text_start and a u32 offset into the string block."""
import re
import subprocess
import sys


def demangled(names):
    out = subprocess.run(["c++filt", "-p"], input="\n".join(names), text=True,
                         capture_output=True, check=True).stdout.split("\n")
    return [re.sub(r"^hv::|\s*\[clone.*", "", n) for n in out]


def main():
    rows, start, end = [], None, None
    for line in open(sys.argv[1], encoding="ascii"):
        fields = line.split()
        if len(fields) != 3:
            continue
        address, kind, name = int(fields[0], 16), fields[1], fields[2]
        if name == "image_text_start":
            start = address
        elif name == "image_text_end":
            end = address
        elif kind in "tTwW" and not name.startswith((".L", "image_")):
            rows.append((address, name))
    rows = [r for r in rows if start <= r[0] < end]
    unique = {}
    for address, name in rows:
        unique.setdefault(address, name)
    addresses = sorted(unique)
    names = demangled([unique[a] for a in addresses])
    with open(sys.argv[2], "w", encoding="ascii") as out:
        out.write('.section .hv_symbols, "a"\n'
                  ".globl hv_symbol_count, hv_symbol_addresses, hv_symbol_names\n.balign 8\n"
                  f"hv_symbol_count: .quad {len(addresses)}\nhv_symbol_addresses:\n")
        offset = 0
        for address, name in zip(addresses, names):
            out.write(f".long {address - start:#x}, {offset}\n")
            offset += len(name) + 1
        out.write("hv_symbol_names:\n")
        for name in names:
            out.write(f'.asciz "{name}"\n')


main()
