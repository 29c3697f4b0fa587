# SPDX-License-Identifier: MIT
"""From create to the end, in every way a guest can end."""
import base64
import struct

from rig.guest import Guest
from rig.scenario import inside, same, scenario


@scenario()
def create_and_destroy(host):
    guest = Guest(host).up()
    inside(guest.wait("GUEST-UP"), "type=PV", "the guest's own report")
    guest.destroy()
    same(guest.row(), None, "row after destroy")


@scenario()
def create_quiet_by_file_and_override(host):
    guest = Guest(host, "over")
    guest.create("-q")
    guest.wait("GUEST-READY")
    guest.destroy()
    guest.write()
    host.check(f"xl create -n {guest.path} 'memory=144' >/dev/null")
    same(guest.row(), None, "a dry run creates nothing")


@scenario()
def four_vcpus(host):
    guest = Guest(host, "smp", vcpus=4).up()
    inside(guest.wait("GUEST-UP"), "cpus=4", "CPUs that the guest sees")
    guest.destroy()


@scenario()
def pause_and_unpause(host):
    guest = Guest(host).up()
    guest.xl("pause")
    same(guest.row()["state"][2], "p", "state when paused")
    before = guest.row()["time"]
    host.check("sleep 2")
    same(guest.row()["time"], before, "CPU time while paused")
    guest.xl("unpause")
    same(guest.row()["state"][2], "-", "state when unpaused")
    same(guest.shell("echo alive$((1+1))"), "alive2", "the guest after unpause")
    guest.destroy()


@scenario()
def create_paused(host):
    guest = Guest(host).create("-p")
    same(guest.row()["state"][2], "p", "state")
    same(guest.row()["time"], 0.0, "CPU time")
    guest.xl("unpause")
    guest.wait("GUEST-READY")
    guest.destroy()


@scenario()
def console_both_ways(host):
    guest = Guest(host).up()
    same(guest.shell("echo $((6 * 7)); uname -s"), "42\nLinux", "answer on the console")
    guest.destroy()


@scenario()
def create_with_console(host):
    guest = Guest(host, "attached")
    guest.write()
    out = host.check(
        "rm -f /run/typescript; (end=$((SECONDS + 90)); until grep -aq GUEST-READY /run/typescript || "
        "[ $SECONDS -ge $end ]; do sleep 0.2; done; printf '\\035'; sleep 0.3) | "
        f"script -qfc 'xl create -c {guest.path}' /run/typescript >/dev/null; cat /run/typescript", 120)
    inside(out, "GUEST-READY", "xl create -c")
    guest.destroy()


@scenario()
def shutdown(host):
    guest = Guest(host).up()
    guest.xl("shutdown", "-w", timeout=120)
    guest.gone()


@scenario()
def guest_powers_itself_off(host):
    guest = Guest(host, extra="then=poweroff").create()
    guest.gone(120)


@scenario()
def reboot(host):
    guest = Guest(host).up()
    first = guest.domid()
    guest.xl("reboot")
    guest.wait("GUEST-READY", 180, count=2)
    assert guest.domid() > first, "a rebooted guest has a new domain id"
    guest.destroy()


@scenario()
def crash_is_noticed(host):
    guest = Guest(host, extra="then=crash", lines=['on_crash = "preserve"']).create()
    host.wait_for("xl list | grep -Eq '^g1 .* ...-?-?c|^g1 .* ----c-|^g1 .* ---sc-'", 120,
                  "state c in xl list")
    same(guest.row()["state"][4], "c", "state of a crashed guest")
    guest.destroy()


@scenario()
def crash_is_destroyed_by_default(host):
    guest = Guest(host, extra="then=crash").create()
    guest.gone(120)


@scenario()
def rename(host):
    guest = Guest(host).up()
    guest.xl("rename", "renamed")
    assert "renamed" in host.domains(), "the new name is not in xl list"
    guest.name = "renamed"
    guest.destroy()


