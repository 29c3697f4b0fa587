#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The system tests' own entry; `./hospes test` calls it."""
import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from rig.runner import Runner, listed_cells  # noqa: E402
from rig.scenario import load  # noqa: E402


def main():
    parser = argparse.ArgumentParser(prog="hospes test")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--cell", action="append", metavar="HYPERVISOR:TOOLS")
    parser.add_argument("--scenario", action="append", default=[], metavar="NAME")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    if options.list:
        for s in load().values():
            print(s.name, s.boot, "full" if s.full else "quick")
        return 0
    tally = Runner(lambda text: print(text, flush=True)).run(
        options.cell or listed_cells(), options.scenario, options.full)
    print(f"system: {tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
