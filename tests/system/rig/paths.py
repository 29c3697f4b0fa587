# SPDX-License-Identifier: MIT
"""Where things are. Everything the rig makes lives in the cache, outside the source tree."""
import hashlib
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
SYSTEM = ROOT / "tests" / "system"
IMAGE = SYSTEM / "image"


def cache() -> pathlib.Path:
    base = os.environ.get("HOSPES_CACHE")
    if not base:
        base = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"),
                            "hospes")
    path = pathlib.Path(base)
    path.mkdir(parents=True, exist_ok=True)
    return path


def build_dir() -> pathlib.Path:
    return pathlib.Path(os.environ.get("HOSPES_BUILD") or ROOT / "build")


def digest(*parts) -> str:
    """A short key over bytes, strings and files' contents: what is cached is found by its recipe."""
    h = hashlib.sha256()
    for part in parts:
        if isinstance(part, pathlib.Path):
            part = part.read_bytes()
        if isinstance(part, str):
            part = part.encode()
        h.update(len(part).to_bytes(8, "little") + part)
    return h.hexdigest()[:16]
