// SPDX-License-Identifier: MIT
// Work in a process of its own, while this one goes on.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "libxl/core/wait.hpp"

namespace hospes::xl {

class Worker {
  public:
    /// Forks; the child does `work`, hands over what it answers, and ends. It shares nothing but what it finds at its
    /// birth, must not talk over our connections, and dies with us.
    static Result<Worker> start(const std::function<Result<std::string>()>& work);
    Worker(Worker&& other) noexcept
        : child_(std::exchange(other.child_, -1)), answer_(std::exchange(other.answer_, -1)) {}
    Worker& operator=(Worker&&) = delete;
    ~Worker(); ///< kills it if it is still at it

    /// Its answer. What it had mapped is gone then.
    Result<std::string> finish(const Cancel* cancel);

  private:
    Worker(pid_t child, int answer) : child_(child), answer_(answer) {}
    void reap();
    pid_t child_;
    int answer_;
};

} // namespace hospes::xl
