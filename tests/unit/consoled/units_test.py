#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""units_test.py SYSTEMD-ANALYZE SBINDIR UNIT...: systemd understands every line of our units, and nothing in them that
it does not; they name programs that are installed."""
import pathlib
import re
import subprocess
import sys
import tempfile

analyze, sbin, *units = sys.argv[1:]


def verify(folder, names):
    """What systemd-analyze has to say, about these units alone."""
    done = subprocess.run([analyze, "verify", "--man=no", "--recursive-errors=no", *(f"{folder}/{n}" for n in names)],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = [line for line in done.stdout.splitlines() if line.strip()]
    return done.returncode, said


def main():
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        program = folder / "program"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        names = []
        for unit in map(pathlib.Path, units):
            text = unit.read_text()
            assert "@" not in text, f"{unit}: not configured"
            # The programs are not installed where this runs.
            text, count = re.subn(rf"(?m)^(ExecStart=){re.escape(sbin)}/[a-z0-9-]+", rf"\1{program}", text)
            assert count == 1, f"{unit}: ExecStart is not in {sbin}"
            (folder / unit.name).write_text(text)
            names.append(unit.name)
        status, said = verify(folder, names)
        assert status == 0 and not said, "\n".join(said)
        # The check itself notices mistakes.
        (folder / names[0]).write_text((folder / names[0]).read_text().replace("[Service]", "[Service]\nRestrat=always"))
        assert verify(folder, names)[1], "a misspelt setting was not noticed"
    print(f"{len(units)} units are understood")


main()
