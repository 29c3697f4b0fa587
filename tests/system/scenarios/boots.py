# SPDX-License-Identifier: MIT
"""The machines that scenarios ask for by name."""
from rig.cell import Setup

BOOTS = {
    "main": Setup(),
    "many": Setup(mem=4096, dom0_mem=1024),
    "smp1": Setup(smp=1, vmlinux=True),
    "smp4": Setup(smp=4, vmlinux=True),
    "smp8": Setup(smp=8, vmlinux=True),
    "epyc-rome": Setup(cpu="EPYC-Rome,-smap,-monitor", vmlinux=True),
    "max": Setup(cpu="max,-smap,-monitor,-la57", vmlinux=True),
    "qemu64": Setup(cpu="qemu64", vmlinux=True),
    "nehalem": Setup(cpu="Nehalem", vmlinux=True),
    "skylake": Setup(cpu="Skylake-Client,-smap,-hle,-rtm", vmlinux=True),
}
