# SPDX-License-Identifier: MIT
"""What the benches share: their common options, what they run on, their tables."""
import argparse
import json
import os
import sys

from . import build
from .images import Images

# For bash in dom0. Waiting must not take the CPU that the guest boots on: a grep and a sleep every 20 ms took half.
AWAIT = r"""
[ -p /run/idle ] || mkfifo /run/idle
exec {idle}<>/run/idle
await_guest() { # its log, seconds until it counts as hung
    local lines=() end=$((SECONDS + ${2:-100000}))
    until [[ "${lines[*]}" == *GUEST-UP* ]]; do
        [ $SECONDS -lt $end ] || return 1
        read -r -t 0.02 -u $idle
        mapfile lines <"$1"
    done 2>/dev/null
}
"""


def note(text):
    print(text, file=sys.stderr, flush=True)


def arguments(prog, runs, what="boots of each hypervisor"):
    parser = argparse.ArgumentParser(prog=prog)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=runs, help=what)
    parser.add_argument("--hypervisors", default="hospes,xen")
    return parser


def prepare(tree="release", targets=()):
    """The built tree and the images."""
    note("building")
    built = build.build(tree, list(targets))
    images = Images(note)
    # With a thread for each vCPU the host's scheduler has its say: the same boot's figures lie 30 % apart.
    os.environ.setdefault("HOSPES_TCG_THREAD", "single")
    return built, images


def table(heads, found):
    """heads: (title, width, key of a row); a negative width: to the right."""
    def text(value):
        return "-" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
    lines = [[title for title, _, _ in heads]]
    lines += [[text(row.get(key)) for _, _, key in heads] for row in found]
    widths = [width for _, width, _ in heads]
    return "\n".join(" ".join(f"{cell:{w}}" if w > 0 else f"{cell:>{-w}}" for cell, w in zip(line, widths)).rstrip()
                     for line in lines)


def finish(found, path, options, heads, say):
    path.write_text(json.dumps(found, indent=2) + "\n")
    say(json.dumps(found, indent=2) if options.json else table(heads, found))
    return 0
