// SPDX-License-Identifier: MIT
#include "libxl/host/cpu_set.hpp"

namespace hospes::xl {
std::string set_text(const Bitmap& set, unsigned size) {
    std::string out;
    for (unsigned first = 0; first < size; ++first) {
        if (!set.test(first)) continue;
        unsigned last = first;
        while (last + 1 < size && set.test(last + 1))
            ++last;
        if (first == 0 && last + 1 == size) return "all";
        out += (out.empty() ? "" : ",") + std::to_string(first);
        if (last > first) out += "-" + std::to_string(last);
        first = last;
    }
    return out.empty() ? "none" : out;
}

Bitmap within(const Bitmap& set, unsigned size) {
    Bitmap out;
    for (const unsigned member : set.members())
        if (member < size) out.set(member);
    return out;
}

xc::BitWords to_words(const Bitmap& set, unsigned size) {
    xc::BitWords words((size + 7) / 8);
    for (const unsigned bit : set.members())
        if (bit < size) words[bit / 8] = static_cast<std::uint8_t>(words[bit / 8] | 1U << (bit % 8));
    return words;
}

Bitmap from_words(const xc::BitWords& words, unsigned size) {
    Bitmap out;
    for (unsigned bit = 0; bit < size && bit / 8 < words.size(); ++bit)
        if (words[bit / 8] >> (bit % 8) & 1) out.set(bit);
    return out;
}

} // namespace hospes::xl
