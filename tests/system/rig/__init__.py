# SPDX-License-Identifier: MIT
"""The rig: dom0 images, guests, QEMU and the consoles, for the 2 x 2 matrix of the system tests."""
