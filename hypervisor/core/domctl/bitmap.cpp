// SPDX-License-Identifier: MIT
#include "core/domctl/control.hpp"

namespace hv {

Status bitmap_from_guest(u64* words, u32 word_count, const xenctl_bitmap& from) {
    const u32 bits = from.nr_bits < word_count * 64 ? from.nr_bits : word_count * 64;
    for (u32 i = 0; i < word_count; ++i)
        words[i] = 0;
    TRY(GuestIn<u8>(from.bitmap).read(reinterpret_cast<u8*>(words), (bits + 7) / 8));
    if (bits % 64) words[bits / 64] &= (u64{1} << (bits % 64)) - 1;
    return {};
}

Status bitmap_to_guest(xenctl_bitmap& to, const u64* words, u32 word_count) {
    const u64 bytes = (u64{to.nr_bits} + 7) / 8, known = u64{word_count} * 8;
    const u64 copied = bytes < known ? bytes : known;
    TRY(GuestOut<u8>(to.bitmap).write(reinterpret_cast<const u8*>(words), copied));
    if (bytes > copied && !clear_guest(GuestOut<u8>(to.bitmap).address() + copied, bytes - copied)) return Errno::fault;
    return {};
}

} // namespace hv
