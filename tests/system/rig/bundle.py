# SPDX-License-Identifier: MIT
"""A folder with everything one boot needs and a boot.sh, for work on the hypervisor itself."""
import pathlib
import shutil
import sys

from .images import Images

BOOT = r'''#!/bin/bash
# boot.sh HYPERVISOR-ELF ["hypervisor args" ["linux args" [qemu args...]]]: boots it with the small
# dom0, serial console on this terminal (Ctrl-a x ends QEMU). Environment:
#   RUN=SCRIPT     run it in dom0 once the toolstack is up, then power off
#   INIT=SCRIPT    replace dom0's /init by it (even before any toolstack exists)
#   KERNEL=FILE    dom0 kernel (default vmlinux, decompressed; vmlinuz is the stock bzImage)
#   SMP=2 MEM=2048 CPU=EPYC,+svm,+npt,-smap,-monitor   the machine
#   THREAD=single|multi   TCG threads: multi is faster only while the host's CPUs are idle
#   ROOTDIR=DIR    files under DIR go into dom0's root as well
set -e
here=$(cd "$(dirname "$0")" && pwd)
hv=$1
hvargs=${2:-"console=com1 com1=115200,8n1 dom0_mem=768M,max:768M loglvl=all guest_loglvl=all noreboot=1"}
linux=${3:-"console=hvc0 earlyprintk=xen"}
shift; shift || true; shift || true
initrd=$here/dom0.cpio
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if [ -n "$RUN$INIT$ROOTDIR" ]; then
    mkdir -p "$scratch/t/root"
    [ -z "$ROOTDIR" ] || cp -a "$ROOTDIR/." "$scratch/t/"
    [ -z "$RUN" ] || install -m 755 "$RUN" "$scratch/t/root/run"
    [ -z "$INIT" ] || install -m 755 "$INIT" "$scratch/t/init"
    (cd "$scratch/t" && find . -mindepth 1 | cpio -o -H newc --quiet >../extra)
    cat "$here/dom0.cpio" "$scratch/extra" >"$scratch/initrd"
    initrd=$scratch/initrd
fi
# QEMU takes a comma as the end of a module's command line unless it is doubled.
qemu-system-x86_64 -M q35 -accel tcg,thread=${THREAD:-single},tb-size=512 \
    -cpu "${CPU:-EPYC,+svm,+npt,-smap,-monitor}" -smp "${SMP:-2}" -m "${MEM:-2048}" \
    -nographic -no-reboot -kernel "$hv" -append "$hvargs" \
    -initrd "${KERNEL:-$here/vmlinux} ${linux//,/,,},$initrd" \
    -netdev user,id=n0 -device e1000e,netdev=n0 "$@"
'''


def make(target: pathlib.Path):
    images = Images(print)
    target.mkdir(parents=True, exist_ok=True)
    for name, source in (("vmlinuz", images.dom0_kernel()), ("vmlinux", images.dom0_vmlinux()),
                         ("dom0.cpio", images.dom0_initramfs()),
                         ("guest-vmlinuz", images.guest_kernel()),
                         ("guest.cpio.gz", images.guest_initramfs()),
                         ("xen", images.reference_xen())):
        scratch = target / (name + ".new")
        shutil.copy(source, scratch)
        scratch.rename(target / name)
    (target / "boot.sh").write_text(BOOT)
    (target / "boot.sh").chmod(0o755)
    print(f"bundle ready: {target}/boot.sh {target}/xen")


if __name__ == "__main__":
    make(pathlib.Path(sys.argv[1]))
