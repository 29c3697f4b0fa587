# SPDX-License-Identifier: MIT
"""SUPPORT.md names the test that shows each feature: every name in its tables' last column must exist."""
import re
import sys

from files import ROOT


def scenarios():
    """Names of all scenarios and of their groups."""
    sys.path.insert(0, str(ROOT / "tests" / "system"))
    from rig.scenario import load
    names = set(load())
    return names | {name.partition(".")[0] for name in names}


def rows():
    """(line number, cells) of every table row below a heading row."""
    body = False
    for n, line in enumerate((ROOT / "SUPPORT.md").read_text().splitlines(), 1):
        if not line.startswith("|"):
            body = False
        elif set(line) <= set("|-: "):
            body = True
        elif body:
            yield n, [cell.strip() for cell in line.strip("|").split("|")]


def evidence():
    known, errors = scenarios(), []
    for n, cells in rows():
        if len(cells) != 3:
            errors.append(f"SUPPORT.md:{n}: {len(cells)} cells, not feature | state | shown by")
            continue
        names = re.findall(r"`([^`]+)`", cells[2])
        for name in names:
            if name not in known and not (ROOT / name).exists():
                errors.append(f"SUPPORT.md:{n}: no scenario or file called {name}")
        if not names and not cells[1].startswith("no"):
            errors.append(f"SUPPORT.md:{n}: nothing shows '{cells[0]}'")
    return errors, []
