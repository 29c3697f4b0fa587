# SPDX-License-Identifier: MIT
"""A guest under test: its configuration file, its console log, its end."""
import re
import shlex

from .dom0 import CommandFailed
from .patience import stretched

KERNEL = "/root/guest-vmlinuz"
RAMDISK = "/root/guest.cpio.gz"


class Guest:
    def __init__(self, host, name="g1", memory=128, vcpus=1, extra="", disk=(), vif=(), lines=(),
                 kernel=KERNEL, ramdisk=RAMDISK, kind="pv"):
        self.host, self.name = host, name
        self.path = f"/root/{name}.cfg"
        self.log_file = f"/var/log/xen/console/guest-{name}.log"
        # tsc_mode: Xen's own RDTSCP exits cannot be decoded on this emulated host.
        # kind "": the toolstack chooses.
        rows = [f'name = "{name}"', *([f'type = "{kind}"'] if kind else []), f'kernel = "{kernel}"',
                f'extra = "console=hvc0 quiet {extra}"', f"memory = {memory}", f"vcpus = {vcpus}",
                'tsc_mode = "native"']
        if ramdisk:
            rows.append(f'ramdisk = "{ramdisk}"')
        if disk:
            rows.append("disk = [" + ", ".join(f"'{d}'" for d in disk) + "]")
        if vif:
            rows.append("vif = [" + ", ".join(f"'{v}'" for v in vif) + "]")
        self.config = "\n".join([*rows, *lines]) + "\n"

    def write(self):
        self.host.check(f"cat >{self.path} <<'END'\n{self.config}END\n")

    def create(self, options="", timeout=120):
        self.host.check(f"rm -f {self.log_file}\ncat >{self.path} <<'END'\n{self.config}END\n"
                        f"xl create {options} {self.path}", timeout)
        return self

    def up(self, options="", timeout=180):
        """Create it and wait for its userspace."""
        self.create(options)
        self.wait("GUEST-READY", timeout)
        return self

    def wait(self, pattern, timeout=120, count=1):
        """The line of the console log that matches pattern (the count-th such line)."""
        # A line counts once it is whole: the daemon writes what it gets, when it gets it.
        script = f"""
whole() {{ if [ "$(tail -c1 {self.log_file} | wc -l)" = 1 ]; then cat {self.log_file}
           else sed '$d' {self.log_file}; fi 2>/dev/null | grep -aE {shlex.quote(pattern)}; }}
end=$((SECONDS + {stretched(timeout)}))
until [ $(whole | wc -l) -ge {count} ] || [ $SECONDS -ge $end ]; do sleep 0.2; done
whole | tail -n +{count} | grep -a ."""
        done = self.host.run(script, timeout + 10)
        if done.status:
            raise AssertionError(f"{self.name}: no {pattern!r} on its console within {timeout} s; "
                                 f"console:\n{self.console()[-1500:] or '(nothing)'}")
        return done.out.splitlines()[0].strip("\r")

    def console(self):
        return self.host.run(f"tail -c 6000 {self.log_file}").out

    def domid(self):
        return int(self.host.check(f"xl domid {self.name}"))

    def row(self):
        """Its line in xl list as a dict, or None when there is no such domain."""
        for line in self.host.check("xl list").splitlines()[1:]:
            m = re.match(r"(\S+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+([\d.]+)", line)
            if m and m[1] == self.name:
                return {"id": int(m[2]), "mem": int(m[3]), "vcpus": int(m[4]), "state": m[5],
                        "time": float(m[6])}
        return None

    def xl(self, verb, *args, timeout=60):
        return self.host.check(" ".join(["xl", verb, self.name, *map(str, args)]), timeout)

    def destroy(self):
        self.xl("destroy", timeout=90)

    def gone(self, timeout=60):
        """Wait until the domain is no more."""
        self.host.wait_for(f"! xl domid {self.name} >/dev/null 2>&1", timeout,
                           f"{self.name} to be gone")

    def shell(self, command, timeout=60):
        """Type a command into its console; the lines between two marks that only running it makes."""
        end = " " if command.endswith("&") else "; "
        typed = shlex.quote(f"echo B$((40+2)); {command}{end}echo E$((40+2))")
        # Whoever is attached has put its terminal into raw mode; what was typed before that could get lost.
        script = f"""rm -f /run/typescript /run/viewer.is
viewer() {{ read -r pid tty 2>/dev/null </run/viewer.is; }}
until_() {{ end=$((SECONDS + $1)); shift; until eval "$@" || [ $SECONDS -ge $end ]; do sleep 0.05; done; }}
(until_ 20 'viewer && stty -a -F "$tty" 2>/dev/null | grep -q -- -icanon'
 printf '%s\\n' {typed}
 until_ {stretched(timeout)} "grep -aq '^E42' /run/typescript 2>/dev/null"
 printf '\\035'
 until_ 5 'viewer; ! kill -0 $pid 2>/dev/null') |
script -qfc 'echo $$ $(tty) >/run/viewer.is; exec xl console {self.name}' /run/typescript >/dev/null
sed 's/\\r//g' /run/typescript"""
        out = self.host.check(script, timeout + 30)
        m = re.search(r"(?ms)^B42$(.*?)^E42$", out)
        if not m:
            raise CommandFailed(f"{self.name}: no answer on its console to {command!r}:\n{out[-800:]}")
        return m[1].strip()
