// SPDX-License-Identifier: MIT
#include "build/hvm_state.hpp"

#include <cerrno>
#include <optional>

#include "xc/abi.hpp"

#include <xen/hvm/save.h>

namespace hospes::xc {
namespace {

template <typename T> void append(std::vector<std::uint8_t>& out, unsigned code, unsigned instance, const T& record) {
    const hvm_save_descriptor descriptor{static_cast<std::uint16_t>(code), static_cast<std::uint16_t>(instance),
                                         sizeof(T)};
    const auto* const head = reinterpret_cast<const std::uint8_t*>(&descriptor);
    const auto* const body = reinterpret_cast<const std::uint8_t*>(&record);
    out.insert(out.end(), head, head + sizeof(descriptor));
    out.insert(out.end(), body, body + sizeof(T));
}

/// The record of this kind and vCPU, or nothing.
template <typename T> std::optional<T> find(std::span<const std::uint8_t> state, unsigned code, unsigned instance = 0) {
    while (state.size() >= sizeof(hvm_save_descriptor)) {
        hvm_save_descriptor descriptor;
        std::memcpy(&descriptor, state.data(), sizeof(descriptor));
        state = state.subspan(sizeof(descriptor));
        if (descriptor.length > state.size() || descriptor.typecode == HVM_SAVE_CODE(END)) break;
        if (descriptor.typecode == code && descriptor.instance == instance && descriptor.length == sizeof(T)) {
            T record;
            std::memcpy(&record, state.data(), sizeof(T));
            return record;
        }
        state = state.subspan(descriptor.length);
    }
    return std::nullopt;
}

hvm_hw_cpu first_vcpu(const PvhEntry& entry) {
    // AMD64 APM volume 2, 4.7: present, type, granularity and size as the descriptor cache holds them.
    constexpr std::uint32_t code = 0xc9b, data = 0xc93, busy_tss = 0x8b;
    hvm_hw_cpu cpu{};
    cpu.cr0 = 0x11; // protection on, x87 there
    cpu.rflags = 0x2;
    cpu.rip = entry.address;
    cpu.rbx = entry.start_info;
    cpu.cs_limit = cpu.ds_limit = cpu.es_limit = cpu.ss_limit = 0xffffffff;
    cpu.cs_arbytes = code;
    cpu.ds_arbytes = cpu.es_arbytes = cpu.ss_arbytes = data;
    cpu.tr_limit = 0x67;
    cpu.tr_arbytes = busy_tss;
    cpu.dr6 = 0xffff0ff0; // what the registers hold after a reset
    cpu.dr7 = 0x400;
    return cpu;
}

} // namespace

Result<std::vector<std::uint8_t>> pvh_start_state(std::span<const std::uint8_t> current, unsigned vcpus,
                                                  const PvhEntry& entry) {
    const auto header = find<hvm_save_header>(current, HVM_SAVE_CODE(HEADER));
    if (!header || header->magic != HVM_FILE_MAGIC)
        return error("set up the first vCPU", EPROTO, "the hypervisor's state of the domain has no header");
    std::vector<std::uint8_t> out;
    append(out, HVM_SAVE_CODE(HEADER), 0, *header);
    append(out, HVM_SAVE_CODE(CPU), 0, first_vcpu(entry));
    if (auto mtrr = find<hvm_hw_mtrr>(current, HVM_SAVE_CODE(MTRR))) {
        mtrr->msr_mtrr_def_type = 0x806; // enabled, write-back: no firmware will do it
        for (unsigned vcpu = 0; vcpu < vcpus; ++vcpu)
            append(out, HVM_SAVE_CODE(MTRR), vcpu, *mtrr);
    }
    const hvm_save_descriptor end{HVM_SAVE_CODE(END), 0, 0};
    const auto* const last = reinterpret_cast<const std::uint8_t*>(&end);
    out.insert(out.end(), last, last + sizeof(end));
    return out;
}

} // namespace hospes::xc
