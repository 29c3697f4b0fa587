// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include "xl/scheduling.hpp"

namespace hospes::cli {
namespace {

class SchedCredit2Command final : public Command {
  public:
    static constexpr std::string_view verb = "sched-credit2";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::vector<Option> options() override { return weight_options(given_); }
    int run(Context& context, std::span<const std::string>) override {
        return run_weights(context, xl::Scheduler::credit2, given_);
    }

  private:
    WeightOptions given_;
};

const Register<SchedCredit2Command> sched_credit_2_registration;

} // namespace
} // namespace hospes::cli
