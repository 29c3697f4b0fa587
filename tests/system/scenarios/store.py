# SPDX-License-Identifier: MIT
"""Our xenstored under stock clients and running guests: live update, crash, hostile guests."""
import contextlib
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import tempfile

from rig import paths
from rig.guest import Guest
from rig.scenario import inside, same, scenario

OURS = ("xen:debian-xl+hospes-store", "hospes:debian-xl+hospes-store", "xen:hospes", "hospes:hospes")
ONCE = ("xen:debian",)  # no hypervisor and no dom0 are involved: one cell is enough
DAEMON = "/usr/lib/hospes/bin/xenstored"
MB = 8


# --- on the machine that runs the tests: the socket is all that a client sees

@contextlib.contextmanager
def daemon_here(images):
    """Our daemon in a folder of its own; (environment of its clients, folder)."""
    binary = paths.build_dir() / "release" / "xenstored" / "xenstored"
    with tempfile.TemporaryDirectory(prefix="hospes-store-") as folder:
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(f"{folder}/notify")
        notify.settimeout(30)
        proc = subprocess.Popen([binary, "--no-fork", "--no-domain-init", "--socket", f"{folder}/socket"],
                                stderr=subprocess.PIPE, env=os.environ | {"NOTIFY_SOCKET": f"{folder}/notify"})
        try:
            inside(notify.recv(100).decode(), "READY=1", "what it tells its supervisor")
            tools = images.apt.unpack(["xenstore-utils", "xen-utils-4.17", "python3-pyxs"])
            lib = tools / "usr" / "lib" / "x86_64-linux-gnu"
            yield {**os.environ, "XENSTORED_PATH": f"{folder}/socket", "LD_LIBRARY_PATH": str(lib),
                   "PATH": f"{tools}/usr/bin:{tools}/usr/lib/xen-4.17/bin:{os.environ['PATH']}",
                   "PYTHONPATH": str(tools / "usr" / "lib" / "python3" / "dist-packages")}, folder
            same(proc.poll(), None, "the daemon is still there")
        finally:
            proc.terminate()
            proc.wait(10)
            proc.stderr.close()
            notify.close()


def output(env, *argv, status=0):
    done = subprocess.run(argv, env=env, text=True, capture_output=True, timeout=120)
    same(done.returncode, status, f"{' '.join(argv)}: {done.stdout}{done.stderr}")
    return done.stdout


@scenario(boot=None, cells=ONCE)
def stock_tools(cell):
    """Debian's xenstore-* and test-xenstore, through its libxenstore."""
    with daemon_here(cell.images) as (env, _):
        output(env, "xenstore-write", "/a/b", "one", "/a/c", "two words")
        same(output(env, "xenstore-read", "/a/b", "/a/c"), "one\ntwo words\n", "read")
        same(output(env, "xenstore-list", "/a"), "b\nc\n", "list")
        output(env, "xenstore-exists", "/a/x", status=1)
        output(env, "xenstore-chmod", "/a/b", "n0", "r5")
        same(output(env, "xenstore-ls", "-p", "/a").splitlines()[0].split()[-1], "(n0,r5)", "permissions")
        for n in range(0, 600, 100):
            output(env, "xenstore-write", *[w for k in range(n, n + 100) for w in (f"/big/{k:04}-entry", "")])
        same(len(output(env, "xenstore-list", "/big").split()), 600, "a listing beyond one message")
        watch = subprocess.Popen(["xenstore-watch", "-n", "2", "/a"], env=env, text=True, stdout=subprocess.PIPE)
        same(watch.stdout.readline(), "/a\n", "the first event")
        output(env, "xenstore-rm", "/a/c")
        same(watch.communicate(timeout=30)[0], "/a/c\n", "the event of a removal")
        said = output(env, "test-xenstore", "-i", "50")
        assert "rror" not in said and "FAIL" not in said, f"test-xenstore: {said}"


PYXS = """
import pyxs, sys
with pyxs.Client(unix_socket_path=sys.argv[1]) as c:
    c.write(b"/py/a", b"1")
    assert c.read(b"/py/a") == b"1" and c.list(b"/py") == [b"a"]
    c.set_perms(b"/py/a", [b"b0", b"r3"])
    assert c.get_perms(b"/py/a") == [b"b0", b"r3"]
    c.transaction()
    c.write(b"/py/b", b"2")
    c.commit()
    assert c.read(b"/py/b") == b"2"
    m = c.monitor()
    m.watch(b"/py", b"token")
    events = m.wait()
    assert next(events).path == b"/py"
    c.delete(b"/py/b")
    assert next(events).path == b"/py/b"
    assert not c.is_domain_introduced(77)
    assert c.get_domain_path(7) == b"/local/domain/7"
    try:
        c.read(b"/py/none")
        raise SystemExit("no error for a missing node")
    except pyxs.PyXSError:
        pass
print("pyxs is content")
"""


