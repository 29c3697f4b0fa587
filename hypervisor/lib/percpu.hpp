// SPDX-License-Identifier: MIT
// One T per physical CPU, each on its own cache lines.
#pragma once

#include "cpu/cpu_info.hpp"

namespace hv {

template <typename T> class PerCpu {
  public:
    T& get() { return slots_[cpu_id()].value; }
    T& on(CpuId cpu) { return slots_[cpu].value; }

  private:
    struct alignas(64) Slot {
        T value{};
    };
    Slot slots_[max_cpus];
};

} // namespace hv