@scenario()
def sysrq(host):
    guest = Guest(host).up()
    guest.shell("echo 1 >/proc/sys/kernel/sysrq; echo 7 >/proc/sys/kernel/printk")
    guest.xl("sysrq", "h")
    guest.wait("sysrq: HELP", 60)
    guest.destroy()


@scenario()
def trigger(host):
    """A PV guest has no button to press, but each of its CPUs can be sent an NMI; the guest goes on."""
    guest = Guest(host, vcpus=2).up()

    def counted():
        return [int(n) for n in guest.shell("sed -n 's/^ *NMI: *\\([0-9 ]*\\).*/\\1/p' /proc/interrupts").split()]
    before = counted()
    for vcpu in (0, 1):
        guest.xl("trigger", "nmi", vcpu)
    same(counted(), [n + 1 for n in before], "NMIs that the guest's CPUs have counted")
    guest.destroy()


@scenario()
def same_name_refused(host):
    guest = Guest(host).up()
    twice = host.run(f"xl create {guest.path}", 60)
    assert twice.status != 0, "a second domain of the same name was created"
    inside(twice.out, "g1", "the message")
    same(guest.row()["id"], guest.domid(), "the first one lives")
    guest.destroy()


@scenario()
def broken_kernel_leaves_nothing(host):
    host.check("head -c 100000 /dev/urandom >/root/broken")
    failed = host.run(f"cat >/root/b.cfg <<'END'\n{Guest(host, 'b', kernel='/root/broken').config}END\n"
                      "xl create /root/b.cfg", 60)
    assert failed.status != 0, "a kernel of random bytes was accepted"
    assert "b" not in host.domains(), "a failed create left a domain"


def elf32_pv_kernel():
    """The smallest thing that says it is a 32-bit PV kernel: an ELF header, one segment, Xen's notes."""
    base = 0xc0000000

    def note(kind, data):
        return struct.pack("<III", 4, len(data), kind) + b"Xen\0" + data + bytes(-len(data) % 4)
    notes = (note(1, struct.pack("<I", base)) + note(3, struct.pack("<I", base)) + note(5, b"xen-3.0\0")
             + note(6, b"linux\0") + note(8, b"generic\0") + note(9, b"yes\0"))
    code, start = b"\xf4" * 16, 52 + 2 * 32
    head = b"\x7fELF\1\1\1".ljust(16, b"\0") + struct.pack(
        "<HHIIIIIHHHHHH", 2, 3, 1, base, 52, 0, 0, 52, 32, 2, 40, 0, 0)
    load = struct.pack("<8I", 1, start, base, 0, len(code), 4096, 5, 4)
    return head + load + struct.pack("<8I", 4, start + 16, 0, 0, len(notes), len(notes), 4, 4) + code + notes


@scenario()
def pv_32_bit_refused(host):
    """No PV32 here, as in Debian's own Xen: the toolstack says so before it makes anything."""
    host.check(f"echo {base64.b64encode(elf32_pv_kernel()).decode()} | base64 -d >/root/elf32")
    failed = host.run(f"cat >/root/b.cfg <<'END'\n"
                      f"{Guest(host, 'old', kernel='/root/elf32', ramdisk=None).config}END\nxl create /root/b.cfg", 60)
    assert failed.status != 0, "a 32-bit PV kernel was accepted"
    # Debian's names the guest's ABI, ours what the kernel lacks.
    assert any(word in failed.out for word in ("x86_32p", "no 64-bit PV")), f"the message: {failed.out}"
    assert "old" not in host.domains(), "a failed create left a domain"


@scenario()
def too_much_memory_leaves_nothing(host):
    failed = host.run(f"cat >/root/b.cfg <<'END'\n{Guest(host, 'big', memory=9999).config}END\n"
                      "xl create /root/b.cfg", 60)
    assert failed.status != 0, "more memory than the host has was given"
    assert "big" not in host.domains(), "a failed create left a domain"


@scenario()
def shutdown_all(host):
    guests = [Guest(host, f"all{n}").up() for n in range(3)]
    host.check("xl shutdown -a -w", 180)
    for guest in guests:
        guest.gone()
