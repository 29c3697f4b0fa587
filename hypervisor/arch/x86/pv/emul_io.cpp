// SPDX-License-Identifier: MIT
// Port I/O by PV guests: allowed by the guest kernel (IOPL or the bitmap it gave us, xen/physdev.h) and then, for each
// port, by the control domain. Ports that are not the domain's read as all ones.
#include "core/hypercall/guest_ptr.hpp"
#include "cpu/cr.hpp"
#include "drivers/pci/pci.hpp"
#include "pv/emul.hpp"
#include "pv/pv.hpp"

namespace hv {

namespace {

constexpr u16 pci_address_port = 0xcf8, pci_data_port = 0xcfc;

u64 all_ones(u32 bytes) { return ~u64{0} >> (64 - 8 * bytes); }

bool guest_allows(const Vcpu& vcpu, u16 port, u32 bytes) {
    const PvVcpu& pv = vcpu.arch.pv;
    if (pv.iopl >= (pv.kernel_mode ? 1U : 3U)) return true;
    if (u32{port} + bytes > pv.iobmp_limit) return false;
    u8 map[2] = {0xff, 0xff};
    // Two bytes as the CPU does; the second may lie behind the map.
    if (!copy_from_guest(map, pv.iobmp + port / 8, 1) ||
        ((port & 7) + bytes > 8 && !copy_from_guest(map + 1, pv.iobmp + port / 8 + 1, 1)))
        return false;
    const u32 bits = (u32{map[1]} << 8 | map[0]) >> (port & 7);
    return (bits & ((1U << bytes) - 1)) == 0;
}

bool owns(const Domain& domain, u16 port, u32 bytes) {
    return domain.arch.ioports_allowed.contains(port, port + bytes - 1);
}

/// The PCI address port is each guest's own variable, so that nobody disturbs the hypervisor's accesses.
bool is_pci_data(u16 port, u32 bytes) { return port >= pci_data_port && port + bytes <= pci_data_port + 4; }

u64 port_in(Vcpu& vcpu, u16 port, u32 bytes) {
    Domain& domain = *vcpu.domain;
    if (port == pci_address_port && bytes == 4) return domain.arch.pci_cf8;
    if (is_pci_data(port, bytes))
        return domain.is_hardware ? pci_conf1_read(domain.arch.pci_cf8, port & 3, bytes) : all_ones(bytes);
    // Linux polls a PIT counter until it leaves 0xff, some 100,000 reads: a counter that is not there has run down.
    if (!owns(domain, port, bytes)) return port >= 0x40 && port <= 0x42 ? 0 : all_ones(bytes);
    return bytes == 1 ? inb(port) : bytes == 2 ? inw(port) : inl(port);
}

void port_out(Vcpu& vcpu, u16 port, u32 bytes, u32 value) {
    Domain& domain = *vcpu.domain;
    if (port == pci_address_port && bytes == 4) {
        domain.arch.pci_cf8 = value;
    } else if (is_pci_data(port, bytes)) {
        if (domain.is_hardware) pci_conf1_write(domain.arch.pci_cf8, port & 3, bytes, value);
    } else if (owns(domain, port, bytes)) {
        if (bytes == 1)
            outb(port, static_cast<u8>(value));
        else if (bytes == 2)
            outw(port, static_cast<u16>(value));
        else
            outl(port, value);
    }
}

/// One element of INS or OUTS. False: the guest's buffer faulted and the fault was delivered.
bool string_step(Vcpu& vcpu, UserRegs& regs, const Insn& insn, bool out, u32 bytes) {
    const u64 mask = insn.address32 ? 0xffffffff : ~u64{0};
    u64& pointer = out ? regs.rsi : regs.rdi;
    const u64 address = pointer & mask;
    const u16 port = static_cast<u16>(regs.rdx);
    u32 value = 0;
    bool ok = out ? copy_from_guest(&value, address, bytes) : copy_to_guest(address, &value, bytes);
    if (ok && out) port_out(vcpu, port, bytes, value);
    if (ok && !out) {
        value = static_cast<u32>(port_in(vcpu, port, bytes));
        ok = copy_to_guest(address, &value, bytes);
    }
    if (!ok) {
        pv_inject_page_fault(regs, address, out ? 0 : 2);
        return false;
    }
    const u64 step = regs.rflags & 0x400 ? -u64{bytes} : u64{bytes};
    pointer = ((pointer + step) & mask) | (pointer & ~mask);
    return true;
}

bool emulate_string(Vcpu& vcpu, UserRegs& regs, const Insn& insn, bool out, u32 bytes) {
    if (insn.segment == 0x64 || insn.segment == 0x65) return false;
    const u64 end = regs.rip + insn.length;
    // At most a page at a time; the instruction is simply met again for the rest.
    for (u32 n = 0; n < 4096 / 4; ++n) {
        if (insn.rep && regs.rcx == 0) break;
        if (!string_step(vcpu, regs, insn, out, bytes)) return true;
        if (!insn.rep) {
            regs.rip = end;
            return true;
        }
        --regs.rcx;
    }
    if (regs.rcx == 0) regs.rip = end;
    return true;
}

} // namespace

bool emulate_io(UserRegs& regs, Insn& insn, u8 opcode) {
    Vcpu& vcpu = current();
    const bool string = (opcode & 0xfc) == 0x6c;
    const bool out = (opcode & 2) != 0;
    const bool immediate = !string && (opcode & 8) == 0;
    const u32 bytes = !(opcode & 1) ? 1 : insn.operand16 ? 2 : 4;
    if (immediate && !insn.has(1)) return false;
    const u16 port = immediate ? insn.next() : static_cast<u16>(regs.rdx);
    if (!guest_allows(vcpu, port, bytes)) return false;
    if (string) return emulate_string(vcpu, regs, insn, out, bytes);
    const u64 mask = all_ones(bytes);
    if (out)
        port_out(vcpu, port, bytes, static_cast<u32>(regs.rax & mask));
    else if (bytes == 4)
        regs.rax = port_in(vcpu, port, bytes) & mask; // 32-bit results clear the upper half
    else
        regs.rax = (regs.rax & ~mask) | (port_in(vcpu, port, bytes) & mask);
    regs.rip += insn.length;
    return true;
}

} // namespace hv
