# SPDX-License-Identifier: MIT
"""Configuration: what xl makes of files, beside the stock tool."""
from rig import paths
from rig.scenario import inside, same, scenario

GOLDEN = paths.ROOT / "tests" / "golden" / "json"


@scenario(full=True)
def json_as_stock(host):
    """`xl create -n` prints the golden JSON: in Debian's cell that holds the golden files to the stock xl."""
    for path in sorted(GOLDEN.glob("*.cfg")):
        host.check(f"cat >/run/golden.cfg <<'END'\n{path.read_text()}END\n")
        got = host.check("xl create -n /run/golden.cfg 2>/dev/null")
        same(got.strip(), path.with_suffix(".json").read_text().strip(), path.name)


@scenario(full=True, cells=("xen:hospes", "hospes:hospes"))
def mistakes_are_shown(host):
    """A mistake ends with the place, the line, a marker and a hint; nothing is created."""
    host.check("printf 'name = \"x\"\\nkernel = \"/k\"\\ndisk = [ \"/a,zip,xvda\" ]\\n' >/run/wrong.cfg")
    done = host.run("xl create /run/wrong.cfg 2>&1")
    same(done.status, 1, "exit code")
    for part in ("/run/wrong.cfg:3:10: disk: ", "unknown format 'zip'", "^", "hint: one of raw"):
        inside(done.out, part, "message")
    done = host.run("xl create -n /run/golden.cfg 'memroy=5' 2>&1 >/dev/null; true")
    same(host.domains(), {"Domain-0": 0}, "domains")


@scenario(full=True, cells=("xen:hospes", "hospes:hospes"))
def check_and_metrics(host):
    """The preflight passes on a host that runs guests; metrics name the domain and have the CPU time of it."""
    out = host.check("xl check", 30)
    for line in ("hypervisor", "xenstored", "console daemon", "free memory"):
        assert any(row.startswith("ok") and line in row for row in out.splitlines()), f"{line}: {out}"
    out = host.check("xl metrics", 30)
    for part in ('xen_domain_info{domid="0",name="Domain-0"', "xen_domain_cpu_seconds_total{", "# TYPE xen_cpus gauge"):
        inside(out, part, "metrics")
    host.check("xl metrics -o /run/xen.prom && grep -q ^xen_info /run/xen.prom")
