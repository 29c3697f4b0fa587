# SPDX-License-Identifier: MIT
"""Checks on the history."""
import re
import subprocess

from files import ROOT

SUBJECT = re.compile(r"^[a-z0-9][a-z0-9_./+-]*(?:, ?[a-z0-9_./+-]+)*: [a-z0-9`'\"].*[^.]$")
NOT_IMPERATIVE = re.compile(r"^(?:added|adds|adding|fixed|fixes|fixing|changed|changes|removed|"
                            r"removes|updated|updates|implemented|implements)\b")
LONGEST = 72


def subjects():
    done = subprocess.run(["git", "-C", str(ROOT), "log", "--no-merges", "--format=%h%x00%s"],
                          text=True, capture_output=True)
    if done.returncode:
        return [], ["no git history here"]
    errors = []
    for line in done.stdout.splitlines():
        commit, _, subject = line.partition("\0")
        if len(subject) > LONGEST:
            errors.append(f"{commit}: subject of {len(subject)} characters: {subject}")
        elif not SUBJECT.match(subject):
            errors.append(f"{commit}: not 'area: imperative summary': {subject}")
        elif NOT_IMPERATIVE.match(subject.split(": ", 1)[1]):
            errors.append(f"{commit}: not in the imperative: {subject}")
    return errors, []
