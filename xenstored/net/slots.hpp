// SPDX-License-Identifier: MIT
// The slots of all rings in one shared mapping: a file on /run, or an unnamed one.
#pragma once

#include <cstddef>
#include <string>

#include "net/ring.hpp"

namespace hospes::xs {

class Slots {
  public:
    static constexpr std::size_t limit = 32768; ///< sparse: only what is used takes memory

    Slots() = default;
    Slots(const Slots&) = delete;
    Slots& operator=(const Slots&) = delete;
    ~Slots();

    /// `path` empty: an unnamed file. An errno value.
    int open(const std::string& path);
    /// Takes over the descriptor that the program before a live update left.
    int adopt(int fd);
    int fd() const { return fd_; }

    Slot* find(Domid domid);
    Slot* allocate(Domid domid); ///< not yet marked as used; null if all are
    void free(Slot& slot);
    /// Frees the slots of domains that `keep(domid)` does not want.
    template <class Keep> void prune(Keep&& keep) {
        for (std::size_t i = 0; i < high_; ++i)
            if (slots_[i].used && !keep(static_cast<Domid>(slots_[i].used - 1))) free(slots_[i]);
    }

  private:
    int map();
    int fd_ = -1;
    Slot* slots_ = nullptr;
    std::size_t high_ = 0; ///< no slot from here on has ever been used
};

} // namespace hospes::xs
