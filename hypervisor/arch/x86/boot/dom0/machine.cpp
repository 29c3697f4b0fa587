// SPDX-License-Identifier: MIT
#include "boot/dom0/builder.hpp"
#include "core/debug/input.hpp"
#include "core/debug/panic.hpp"
#include "cpu/cpuid.hpp"
#include "drivers/acpi/acpi.hpp"
#include "irq/irq.hpp"

namespace hv {

static void must(const Status& status) {
    if (!status.ok()) boot_failed("not enough memory for dom0's permissions");
}

static void deny_ports(Domain& domain, u64 first, u64 count) {
    must(domain.arch.ioports_allowed.remove(first, first + count - 1));
}
static void deny_page(Domain& domain, u64 maddr) {
    must(domain.iomem_allowed.remove(maddr >> page_shift, maddr >> page_shift));
}

void dom0_grant_machine(Domain& domain) {
    must(domain.arch.ioports_allowed.add(0, 0xffff));
    deny_ports(domain, 0x20, 2); // interrupt controllers
    deny_ports(domain, 0xa0, 2);
    deny_ports(domain, 0x40, 4); // PIT, its gate
    deny_ports(domain, 0x61, 1);
    deny_ports(domain, 0xcf8, 8); // PCI configuration: checked access by emulation
    // The PM timer can only be read: hidden, it would cost dom0's kernel 100,000 trapping reads to find it stopped.
    if (const SerialPortInUse serial = console_serial_port(); serial.port) deny_ports(domain, serial.port, 8);

    must(domain.iomem_allowed.add(0, (u64{1} << (cpu_features.phys_bits - page_shift)) - 1));
    deny_page(domain, acpi.lapic_address);
    for (u32 i = 0; i < acpi.ioapic_count; ++i)
        deny_page(domain, acpi.ioapics[i].address);
    // The HPET stays reachable: AML (_STA of its device) reads it, and dom0's kernel leaves it alone on Xen.
    must(domain.iomem_allowed.remove(0xfee00, 0xfeeff)); // where MSIs are written

    must(domain.irqs_allowed.add(0, irq_count() - 1));
}

} // namespace hv
