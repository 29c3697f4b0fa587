# SPDX-License-Identifier: MIT
"""Building: one cmake tree per purpose under the build folder."""
import os
import shutil
import subprocess
import sys

from . import paths

TREES = {
    # what is booted: optimised, with the hypervisor's assertions and lock checks
    "release": ["-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DCMAKE_CXX_COMPILER=g++",
                "-DCMAKE_C_COMPILER=gcc", "-DHOSPES_UNIT_TESTS=OFF"],
    # what is measured: as above without them
    "shipped": ["-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DCMAKE_CXX_COMPILER=g++",
                "-DCMAKE_C_COMPILER=gcc", "-DHOSPES_UNIT_TESTS=OFF", "-DHOSPES_RELEASE=ON"],
    # what the host tests run in
    "asan": ["-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_COMPILER=g++", "-DCMAKE_C_COMPILER=gcc",
             "-DHOSPES_SANITIZE=ON", "-DHOSPES_HYPERVISOR=OFF"],
    # the fuzzers
    "fuzz": ["-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DCMAKE_CXX_COMPILER=clang++",
             "-DCMAKE_C_COMPILER=clang", "-DHOSPES_SANITIZE=ON", "-DHOSPES_FUZZ=ON",
             "-DHOSPES_HYPERVISOR=OFF", "-DHOSPES_UNIT_TESTS=OFF"],
    # the second opinion on warnings
    "clang": ["-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DCMAKE_CXX_COMPILER=clang++",
              "-DCMAKE_C_COMPILER=clang"],
}


class BuildFailed(RuntimeError):
    pass


def configure(name):
    tree = paths.build_dir() / name
    options = list(TREES[name])
    if shutil.which("ccache"):
        options += ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache", "-DCMAKE_C_COMPILER_LAUNCHER=ccache"]
    done = subprocess.run(["cmake", "-S", str(paths.ROOT), "-B", str(tree), "-G", "Ninja", *options],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise BuildFailed(f"configuring {name}:\n{done.stdout[-3000:]}")
    return tree


def build(name, targets=(), keep_going=False):
    """Build a tree; its folder. Compiler output is shown only when something fails."""
    tree = configure(name)
    argv = ["cmake", "--build", str(tree), "-j", str(os.cpu_count() or 2)]
    if targets:
        argv += ["--target", *targets]
    if keep_going:
        argv += ["--", "-k", "0"]
    done = subprocess.run(argv, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        lines = [ln for ln in done.stdout.splitlines() if not ln.startswith("[")]
        print("\n".join(lines[-80:]), file=sys.stderr)
        raise BuildFailed(f"building {name} failed (in {tree})")
    return tree
