// SPDX-License-Identifier: MIT
// Result<T>: a value or an Errno. TRY propagates the error to the caller.
#pragma once

#include <new>
#include <type_traits>
#include <utility>

#include "lib/assert.hpp"
#include "lib/errno.hpp"

namespace hv {

template <typename T> class [[nodiscard]] Result {
  public:
    Result(Errno error) : error_(error), ok_(false) {} // NOLINT: implicit, `return Errno::inval;`
    template <typename U = T>
    requires std::is_constructible_v<T, U&&> &&
        (!std::is_same_v<std::remove_cvref_t<U>, Result>)&&(!std::is_same_v<std::remove_cvref_t<U>, Errno>)
            Result(U&& value)
        : ok_(true) { // NOLINT: implicit, `return value;`
        ::new (static_cast<void*>(&value_)) T(std::forward<U>(value));
    }
    Result(Result&& other) noexcept : ok_(other.ok_) {
        if (ok_)
            ::new (static_cast<void*>(&value_)) T(std::move(other.value_));
        else
            error_ = other.error_;
    }
    Result& operator=(Result&&) = delete;
    Result(const Result&) = delete;
    Result& operator=(const Result&) = delete;
    ~Result() {
        if (ok_) value_.~T();
    }

    [[nodiscard]] bool ok() const { return ok_; }
    explicit operator bool() const { return ok_; }
    [[nodiscard]] Errno error() const {
        HV_ASSERT(!ok_);
        return error_;
    }
    T& value() & {
        HV_ASSERT(ok_);
        return value_;
    }
    const T& value() const& {
        HV_ASSERT(ok_);
        return value_;
    }
    T&& value() && {
        HV_ASSERT(ok_);
        return std::move(value_);
    }

  private:
    union {
        T value_;
        Errno error_;
    };
    bool ok_;
};

template <> class [[nodiscard]] Result<void> {
  public:
    Result() = default;
    Result(Errno error) : error_(static_cast<int>(error)) {} // NOLINT: implicit
    [[nodiscard]] bool ok() const { return error_ == 0; }
    explicit operator bool() const { return ok(); }
    [[nodiscard]] Errno error() const { return static_cast<Errno>(error_); }
    void value() const { HV_ASSERT(ok()); }

  private:
    int error_ = 0;
};

using Status = Result<void>;

} // namespace hv

/// Evaluates `expr` (a Result); on error returns that error from the enclosing function, else yields the value.
#define TRY(expr)                                                                                                      \
    ({                                                                                                                 \
        auto try_result_ = (expr);                                                                                     \
        if (!try_result_.ok()) [[unlikely]]                                                                            \
            return try_result_.error();                                                                                \
        std::move(try_result_).value();                                                                                \
    })
