# SPDX-License-Identifier: MIT
"""Checks on C++ (and, for length, Python) sources."""
import ast
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys

from files import CXX, ROOT, relative, tracked

WARN_LINES, HARD_LINES = 60, 80


def sources(suffixes=CXX):
    return [p for p in tracked() if p.suffix in suffixes]


def pragma_once():
    return [f"{relative(p)}: no #pragma once" for p in sources({".hpp"})
            if not re.search(r"(?m)^#pragma once$", p.read_text())], []


def _cxx_functions(paths):
    """(file, line, name, lines) by universal-ctags' end field."""
    if not paths:
        return
    out = subprocess.run(["ctags", "--output-format=json", "--language-force=C++", "--fields=+ne",
                          "--kinds-C++=f", "-f", "-", *map(str, paths)],
                         text=True, capture_output=True, check=True).stdout
    for line in out.splitlines():
        tag = json.loads(line)
        if "end" in tag:
            yield tag["path"], tag["line"], tag["name"], tag["end"] - tag["line"] + 1


def _python_functions(paths):
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield str(path), node.lineno, node.name, node.end_lineno - node.lineno + 1


def function_length():
    errors, warnings = [], []
    for path, line, name, length in [*_cxx_functions(sources()),
                                     *_python_functions(sources({".py"}))]:
        if length > WARN_LINES:
            note = f"{os.path.relpath(path, ROOT)}:{line}: {name} has {length} lines"
            (errors if length > HARD_LINES else warnings).append(note)
    return errors, warnings


def formatted():
    paths = sources()
    if not paths:
        return [], []
    done = subprocess.run(["clang-format", "--style=file", "--dry-run", *map(str, paths)],
                          text=True, capture_output=True, cwd=ROOT)
    bad = sorted(set(re.findall(r"(?m)^(\S+?):\d+:\d+: warning: code should be", done.stderr)))
    if done.returncode and not bad:
        return [done.stderr.strip()[:400]], []
    return [f"{os.path.relpath(b, ROOT)}: not as .clang-format says" for b in bad], []


def _clang_tree():
    sys.path.insert(0, str(ROOT / "tests" / "system"))
    from rig.build import configure
    return configure("clang")


def _flag_sets(tree):
    """The different compiler flags of the build, each with the sources that have it."""
    found = {}
    for entry in json.load(open(tree / "compile_commands.json")):
        if not entry["file"].endswith(".cpp"):
            continue
        words = shlex.split(entry["command"])
        kept = tuple(w for n, w in enumerate(words[1:], 1) if w.startswith(("-I", "-D", "-std"))
                     or w in ("-isystem", "-ffreestanding", "-fno-exceptions", "-fno-rtti")
                     or words[n - 1] == "-isystem")
        found.setdefault(kept, []).append(entry["file"])
    return found


def _seen_by_tidy(words):
    """A key of all that clang-tidy sees of a source: the text behind the preprocessor, and its own configuration."""
    out = words.index("-o")
    words = [*words[words[0].endswith("ccache"):out], *words[out + 2:]]
    text = subprocess.run([*words, "-E", "-C", "-P"], capture_output=True).stdout  # with comments: they can say NOLINT
    words = shlex.join(words).replace(str(ROOT), "").encode()
    return hashlib.sha256((ROOT / ".clang-tidy").read_bytes() + words + text).hexdigest()


def tidy():
    """clang-tidy with the checks of .clang-tidy, over every source that the clang tree builds. What was found clean is
    remembered outside the tree."""
    tree = _clang_tree()
    from rig import paths
    clean = paths.cache() / "tidy"
    clean.mkdir(exist_ok=True)
    # Not the tests: their framework's macros are not ours to mend. Sources that are compiled together are seen where
    # the build includes them.
    entries = {entry["file"]: entry for entry in json.load(open(tree / "compile_commands.json"))
               if entry["file"].endswith((".cpp", ".cxx"))
               and not os.path.relpath(entry["file"], ROOT).startswith("tests/")}

    def look_at(path):
        mark = clean / _seen_by_tidy(shlex.split(entries[path]["command"]))
        if mark.exists():
            return []
        done = subprocess.run(["clang-tidy", "-p", str(tree), "--quiet", path], text=True, capture_output=True)
        found = [line for line in done.stdout.splitlines() if re.search(r": (?:error|warning): ", line)]
        if done.returncode and not found:
            found = [f"{path}: {(done.stderr.strip() or 'clang-tidy failed').splitlines()[-1]}"]
        if not found:
            mark.touch()
        return [os.path.relpath(line, ROOT) if line.startswith("/") else line for line in found]

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return sorted({line for lines in pool.map(look_at, sorted(entries)) for line in lines}), []


def headers_alone():
    """Every header compiles by itself, with the flags of some source; those near it are tried first."""
    sets = _flag_sets(_clang_tree())

    def near(header, users):
        return max(len(os.path.commonpath((header, user))) for user in users)

    def compile_one(header):
        errors = []
        for flags in sorted(sets, key=lambda f: -near(header, sets[f])):
            done = subprocess.run(["clang++", "-fsyntax-only", "-x", "c++", "-include", str(header), *flags, "/dev/null"],
                                  text=True, capture_output=True)
            if not done.returncode:
                return None
            errors += [ln for ln in done.stderr.splitlines() if "error:" in ln][:1]
        return f"{relative(header)}: does not compile alone: {(errors or ['?'])[0][:160]}"

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [e for e in pool.map(compile_one, sources({".hpp"})) if e], []
