# SPDX-License-Identifier: MIT
"""Runs scenarios: one boot per group and cell, a new one when a host is lost; boots side by side, one for each CPU."""
import importlib
import os
import pathlib
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from . import paths, patience
from .cell import Host
from .cell import spec as make_spec
from .dom0 import HostLost
from .images import Images
from .machine import Machine
from .raw import RawCell
from .scenario import load


@dataclass
class Tally:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def note(self, ok):
        if ok:
            self.passed += 1
        else:
            self.failed += 1


def listed_cells():
    """{cell: the scenarios or groups it is listed with, () for all}."""
    rows = [line.split("#")[0].split() for line in (paths.SYSTEM / "cells.txt").read_text().splitlines()]
    return {cell: tuple(only) for cell, *only in filter(None, rows)}


def named(scenario, names):
    return not names or any(scenario.name == n or scenario.name.startswith(n + ".") for n in names)


def results_dir() -> pathlib.Path:
    return paths.build_dir() / "results"


class Runner:
    def __init__(self, say=print):
        self._say = say
        self.saying = threading.Lock()
        self.images = Images(self.say)
        self.tally = Tally()
        self.boots = importlib.import_module("scenarios.boots")

    def run(self, cells, names=(), full=False):
        """cells: {cell: the only scenarios for it, or ()}; names: the only ones at all, or ()."""
        chosen = [s for s in load().values() if named(s, names)]
        if names and not chosen:
            raise SystemExit(f"no scenario called {' or '.join(names)}")
        jobs = []
        for cell, only in cells.items():
            fitting = [s for s in chosen if (full or names or only or not s.full)
                       and (s.cells is None or cell in s.cells) and named(s, only)]
            for boot in dict.fromkeys(s.boot for s in fitting):
                group = [s for s in fitting if s.boot == boot]
                if boot is None:
                    jobs += [(self.raw, cell, s) for s in group]
                else:
                    jobs.append((self.group, cell, boot, [s for s in group if not s.fresh]
                                 + [s for s in group if s.fresh]))
        self.work_off(jobs)
        return self.tally

    def work_off(self, jobs):
        """A machine for each CPU at a time; each of them is then better off with one thread (see machine.py)."""
        beside = min(os.cpu_count() or 1, len(jobs))
        if beside > 1:
            os.environ.setdefault("HOSPES_TCG_THREAD", "single")
            patience.FACTOR = max(patience.FACTOR, 2)
        with ThreadPoolExecutor(max(beside, 1)) as pool:
            try:
                for done in [pool.submit(*job) for job in jobs]:
                    done.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                Machine.end_all()
                raise

    def say(self, text):
        with self.saying:
            self._say(text)

    def group(self, cell, boot, scenarios):
        """All scenarios of one boot. Those that end the machine come last."""
        todo, attempt = list(scenarios), 0
        while todo:
            attempt += 1
            log = results_dir() / f"{cell.replace(':', '-')}-{boot}-{attempt}.log"
            log.unlink(missing_ok=True)
            start = time.monotonic()
            hypervisor, _, tools = cell.partition(":")
            try:
                host = Host(self.images, hypervisor, tools, self.boots.BOOTS[boot], log,
                            make_spec=self.boots.SPECS.get(boot, make_spec))
            except (HostLost, RuntimeError, AssertionError) as why:
                for scenario in todo:
                    self.report(cell, scenario.name, 0.0, "its boot failed")
                self.say(f"     boot {boot} of {cell} failed: {why}\n     log: {log}")
                return
            self.say(f"     {cell} {boot}: up in {time.monotonic() - start:.1f} s")
            try:
                todo = self.in_host(host, cell, todo)
            finally:
                host.close()

    def raw(self, cell, scenario):
        """A scenario that boots for itself."""
        hypervisor, _, tools = cell.partition(":")
        log = results_dir() / f"{cell.replace(':', '-')}-{scenario.name}.log"
        log.unlink(missing_ok=True)
        start = time.monotonic()
        try:
            scenario.run(RawCell(self.images, hypervisor, tools, log))
            why = None
        except AssertionError as failed:
            why = f"{failed}\n     log: {log}"
        except Exception:
            why = f"{traceback.format_exc(limit=-3)}\n     log: {log}"
        self.report(cell, scenario.name, time.monotonic() - start, why)

    def in_host(self, host, cell, todo):
        """Run until the list or the host is at its end; what is left to do."""
        for n, scenario in enumerate(todo):
            start = time.monotonic()
            try:
                scenario.run(host)
                if scenario.leaks:
                    host.no_leaks()
                self.report(cell, scenario.name, time.monotonic() - start, None)
                if scenario.fresh:
                    return todo[n + 1:]
            except HostLost as why:
                self.report(cell, scenario.name, time.monotonic() - start,
                            f"the host was lost: {why}\n     log: {host.log}")
                return todo[n + 1:]
            except Exception as why:  # a failed check, a bug in the scenario: all must be reported
                if not self.failed(host, cell, scenario, why, time.monotonic() - start):
                    return todo[n + 1:]
        return []

    def failed(self, host, cell, scenario, why, seconds):
        """Report, keep the evidence, tidy up. False if the host is not fit to go on."""
        note = f"{why}" if isinstance(why, AssertionError) else traceback.format_exc(limit=-3)
        kept = results_dir() / f"{cell.replace(':', '-')}-{scenario.name}.txt"
        kept.write_text(f"{scenario.name} in {cell}\n{traceback.format_exc()}\n{host.diagnosis()}")
        self.report(cell, scenario.name, seconds, f"{note}\n     kept: {kept} {host.log}")
        if scenario.fresh:
            return False
        try:
            host.clean()
            host.run("rm -f /run/*.img; losetup -D; rmmod brd")
            # What this one lost is its own failure, not the next one's.
            host.baseline = min(host.baseline, host.free_memory())
            return True
        except (HostLost, AssertionError, ValueError):
            return False

    def report(self, cell, name, seconds, why):
        with self.saying:
            self.tally.note(why is None)
            self._say(f"ok   {cell} {name} ({seconds:.1f} s)" if why is None
                      else f"FAIL {cell} {name} ({seconds:.1f} s): {why}")
