# SPDX-License-Identifier: MIT
"""Debian packages into a plain folder: apt resolves and downloads, dpkg-deb unpacks. Nothing is
installed on this machine and no maintainer script runs."""
import pathlib
import re
import subprocess
import threading
import urllib.parse

from . import paths

BACKPORTS = "bookworm-backports"
# Scenarios run side by side, but what is cached is made by one at a time.
MAKING = threading.RLock()
KEYRING = pathlib.Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class AptError(RuntimeError):
    pass


def run(argv, **kw):
    done = subprocess.run(argv, text=True, capture_output=True, **kw)
    if done.returncode:
        raise AptError(f"{' '.join(map(str, argv[:1]))} failed ({done.returncode}): "
                       f"{done.stderr.strip()[-800:]}")
    return done.stdout


def mirror() -> str:
    """The Debian 12 archive that this machine's own apt uses."""
    out = run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Codename: bookworm",
               "Created-By: Packages"]).split()
    if not out:
        raise AptError("no Debian 12 archive in apt's sources (run apt-get update)")
    return out[0]


class Apt:
    """apt with an empty dpkg status, so that the closure does not depend on this machine."""

    def __init__(self, backports=False):
        self.dir = paths.cache() / "apt"
        for name in ("archives", "none"):
            (self.dir / name / "partial").mkdir(parents=True, exist_ok=True)
        (self.dir / "status").touch()
        self.opts = ["-o", f"Dir::State::status={self.dir / 'status'}",
                     "-o", "Debug::NoLocking=1", "-o", "APT::Get::AllowUnauthenticated=false"]
        # Its own parsed lists: the machine's were made with another status, and would be made anew each time.
        self.opts += self._backports() if backports else self._parsed_lists()

    def _parsed_lists(self):
        return [word for name in ("pkgcache", "srcpkgcache")
                for word in ("-o", f"Dir::Cache::{name}={self.dir / name}.bin")]

    def _backports(self):
        """The machine's own Debian mirror, asked for the backports suite as well."""
        uri = mirror()
        base = self.dir / "backports"
        (base / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        (base / "sources").mkdir(exist_ok=True)
        signed = f"Signed-By: {KEYRING}\n" if KEYRING.exists() else ""
        text = f"Types: deb\nURIs: {uri}\nSuites: {BACKPORTS} bookworm\nComponents: main\n{signed}"
        (base / "sources" / "backports.sources").write_text(text)
        opts = ["-o", "Dir::Etc::sourcelist=/dev/null", "-o", f"Dir::State::lists={base / 'lists'}",
                "-o", f"Dir::Etc::sourceparts={base / 'sources'}",
                "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="]
        if not any((base / "lists").glob("*Packages*")):
            run(["apt-get", *opts, "-qq", "update"])
        return opts

    def resolve(self, packages, deps=True):
        """[(file name, hash)] of the packages and, with deps, of all they depend on."""
        # --print-uris leaves out what the archive folder already has: show it an empty one.
        argv = ["apt-get", *self.opts, "-o", f"Dir::Cache::archives={self.dir / 'none'}", "-qq", "-y", "--no-install-recommends", "--print-uris",
                "install", *packages]
        found = []
        for line in run(argv).splitlines():
            m = re.match(r"'(\S+)' (\S+) (\d+) (\S*)", line)
            if m:
                found.append((m[2], m[4]))
        if not deps:
            wanted = {p.split("=")[0] for p in packages}
            found = [f for f in found if f[0].split("_")[0] in wanted]
        if not found:
            raise AptError(f"apt knows none of: {' '.join(packages)} (run apt-get update)")
        return sorted(found)

    def fetch(self, packages):
        run(["apt-get", *self.opts, "-o", f"Dir::Cache::archives={self.dir / 'archives'}", "-qq",
             "-y", "--no-install-recommends", "-d", "install", *packages])

    def unpack(self, packages, deps=True) -> pathlib.Path:
        """The packages' files as one tree in the cache, keyed by what apt resolved."""
        with MAKING:
            return self._unpack(packages, deps)

    def _unpack(self, packages, deps):
        files = self.resolve(packages, deps)
        tree = paths.cache() / "trees" / paths.digest(repr(files))
        if (tree / ".complete").exists():
            return tree
        self.fetch(packages)
        tree.mkdir(parents=True, exist_ok=True)
        for name, _ in files:
            run(["dpkg-deb", "-x", str(self.dir / "archives" / urllib.parse.unquote(name))
                 if (self.dir / "archives" / urllib.parse.unquote(name)).exists()
                 else str(self.dir / "archives" / name), str(tree)])
        (tree / ".complete").write_text("\n".join(n for n, _ in files) + "\n")
        return tree


def meta_target(package, backports=False) -> str:
    """The versioned package behind a metapackage: linux-image-amd64 -> linux-image-6.1.0-NN-amd64."""
    for name, _ in Apt(backports).resolve([package]):
        pkg = name.split("_")[0]
        if re.match(r"linux-image-\d", pkg):
            return pkg
    raise AptError(f"{package} has no kernel behind it")
