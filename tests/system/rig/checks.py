# SPDX-License-Identifier: MIT
"""What holds before and after every scenario, and what is kept of a failure."""
import re

from .console import ConsoleClosed
from .dom0 import HostLost
from .patience import stretched

DIAGNOSIS = """
echo '--- xl list'; xl list
echo '--- xenstore'; xenstore-ls -f | head -150
echo '--- dom0 kernel'; dmesg | tail -60
echo '--- hypervisor'; xl dmesg | tail -120
for f in /var/log/xen/*.log; do echo "--- $f"; tail -40 $f; done
for f in /var/log/xen/console/*; do echo "--- $f"; tail -40 $f; done
"""
# What the hypervisor says when its own books do not balance. DEBUG builds say more of it.
UNBALANCED = r"(?m)^.*(?:is left with type|: gone with \d+ pages|Assertion '|Lock order:).*$"


class Checks:
    """Mixed into the host: waiting, cleaning up, leak checks, diagnosis."""
    log_seen = 0

    def wait_for(self, condition, timeout, what):
        """Poll a shell condition in dom0."""
        done = self.run(f"end=$((SECONDS + {stretched(timeout)}))\nuntil {condition}; do\n"
                        f"  [ $SECONDS -lt $end ] || exit 1\n  sleep 0.2\ndone", timeout + 20)
        assert done.status == 0, f"waited {timeout} s in vain for {what}\n{done.out.strip()[-500:]}"

    def domains(self):
        names = {}
        for line in self.check("xl list").splitlines()[1:]:
            m = re.match(r"(\S+)\s+(\d+)\s", line)
            if m:
                names[m[1]] = int(m[2])
        return names

    def clean(self):
        """Destroy what a scenario left; the names of it."""
        left = [n for n in self.domains() if n != "Domain-0"]
        for name in left:
            self.run(f"xl destroy {name}", 90)
        return left

    def no_leaks(self):
        """Only dom0, and as much free memory as after boot."""
        left = [n for n in self.domains() if n != "Domain-0"]
        assert not left, f"domains left behind: {', '.join(left)}"
        # A dying domain's memory comes back when its last reference goes: that may take a moment.
        self.wait_for(f"[ $(xl info | sed -n 's/^free_memory *: *//p') -ge {self.baseline} ]", 20,
                      f"free memory to be {self.baseline} MB again")
        self.balanced()

    def balanced(self):
        """No complaint of the hypervisor's about its own counts since the last look."""
        text = self.log.read_bytes()[self.log_seen:]
        self.log_seen += len(text)
        found = re.findall(UNBALANCED, text.decode("latin-1"))
        assert not found, "the hypervisor's books do not balance:\n" + "\n".join(found[:10])

    def diagnosis(self):
        try:
            return self.run(DIAGNOSIS, 60).out
        except (HostLost, ConsoleClosed, OSError) as why:
            return f"(dom0 gave no diagnosis: {why})"