@scenario(boot=None, cells=ONCE)
def stock_pyxs(cell):
    """Debian's python3-pyxs, which speaks the protocol by itself."""
    with daemon_here(cell.images) as (env, folder):
        inside(output(env, sys.executable, "-c", PYXS, f"{folder}/socket"), "content", "pyxs")


CONTROL, READ, START, END, WRITE = 0, 2, 6, 7, 11  # xen/io/xs_wire.h


class Wire:
    """A bare client: requests that no stock tool makes."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)

    def take(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            assert more, "the daemon closed the connection"
            data += more
        return data

    def call(self, kind, *words, tx=0, tail=b""):
        payload = b"".join(word.encode() + b"\0" for word in words) + tail
        self.socket.sendall(struct.pack("<IIII", kind, 1, tx, len(payload)) + payload)
        return self.take(struct.unpack("<IIII", self.take(16))[3]).rstrip(b"\0").decode()

    def live_update(self, program):
        self.call(CONTROL, "live-update", "-f", str(program))
        return self.call(CONTROL, "live-update", "-s")


@scenario(boot=None, cells=ONCE)
def live_update_here(cell):
    """The process is replaced; connections and an open transaction stay. Other programs are refused first."""
    with daemon_here(cell.images) as (env, folder):
        one, two = Wire(f"{folder}/socket"), Wire(f"{folder}/socket")
        tx = int(one.call(START, ""))
        same(one.call(WRITE, "/kept", tx=tx, tail=b"value"), "OK", "a write in a transaction")
        debian = output(env, "which", "xenstored").strip()
        for program in ("/bin/true", "/bin/cat", debian):
            inside(one.live_update(program), "failed", f"live update to {program}")
        same(one.live_update(paths.build_dir() / "release" / "xenstored" / "xenstored"), "OK", "the live update")
        same(two.call(READ, "/kept"), "ENOENT", "what is not committed")
        same(one.call(END, "T", tx=tx), "OK", "the commit")
        same(two.call(READ, "/kept"), "value", "what was committed")
        output(env, "xenstore-read", "/kept")


# --- in dom0, under guests

@scenario(boot="store", cells=OURS, full=True)
def stock_tools_in_dom0(host):
    """Through the socket, and through dom0's kernel."""
    inside(host.check("xenstore-control check"), "OK", "control check")
    inside(host.check("xenstore-control quota"), "transactions", "control quota")
    for path in ("/run/xenstored/socket", "/dev/xen/xenbus"):
        host.check(f"""export XENSTORED_PATH={path}
xenstore-write /t/a one; [ "$(xenstore-read /t/a)" = one ]; xenstore-rm /t
/usr/lib/xen-4.17/bin/test-xenstore -i 20""", 240)


def with_devices(host, name="keeps"):
    host.check(f"dd if=/dev/zero of=/run/keeps.img bs=1M count={MB} 2>/dev/null")
    return Guest(host, name, extra="test=disk ip=10.77.0.31", vif=["mac=00:16:3e:00:00:31, bridge=xenbr0"],
                 disk=["format=raw, vdev=xvda, access=rw, target=/run/keeps.img"]).up()


def works(host, guest):
    """Console, disk and network, one after the other; then its end."""
    sha = re.search(r"sha=(\w+)", guest.wait("GUEST-DISK-WRITE"))[1]
    inside(guest.shell("echo 3 >/proc/sys/vm/drop_caches; sha256sum </dev/xvda", 120), sha, "the disk's content")
    host.check("ping -c 3 -w 30 10.77.0.31", 40)
    guest.shell("echo 1 | dd of=/dev/xvda bs=512 seek=9 conv=fsync")


def ends(host, guest):
    guest.destroy()
    same(guest.row(), None, "row after destroy")
    same(host.run("ip -o link show | grep -c vif").out.strip(), "0", "vifs left in dom0")
    same(host.run("xenstore-list /local/domain").out.split(), ["0"], "domains in the store")
    host.check("rm -f /run/keeps.img; [ -z \"$(losetup -a)\" ]")


def session(host, verb, *args, env=""):
    """Start store_session in dom0; its output goes to a file that is returned."""
    out = f"/run/session-{verb}-{abs(hash((args, env))) % 10000}"
    host.check(f"rm -f {out}; {env} setsid /root/store_session {verb} {' '.join(map(str, args))} "
               f">{out} 2>&1 </dev/null &")
    return out


