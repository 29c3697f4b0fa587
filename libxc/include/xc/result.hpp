// SPDX-License-Identifier: MIT
// Errors as values for the control domain's programs: what was being done, why it failed, what to
// try.
#pragma once

#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace hospes {

struct Error {
    std::string stage; ///< what was being done: "allocate memory for the guest"
    std::string cause; ///< why it failed
    int code = 0;      ///< errno value, 0 when none fits
    std::string hint;  ///< the next step, if one is known

    /// "STAGE: CAUSE (ERRNO TEXT)".
    [[nodiscard]] std::string text() const {
        std::string out = stage;
        if (!cause.empty()) out += (out.empty() ? "" : ": ") + cause;
        if (code) out += std::string(out.empty() ? "" : ": ") + std::strerror(code);
        return out;
    }
    /// The same error seen from an outer stage.
    [[nodiscard]] Error within(std::string outer) && {
        cause = text();
        code = 0;
        stage = std::move(outer);
        return std::move(*this);
    }
};
inline Error error(std::string stage, int code, std::string cause = {}, std::string hint = {}) {
    return {std::move(stage), std::move(cause), code, std::move(hint)};
}

template <typename T> class [[nodiscard]] Result {
  public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}         // NOLINT: implicit
    Result(Error problem) : state_(std::in_place_index<1>, std::move(problem)) {} // NOLINT: implicit
    [[nodiscard]] bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }
    T& operator*() & { return std::get<0>(state_); }
    const T& operator*() const& { return std::get<0>(state_); }
    T&& operator*() && { return std::get<0>(std::move(state_)); }
    T* operator->() { return &std::get<0>(state_); }
    const T* operator->() const { return &std::get<0>(state_); }
    [[nodiscard]] const Error& problem() const& { return std::get<1>(state_); }
    [[nodiscard]] Error&& problem() && { return std::get<1>(std::move(state_)); }

  private:
    std::variant<T, Error> state_;
};

template <> class [[nodiscard]] Result<void> {
  public:
    Result() = default;
    Result(Error problem) : problem_(std::move(problem)) {} // NOLINT: implicit
    [[nodiscard]] bool ok() const { return !problem_; }
    explicit operator bool() const { return ok(); }
    void operator*() const {}
    [[nodiscard]] const Error& problem() const& { return *problem_; }
    [[nodiscard]] Error&& problem() && { return *std::move(problem_); }

  private:
    std::optional<Error> problem_;
};
using Status = Result<void>;

} // namespace hospes

/// The value of a Result, or return its error from the enclosing function.
#define HOSPES_TRY(expression)                                                                                         \
    ({                                                                                                                 \
        auto&& try_result = (expression);                                                                              \
        if (!try_result.ok()) return std::move(try_result).problem();                                                  \
        *std::move(try_result);                                                                                        \
    })
