# SPDX-License-Identifier: MIT
"""`./hospes test`: build, lint, unit tests, system matrix, and one line that counts everything."""
import os
import re
import subprocess
import sys
import time

from . import build, paths
from . import fuzz as fuzzers
from .runner import Runner, Tally, listed_cells
from .scenario import load

STAGES = ("lint", "unit", "clang", "fuzz", "system")


def lint(tally, full, say):
    argv = [sys.executable, str(paths.ROOT / "tests" / "lint" / "lint.py")] + ["--full"] * full
    done = subprocess.run(argv, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    say(done.stdout.rstrip())
    counts = re.search(r"(?m)^lint: (\d+) passed, (\d+) failed$", done.stdout)
    if not counts:
        tally.note(False)
        return
    tally.passed += int(counts[1])
    tally.failed += int(counts[2])


def one_build(tally, name, say, targets=()):
    start = time.monotonic()
    try:
        tree = build.build(name, targets, keep_going=True)
    except build.BuildFailed as why:
        say(f"FAIL build {name}: {why}")
        tally.note(False)
        return None
    say(f"ok   build {name} ({time.monotonic() - start:.0f} s)")
    tally.note(True)
    return tree


def unit(tally, say):
    """Every ctest entry; Catch2 test cases are what is counted."""
    tree = one_build(tally, "asan", say)
    if tree is None:
        return
    done = subprocess.run(["ctest", "--test-dir", str(tree), "-V", "-j", "2"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    log = paths.build_dir() / "results" / "unit.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(done.stdout)
    entries = re.findall(r"(?m)^\s*\d+/\d+ Test\s+#(\d+): (\S+) \.+\s*(.*?)\s+[\d.]+ sec", done.stdout)
    if not entries:
        say("FAIL unit: ctest ran nothing")
        tally.note(False)
        return
    for number, name, verdict in entries:
        passed, failed = catch_counts(done.stdout, number)
        ok = verdict.startswith("Passed")
        if not ok and not failed:
            failed = 1  # it died instead of reporting
        passed = passed or int(ok)  # a script that is one case
        tally.passed += passed
        tally.failed += failed
        say(f"{'ok  ' if ok else 'FAIL'} unit {name}: {passed} cases passed, {failed} failed")
        if not ok:
            own = [ln for ln in done.stdout.splitlines() if ln.startswith(f"{number}: ")]
            say("\n".join("     " + ln for ln in own[-60:]))


def catch_counts(text, number):
    """(passed, failed) test cases from Catch2's closing line of that ctest entry."""
    own = "\n".join(re.findall(rf"(?m)^{number}: (.*)$", text))
    found = re.search(r"All tests passed \(\d+ assertions? in (\d+) test cases?\)", own)
    if found:
        return int(found[1]), 0
    passed = re.search(r"test cases:.*?(\d+) passed", own)
    failed = re.search(r"test cases:.*?(\d+) failed", own)
    return int(passed[1]) if passed else 0, int(failed[1]) if failed else 0


def fuzz(tally, say):
    tree = one_build(tally, "fuzz", say, ["fuzzers"])
    for name in fuzzers.programs(tree) if tree else ():
        passed, text = fuzzers.short(tree, name)
        tally.note(passed)
        say(f"{'ok  ' if passed else 'FAIL'} {text}")


def system(tally, options, say):
    cells = dict.fromkeys(options.cell, ()) if options.cell else listed_cells()
    # The reference cell needs the build, too: the test guests come from it.
    if not os.environ.get("HOSPES_ELF") and one_build(tally, "release", say) is None:
        return
    done = Runner(say).run(cells, options.scenario, options.full)
    tally.passed += done.passed
    tally.failed += done.failed


def main(options, say):
    if options.list:
        for s in load().values():
            say(f"{s.name:44} {s.boot or 'own':10} {'full' if s.full else 'quick'}")
        return 0
    tally = Tally()
    stages = options.only or (("system",) if options.scenario or options.cell else STAGES)
    if "lint" in stages:
        lint(tally, options.full, say)
    if "unit" in stages:
        unit(tally, say)
    if "clang" in stages:
        one_build(tally, "clang", say)
    if "fuzz" in stages and (options.full or options.only):
        fuzz(tally, say)
    if "system" in stages:
        system(tally, options, say)
    say(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed or not tally.passed else 0
