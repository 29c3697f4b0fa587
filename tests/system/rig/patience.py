# SPDX-License-Identifier: MIT
"""Time limits: those in the code are for a machine with nothing else to do; on a busy one they are longer."""
import os

BUSY = 4


def busy():
    """More work than CPUs: then TCG, too, does better with one thread (see machine.py)."""
    return os.getloadavg()[0] > 0.75 * (os.cpu_count() or 1)


FACTOR = float(os.environ.get("HOSPES_PATIENCE") or (BUSY if busy() else 1))


def stretched(seconds):
    return max(1, round(seconds * FACTOR))