@scenario(boot="store", cells=OURS, full=True)
def live_update(host):
    """A new program takes over while guests run, transactions are open and counters are counted."""
    guest = with_devices(host)
    host.check("xenstore-write /count 0; mkfifo /run/go1 /run/go2; cp " + DAEMON + " /run/next-xenstored")
    kernel = "XENSTORED_PATH=/dev/xen/xenbus"
    held = [session(host, "hold", "/held1", "/run/go1"), session(host, "hold", "/held2", "/run/go2", env=kernel)]
    for out in held:
        host.wait_for(f"grep -q HOLDING {out}", 30, "an open transaction")
    pid = host.check("pidof xenstored").strip()
    counters = [session(host, "count", "/count", 150), session(host, "count", "/count", 50, env=kernel)]
    for program in ("/run/next-xenstored", DAEMON, "/run/next-xenstored"):
        host.check(f"xenstore-control live-update {program}", 60)
        same(host.check(f"readlink /proc/{pid}/exe").strip(), program, "the program after the update")
    for out in counters:
        host.wait_for(f"grep -Eq 'COUNTED|FAILED' {out}", 240, "the counting")
        same(host.check(f"cat {out}").strip(), "COUNTED", "a client that counted through the updates")
    same(host.check("xenstore-read /count").strip(), "200", "no increment is lost or doubled")
    host.check("echo >/run/go1; echo >/run/go2")
    for n, out in enumerate(held, 1):
        host.wait_for(f"grep -Eq 'EVENT|FAILED' {out}", 30, "the watch")
        same(host.check(f"cat {out}").split(), ["HOLDING", "COMMITTED", "EVENT", f"/held{n}/held"], "open session")
    works(host, guest)
    for program in ("/run/keeps.img", "/bin/true", "/usr/lib/xen-4.17/bin/xenstored"):
        refused = host.run(f"xenstore-control live-update {program}", 60)
        assert refused.status != 0, f"{program} was accepted as a program: {refused.out}"
    same(host.check("xenstore-read /count").strip(), "200", "the store after refused updates")
    ends(host, guest)
    host.check("xenstore-rm /count; xenstore-rm /held1; xenstore-rm /held2; rm /run/go? /run/session-*")


@scenario(boot="store", cells=OURS, full=True)
def kill_and_restart(host):
    """kill -9, a start with the same command line: the guest's devices and the tools go on."""
    guest = with_devices(host)
    host.check("xenstore-write /kept value")
    host.check(f"""kill -9 $(pidof xenstored)
{DAEMON} --pid-file=/run/xen/xenstored.pid""")
    if host.tools != "hospes":  # Debian's console daemon ends with its store connection
        host.check("""kill -9 $(pidof xenconsoled) 2>/dev/null
/usr/lib/xen-4.17/bin/xenconsoled --log=all --pid-file=/run/xen/xenconsoled.pid""")
    same(host.check("xenstore-read /kept").strip(), "value", "the store's content")
    inside(host.check("xenstore-control check"), "OK", "control check")
    works(host, guest)
    guest.xl("network-attach", "mac=00:16:3e:00:00:32", "bridge=xenbr0")  # both kernels' xenbus must hear of it
    host.wait_for("xl network-list keeps | grep -q '00:16:3e:00:00:32.* 4 '", 60, "the second vif to be connected")
    ends(host, guest)
    other = Guest(host, "after").up()
    other.destroy()
    host.check("xenstore-rm /kept")


def hostile(host, extra=""):
    guest = Guest(host, "hostile", kernel="/root/guests/xenstore-hostile.elf", ramdisk=None, memory=32, vcpus=2,
                  lines=['on_poweroff = "preserve"', 'on_crash = "preserve"'])
    guest.config = re.sub(r'extra = "[^"]*"', f'extra = "{extra}"', guest.config)
    return guest.create()


def others_go_on(host):
    """Another guest comes, works and goes; dom0's tools are served."""
    bystander = with_devices(host)
    works(host, bystander)
    host.check("for i in $(seq 50); do xenstore-write /t/$i v || exit 1; done; xenstore-rm /t", 120)
    ends_beside(host, bystander)


def ends_beside(host, guest):
    guest.destroy()
    same(guest.row(), None, "row after destroy")
    host.check("rm -f /run/keeps.img")


@scenario(boot="store", cells=("xen:debian", "hospes:debian", *OURS), full=True)
def hostile_ring(host):
    """A guest at all its quotas floods, then breaks its ring; others are created and served meanwhile."""
    guest = hostile(host, "rounds=200")
    guest.wait("FLOODING|FAIL", 240)
    others_go_on(host)
    host.check(f"xenstore-write /local/domain/{guest.domid()}/data/stop now")
    verdict = guest.wait("PASS xenstore-hostile|FAIL xenstore-hostile", 240)
    inside(verdict, "PASS", "the guest's verdict")
    others_go_on(host)
    guest.destroy()


@scenario(boot="store", cells=OURS, full=True)
def hostile_deaf(host):
    """A guest that fills its ring and reads nothing, while it rings without end."""
    guest = hostile(host, "deaf=1")
    guest.wait("FLOODING|FAIL", 240)
    host.check(f"xenstore-write /local/domain/{guest.domid()}/data/stop now")
    guest.wait("DEAF", 240)
    others_go_on(host)
    guest.destroy()
