// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cerrno>
#include <unistd.h>

namespace hospes::cli {
namespace {

class TopCommand final : public Command {
  public:
    static constexpr std::string_view verb = "top";
    [[nodiscard]] std::string_view name() const override { return verb; }
    int run(Context&, std::span<const std::string>) override {
        ::execlp("xentop", "xentop", static_cast<char*>(nullptr));
        return report(error("run xentop", errno, {}, "it comes with Debian's package xen-utils-4.17"));
    }
};

const Register<TopCommand> top_registration;

} // namespace
} // namespace hospes::cli
