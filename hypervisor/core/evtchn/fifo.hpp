// SPDX-License-Identifier: MIT
// The FIFO event ABI (xen/event_channel.h, "FIFO ABI"): one 32-bit word per port in pages of the guest, and per vCPU
// 16 queues, singly linked through the words. The hypervisor appends at the tail, the guest takes from the head. Every
// word and the control block are guest-writable: each is read once, a broken one can only lose that guest's own events.
#pragma once

#include "abi/xen.hpp"
#include "core/mm/page.hpp"
#include "lib/spinlock.hpp"

namespace hv {

inline constexpr u32 fifo_linked = u32{1} << EVTCHN_FIFO_LINKED, fifo_busy = u32{1} << EVTCHN_FIFO_BUSY;
inline constexpr u32 fifo_link_mask = EVTCHN_FIFO_LINK_MASK;

struct FifoQueue {
    SpinLock lock{LockRank::leaf};
    u32 tail = 0; ///< port linked last, 0 = known to be empty; it may have been taken since
};

/// FIFO part of a vCPU.
struct EvtchnVcpu {
    FifoQueue queue[EVTCHN_FIFO_MAX_QUEUES];
    evtchn_fifo_control_block_t* control = nullptr;
    TypedPageRef page;
};

/// FIFO part of a domain: the pages of event words.
struct FifoArray {
    static constexpr u32 words_per_page = page_size / sizeof(u32);
    static constexpr u32 max_pages = EVTCHN_FIFO_NR_CHANNELS / words_per_page;
    Atomic<u32> words_count{0};
    u32* words[max_pages] = {};
    TypedPageRef pages[max_pages];

    [[nodiscard]] u32* word(u32 port) {
        return port < words_count.load(Order::acquire) ? &words[port / words_per_page][port % words_per_page] : nullptr;
    }
};

/// FIFO part of a port. `last` names the queue whose tail it may still be: vCPU << 8 | priority.
struct FifoPort {
    Atomic<u32> last{EVTCHN_FIFO_PRIORITY_DEFAULT};
    u8 priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
    bool pending_early = false; ///< raised before its word existed
};

enum class FifoLink : u8 {
    done,    ///< appended behind another event; the guest is at it already
    first,   ///< the queue was empty: its head was set, so its ready bit must be raised
    already, ///< the port was linked by somebody else
};

/// Makes the event word `tail` point at `port`; false when the guest has taken `tail` off its queue meanwhile.
inline bool fifo_set_link(u32& tail, u32 port) {
    auto& word = reinterpret_cast<Atomic<u32>&>(tail);
    u32 seen = word.load();
    // The guest may change the word's flags at any time. BUSY asks it to keep off (the ABI: it must not change a busy
    // word's MASKED bit); a guest that still makes us retry has broken its own queue: drop the link.
    for (int attempt = 0; attempt < 6; ++attempt) {
        if (!(seen & fifo_linked)) {
            if (seen & fifo_busy) test_and_clear_bit(EVTCHN_FIFO_BUSY, &tail);
            return false;
        }
        if (word.compare_exchange(seen, (seen & ~(fifo_busy | fifo_link_mask)) | port)) return true;
        if (attempt == 1) seen = word.fetch_or(fifo_busy) | fifo_busy;
    }
    test_and_clear_bit(EVTCHN_FIFO_BUSY, &tail);
    return true;
}

/// Appends `port` (whose word is `word`) to the queue `target` (vCPU << 8 | priority). Queue(u32) finds a FifoQueue,
/// Word(u32) the word of a port or nullptr, `head` is the queue's head in the control block.
template <typename Queue, typename Word>
FifoLink fifo_append(FifoPort& state, u32 port, u32& word, u32 target, u32& head, Queue&& queue, Word&& word_of) {
    for (;;) {
        const u32 last = state.last.load();
        FifoQueue& from = queue(last);
        FifoQueue& to = queue(target);
        const IrqDoubleGuard guard(from.lock, to.lock);
        if (state.last.load() != last) // another CPU moved it before we had the locks
            continue;
        if (test_and_set_bit(EVTCHN_FIFO_LINKED, &word)) return FifoLink::already;
        // It was unlinked; so a queue that ends in it has been emptied by the guest.
        if (from.tail == port) from.tail = 0;
        state.last.store(target);
        u32* tail = to.tail ? word_of(to.tail) : nullptr;
        const bool behind = tail && fifo_set_link(*tail, port);
        if (!behind) write_once(head, port);
        to.tail = port;
        return behind ? FifoLink::done : FifoLink::first;
    }
}

} // namespace hv
