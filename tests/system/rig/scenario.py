# SPDX-License-Identifier: MIT
"""The list of scenarios. A scenario is a function of a booted host; it fails by raising."""
import importlib
import pkgutil
from dataclasses import dataclass


@dataclass
class Scenario:
    name: str
    run: object
    boot: str
    full: bool      # only in --full
    fresh: bool     # ends the machine (a power-off, say): gets a boot of its own
    cells: object   # None, or the cells ("hospes:debian") it makes sense in
    leaks: bool     # check that it left no domain and no memory behind


REGISTRY = {}


def scenario(boot="main", full=False, fresh=False, cells=None, leaks=True):
    def register(function):
        name = function.__module__.rsplit(".", 1)[-1] + "." + function.__name__
        REGISTRY[name] = Scenario(name, function, boot, full, fresh, cells, leaks)
        return function
    return register


def load():
    package = importlib.import_module("scenarios")
    for module in sorted(m.name for m in pkgutil.iter_modules(package.__path__)):
        importlib.import_module(f"scenarios.{module}")
    return REGISTRY


def same(got, want, what):
    assert got == want, f"{what}: got {got!r}, want {want!r}"


def inside(text, part, what):
    assert part in text, f"{what}: no {part!r} in:\n{text.strip()[-1200:]}"
