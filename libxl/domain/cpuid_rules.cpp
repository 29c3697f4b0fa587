// SPDX-License-Identifier: MIT
#include "libxl/domain/cpuid_rules.hpp"

namespace hospes::xl {

std::vector<xc::CpuidRule> cpuid_rules(const CpuPolicy& policy) {
    std::vector<xc::CpuidRule> out;
    for (const CpuidEntry& entry : policy.cpuid) {
        xc::CpuidRule rule;
        rule.leaf = entry.leaf;
        rule.subleaf = entry.subleaf.value;
        const std::string* const texts[] = {&entry.eax, &entry.ebx, &entry.ecx, &entry.edx};
        for (std::size_t reg = 0; reg < 4; ++reg) {
            if (texts[reg]->size() != 32) continue;
            for (unsigned bit = 0; bit < 32; ++bit) {
                const std::uint32_t mask = 1U << (31 - bit);
                switch ((*texts[reg])[bit]) {
                case '1': rule.set[reg] |= mask; break;
                case '0': rule.clear[reg] |= mask; break;
                case 'k':
                case 's': rule.host[reg] |= mask; break;
                default: break;
                }
            }
        }
        out.push_back(rule);
    }
    return out;
}

} // namespace hospes::xl
