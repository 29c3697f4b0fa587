# SPDX-License-Identifier: MIT
"""The fuzzers: a short run of each that can be repeated (`./hospes test --full`), and `./hospes fuzz`, which gives each
so many minutes of processor time and keeps what it has learnt in the cache."""
import argparse
import os
import re
import subprocess
import tempfile

from . import build, paths

SHORT_SECONDS = 60
ROUND_SECONDS = 120


def programs(tree):
    return {p.name.removesuffix("_fuzz"): p for p in sorted((tree / "tests" / "fuzz").glob("*_fuzz"))}


def run(program, seconds, more):
    """(exit status, processor seconds, runs, the last lines)"""
    words = paths.ROOT / "tests" / "fuzz" / f"{program.name}.dict"
    argv = [str(program), f"-max_total_time={seconds}", "-timeout=60", "-rss_limit_mb=1024",
            f"-artifact_prefix={program.parent}/{program.name}-"] + [f"-dict={words}"] * words.exists() + more
    with tempfile.TemporaryFile("w+") as out:
        child = subprocess.Popen(argv, stdout=out, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)  # it has been waited for
        out.seek(0)
        text = out.read()
    found = re.search(r"Done (\d+) runs", text)
    failed = child.returncode != 0 or not found
    return (child.returncode or int(failed), used.ru_utime + used.ru_stime, int(found[1]) if found else 0,
            "\n".join(text.splitlines()[-40:]))


def short(tree, name):
    """From the same seed and without a corpus. (passed, what to say)"""
    status, _, runs, last = run(programs(tree)[name], SHORT_SECONDS, ["-seed=1"])
    return status == 0, f"fuzz {name}: {runs} runs" if status == 0 else f"fuzz {name}: stopped by\n{last}"


def long(program, minutes, corpus, say):
    corpus.mkdir(parents=True, exist_ok=True)
    seconds, runs = 0.0, 0
    while seconds < minutes * 60:
        # Processor time is what counts: beside other work a round has less of it than it lasts.
        status, used, done, last = run(program, ROUND_SECONDS, [str(corpus)])
        seconds, runs = seconds + used, runs + done
        if status:
            say(f"FAIL fuzz {program.name} after {seconds / 60:.1f} minutes of processor time, stopped by\n{last}")
            return False
    say(f"ok   fuzz {program.name}: {runs} runs in {seconds / 60:.1f} minutes of processor time, "
        f"{len(list(corpus.iterdir()))} inputs kept")
    return True


def main(argv, say):
    parser = argparse.ArgumentParser(prog="hospes fuzz")
    parser.add_argument("--minutes", type=float, default=30, help="processor time of each")
    parser.add_argument("name", nargs="*", help="these, not all")
    options = parser.parse_args(argv)
    there = programs(build.build("fuzz", ["fuzzers"]))
    unknown = [name for name in options.name if name not in there]
    if unknown:
        parser.error(f"no fuzzer {', '.join(unknown)}; there are: {', '.join(there)}")
    results = [long(there[name], options.minutes, paths.cache() / "fuzz" / name, say)
               for name in options.name or there]
    return 0 if all(results) else 1
