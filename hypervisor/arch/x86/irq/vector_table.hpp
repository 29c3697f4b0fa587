// SPDX-License-Identifier: MIT
// Which IRQ a CPU's vector belongs to. Each CPU has its own table, so the machine has as many vectors as all together.
// Pure: guarded by the caller.
#pragma once

#include "lib/types.hpp"

namespace hv {

class VectorTable {
  public:
    static constexpr u32 none = ~0U;
    [[nodiscard]] u32 irq_of(u8 vector) const { return slots_[vector] - 1; }
    [[nodiscard]] bool is_free(u8 vector) const { return usable(vector) && slots_[vector] == 0; }
    /// Any free vector, going round so that a stale interrupt rarely meets a new owner. 0: all taken.
    u8 allocate(u32 irq) {
        for (unsigned n = 0; n <= last - first; ++n) {
            next_ = next_ < first || next_ >= last ? first : static_cast<u8>(next_ + 1);
            if (is_free(next_)) {
                claim(next_, irq);
                return next_;
            }
        }
        return 0;
    }
    void claim(u8 vector, u32 irq) { slots_[vector] = irq + 1; }
    void release(u8 vector) { slots_[vector] = 0; }

    /// Vectors that guests use as software interrupts are never given to a device.
    static constexpr bool usable(u8 vector) {
        return vector >= first && vector <= last && vector != 0x80 && vector != 0x82;
    }
    static constexpr u8 first = 0x30, last = 0xef; // irq.hpp vector_first_dynamic..vector_last_dynamic

  private:
    u32 slots_[256] = {}; ///< IRQ + 1, 0 free
    u8 next_ = 0;
};

} // namespace hv
