#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `./hospes VERB` does, once the machine has what it needs."""
import argparse
import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from rig import build, paths  # noqa: E402
from rig.tools import TOOLSTACKS  # noqa: E402


def say(text):
    print(text, flush=True)


def cmd_build(argv):
    argparse.ArgumentParser(prog="hospes build").parse_args(argv)
    tree = build.build("release")
    say(f"built in {tree}")
    return 0


def cmd_test(argv):
    from rig import testing
    parser = argparse.ArgumentParser(prog="hospes test")
    parser.add_argument("--full", action="store_true", help="everything, hours under TCG")
    parser.add_argument("--cell", action="append", metavar="HYPERVISOR:TOOLS")
    parser.add_argument("--scenario", action="append", default=[], metavar="NAME")
    parser.add_argument("--only", choices=testing.STAGES, action="append",
                        help="these stages and no others")
    parser.add_argument("--list", action="store_true", help="name the scenarios and end")
    return testing.main(parser.parse_args(argv), say)


def cmd_boot(argv):
    from rig.boot import boot
    parser = argparse.ArgumentParser(prog="hospes boot")
    parser.add_argument("--hypervisor", choices=("hospes", "xen"), default="hospes")
    parser.add_argument("--tools", choices=TOOLSTACKS, default="debian")
    parser.add_argument("--smp", type=int, default=2)
    parser.add_argument("--mem", type=int, default=2048, help="MB of the whole machine")
    parser.add_argument("--dom0-mem", type=int, default=768, help="MB of dom0")
    parser.add_argument("--cpu", default=None, help="a CPU model of QEMU's")
    parser.add_argument("--gdb", action="store_true", help="wait for gdb on port 1234")
    parser.add_argument("--args", default="", help="more hypervisor arguments")
    parser.add_argument("--linux-args", default="", help="more arguments for dom0's kernel")
    parser.add_argument("--full-dom0", action="store_true", help="the full Debian dom0 on a disk")
    return boot(parser.parse_args(argv), say)


def cmd_demo(argv):
    from rig.demo import demo
    parser = argparse.ArgumentParser(prog="hospes demo")
    parser.add_argument("--batch", action="store_true", help="unattended: exit 0 if a guest came up")
    parser.add_argument("--hypervisor", choices=("hospes", "xen"), default="hospes")
    parser.add_argument("--tools", choices=TOOLSTACKS, default="hospes")
    return demo(parser.parse_args(argv), say)


def cmd_bench(argv):
    if argv[:1] == ["store"]:
        from rig.bench_store import main as store
        return store(argv[1:], say)
    if argv[:1] == ["tools"]:
        from rig.bench_tools import main as tools
        return tools(argv[1:], say)
    from rig.bench import main as bench
    return bench(argv, say)


def cmd_fuzz(argv):
    from rig.fuzz import main as fuzz
    return fuzz(argv, say)


def cmd_profile(argv):
    from rig.profile import profile
    parser = argparse.ArgumentParser(prog="hospes profile")
    parser.add_argument("--hypervisor", choices=("hospes", "xen"), default="hospes")
    parser.add_argument("--tools", choices=TOOLSTACKS, default="debian")
    parser.add_argument("--smp", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--top", type=int, default=40, help="lines to print")
    parser.add_argument("command", help="what dom0's shell repeats, as: /root/dom0_bench processes")
    return profile(parser.parse_args(argv), say)


def main():
    verbs = {"build": cmd_build, "test": cmd_test, "boot": cmd_boot, "demo": cmd_demo,
             "bench": cmd_bench, "profile": cmd_profile, "fuzz": cmd_fuzz}
    # Ended from outside, it must still take its QEMU along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return verbs[sys.argv[1]](sys.argv[2:])
    except build.BuildFailed as why:
        print(f"hospes: {why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    os.chdir(paths.ROOT)
    sys.exit(main())
