#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The house rules that a machine can check. One line per check, exit status 1 if any fails.
lint.py [--full] [CHECK...]"""
import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import commits  # noqa: E402
import cplusplus  # noqa: E402
import files  # noqa: E402
import support  # noqa: E402

CHECKS = {
    "file-size": files.size,
    "spdx": files.spdx,
    "own-paths": files.own_paths,
    "budget": files.budget,
    "pragma-once": cplusplus.pragma_once,
    "function-length": cplusplus.function_length,
    "format": cplusplus.formatted,
    "commits": commits.subjects,
    "support": support.evidence,
}
FULL = {"headers-alone": cplusplus.headers_alone, "tidy": cplusplus.tidy}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true")
    parser.add_argument("check", nargs="*", metavar="CHECK")
    options = parser.parse_args()
    every = {**CHECKS, **FULL}
    unknown = [c for c in options.check if c not in every]
    if unknown:
        parser.error(f"no check {', '.join(unknown)}; there are: {', '.join(every)}")
    chosen = {n: every[n] for n in options.check} or (every if options.full else CHECKS)
    failed = 0
    for name, check in chosen.items():
        try:
            errors, warnings = check()
        except RuntimeError as why:
            errors, warnings = [str(why)], []
        for line in warnings:
            print(f"     lint {name}: warning: {line}")
        for line in errors[:40]:
            print(f"     lint {name}: {line}")
        if len(errors) > 40:
            print(f"     lint {name}: ... and {len(errors) - 40} more")
        print(f"{'FAIL' if errors else 'ok  '} lint {name}", flush=True)
        failed += bool(errors)
    print(f"lint: {len(chosen) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
