#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""man.py OUT FILE.md...: a manual page OUT/xl-VERB.1 for each verb's text, which is its --help as well.

A text is: "# xl VERB", a one-line summary, then sections ("## Usage", "## Options"...) of paragraphs and of
blocks indented by four blanks; under Options an indented line is "OPTION    what it does"."""
import pathlib
import re
import sys


def escaped(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = re.sub(r"`([^`]*)`", r"\\fB\1\\fR", text)
    return "\\&" + text if text[:1] in (".", "'") else text


def options(block):
    out = []
    for line in block:
        name, _, what = line.strip().partition("    ")
        if not what and "\t" not in name:  # one space more than needed, or a line that goes on
            m = re.match(r"(-\S+(?:[ ,]+[-A-Z=\S]+)*?)\s{1,}([A-Za-z(].*)", name)
            if line.startswith("     ") or not name.startswith("-") or not m:
                out.append(escaped(name))
                continue
            name, what = m[1], m[2]
        out += [".TP", f"\\fB{escaped(name)}\\fR", escaped(what.strip())]
    return out


def page(text):
    lines = text.rstrip("\n").split("\n")
    title = re.fullmatch(r"# (xl)(?: (\S+))?", lines[0])
    if not title:
        raise SystemExit(f"no title: {lines[0]!r}")
    name = "-".join(filter(None, title.groups()))
    rest = [ln for ln in lines[1:]]
    while rest and not rest[0]:
        rest.pop(0)
    out = [f'.TH {name.upper()} 1 "" "Hospes" "Hospes"', ".SH NAME", f"{escaped(name)} \\- {escaped(rest.pop(0))}"]
    section, at = "DESCRIPTION", 0
    opened = False
    while at < len(rest):
        line = rest[at]
        if line.startswith("## "):
            section = line[3:].strip().upper()
            out.append(f'.SH "{"SYNOPSIS" if section == "USAGE" else section}"')
            opened, at = True, at + 1
        elif line.startswith("    "):
            end = at
            while end < len(rest) and (rest[end].startswith("    ") or not rest[end] and end + 1 < len(rest)
                                       and rest[end + 1].startswith("    ")):
                end += 1
            block = [ln[4:] for ln in rest[at:end] if ln]
            out += options(block) if section == "OPTIONS" else [".nf", *map(escaped, block), ".fi"]
            at = end
        elif not line:
            at += 1
        else:
            if not opened:
                out.append(".SH DESCRIPTION")
                opened = True
            if section == "USAGE":  # what follows the synopsis is the description
                section = "DESCRIPTION"
                out.append(".SH DESCRIPTION")
            end = at
            while end < len(rest) and rest[end] and not rest[end].startswith(("    ", "## ")):
                end += 1
            out += [".PP", *map(escaped, rest[at:end])]
            at = end
    return name, "\n".join([*out, ".SH SEE ALSO", ".BR xl (1)", ""])


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for source in sys.argv[2:]:
        name, text = page(pathlib.Path(source).read_text())
        (folder / f"{name}.1").write_text(text)


if __name__ == "__main__":
    main()
