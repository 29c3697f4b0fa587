// SPDX-License-Identifier: MIT
// One domain's shared ring, and the bytes that are on their way between it and the engine.
// Source: <xen/io/xs_wire.h>, Xen docs/misc/xenstore-ring.txt.
//
// Exactly once, also across kill -9. The bytes taken from the ring and the reply not yet in it live
// in a Slot, which may be in a file mapping and then survives the process. How much of a message
// has been taken (or given) is not stored twice: it follows from the ring's own indices. A request
// counts as executed when the journal has reached the position in `next`; until then a restart
// executes it again, afterwards it only finishes sending the reply.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "proto/message.hpp"

namespace hospes::xs {

inline constexpr std::size_t slot_out_size = 16384;

struct Slot {
    struct Phase {
        std::uint64_t position; ///< of the journal, at which this phase is valid
        std::uint32_t in_base;  ///< req_cons at the first byte of the message in `in`
        std::uint32_t out_len;  ///< bytes in `out`
        std::uint64_t count;    ///< `next` is news if it is one ahead of `now`; written last
    };
    std::uint32_t used;     ///< domid + 1; 0: free
    std::uint32_t out_base; ///< rsp_prod at the first byte of `out`
    Phase now;
    Phase next;
    std::array<char, message_max> in;
    std::array<char, slot_out_size> out;
};

class Ring {
  public:
    enum class Fault : std::uint32_t {
        None = XENSTORE_ERROR_NONE,
        Comm = XENSTORE_ERROR_COMM,
        Index = XENSTORE_ERROR_RINGIDX,
        Protocol = XENSTORE_ERROR_PROTO,
    };

    /// A ring that starts where its indices stand. The slot is overwritten.
    Ring(xenstore_domain_interface& page, Slot& slot, Domid domid);
    /// A ring whose slot survived a crash; `committed` is where the journal ends.
    static Ring resume(xenstore_domain_interface& page, Slot& slot, std::uint64_t committed);

    /// Takes bytes until one message is complete. True if one is.
    bool fetch();
    Header header() const { return read_header(slot_->in.data()); }
    std::string_view payload() const { return {slot_->in.data() + sizeof(Header), header().len}; }

    bool staged() const { return slot_->now.out_len != 0; }
    /// Whether any reply would fit behind what is staged.
    bool room() const { return slot_->now.out_len + message_max <= slot_out_size; }
    /// How many bytes of `bytes`, in whole messages, fit behind what is staged.
    std::uint32_t fit(std::string_view bytes) const;
    /// Stages whole messages from `bytes` as far as they fit; returns how many bytes that took.
    std::size_t stage(std::string_view bytes);
    /// Ends the fetched message: `replies` (which fit) become its answer when the journal
    /// reaches `position`. Order: prepare(), commit, finish().
    void prepare(std::uint64_t position, std::string_view replies);
    void finish();

    /// Moves staged bytes into the ring.
    void push();
    /// True once after bytes moved in either direction: the other side wants to know.
    bool moved() { return std::exchange(moved_, false); }

    Fault fault() const { return fault_; }
    void set_fault(Fault fault);
    bool wants_reconnect() const;
    void reconnect();
    std::uint64_t pushed() const { return pushed_; }

  private:
    Ring(xenstore_domain_interface& page, Slot& slot) : page_(&page), slot_(&slot) {}
    void announce();
    std::uint32_t taken() const { return req_cons_ - slot_->now.in_base; }

    xenstore_domain_interface* page_;
    Slot* slot_;
    std::uint32_t req_cons_ = 0; ///< our own copies: what stands in the page, the guest may change
    std::uint32_t rsp_prod_ = 0;
    std::uint64_t pushed_ = 0;
    bool moved_ = false;
    Fault fault_ = Fault::None;
};

} // namespace hospes::xs
