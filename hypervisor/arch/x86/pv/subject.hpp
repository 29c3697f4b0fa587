// SPDX-License-Identifier: MIT
// What mmu_update and mmuext_op share: whom they act on, and their way through an array of requests.
#pragma once

#include "core/domain/domain.hpp"
#include "core/hypercall/guest_ptr.hpp"
#include "core/hypercall/table.hpp"

namespace hv {

struct Subject {
    /// DOMID_SELF, DOMID_IO, DOMID_XEN or a number. `ref` keeps a real other domain alive; no permission check then.
    static Result<Domain*> find(u16 id, DomainRef& ref);
};

/// args: array, count, pointer to the number done (may be null). A restarted call continues that number.
class Batch {
  public:
    explicit Batch(HypercallArgs& args) : args_(args), count_(static_cast<u32>(args.a[1])) {
        if (count_ & restarted) {
            count_ &= ~restarted;
            if (args.a[2]) static_cast<void>(GuestIn<u32>(args.a[2]).read(done_before_));
        }
    }
    [[nodiscard]] u32 at() const { return at_; }
    [[nodiscard]] u32 left() const { return count_ - at_; }
    void next() { ++at_; }
    /// Between two requests: something more urgent, or an old table to finish.
    [[nodiscard]] bool should_stop() const {
        return current().arch.old_guest_table != Mfn{} || (at_ != 0 && hypercall_preempt_check());
    }
    Errno restart(u64 request_size) {
        report();
        args_.a[0] += at_ * request_size;
        args_.a[1] = (count_ - at_) | restarted;
        return Errno::restart;
    }
    Result<s64> finish(Status status) {
        report();
        if (!status) return status.error();
        return 0;
    }

  private:
    static constexpr u32 restarted = 1U << 31;
    void report() {
        if (args_.a[2]) static_cast<void>(GuestOut<u32>(args_.a[2]).write(done_before_ + at_));
    }
    HypercallArgs& args_;
    u32 count_;
    u32 at_ = 0;
    u32 done_before_ = 0;
};

} // namespace hv
