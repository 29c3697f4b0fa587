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


def _flags_by_tree():
    """Compiler flags of one source of each top folder, from the newest compile_commands.json."""
    build = os.environ.get("HOSPES_BUILD") or str(ROOT / "build")
    flags = {}
    for name in ("clang", "asan", "release"):
        database = os.path.join(build, name, "compile_commands.json")
        if not os.path.exists(database):
            continue
        for entry in json.load(open(database)):
            rel = os.path.relpath(entry["file"], ROOT)
            if rel.endswith(".cpp") and not rel.startswith(".."):
                words = shlex.split(entry["command"])
                kept = [w for n, w in enumerate(words[1:], 1) if w.startswith(("-I", "-D", "-std"))
                        or w in ("-isystem", "-ffreestanding", "-fno-exceptions", "-fno-rtti")
                        or words[n - 1] == "-isystem"]
                key = "/".join(rel.split("/")[:2]) if rel.startswith("tests/") else rel.split("/")[0]
                flags.setdefault(key, kept)
    return flags


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
    sys.path.insert(0, str(ROOT / "tests" / "system"))
    from rig import paths
    from rig.build import BuildFailed, configure
    try:
        tree = configure("clang")
    except BuildFailed as why:
        return [str(why)], []
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
    """Every header compiles by itself."""
    flags = _flags_by_tree()

    def compile_one(header):
        rel = relative(header)
        tree = "/".join(rel.split("/")[:2]) if rel.startswith("tests/") else rel.split("/")[0]
        if tree not in flags:
            return None
        done = subprocess.run(["clang++", "-fsyntax-only", "-x", "c++", "-include", str(header),
                               *flags[tree], "/dev/null"], text=True, capture_output=True)
        first = next((ln for ln in done.stderr.splitlines() if "error:" in ln), "?")
        return f"{rel}: does not compile alone: {first[:160]}" if done.returncode else None

    headers = sources({".hpp"})
    missing = sorted({relative(h).split("/")[0] for h in headers}
                     - {t.split("/")[0] for t in flags})
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        errors = [e for e in pool.map(compile_one, headers) if e]
    return errors + [f"{tree}/: not in any build, headers not checked" for tree in missing], []
