// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include "xl/scheduling.hpp"

namespace hospes::cli {
namespace {

class SchedCreditCommand final : public Command {
  public:
    static constexpr std::string_view verb = "sched-credit";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::vector<Option> options() override {
        std::vector<Option> all = weight_options(given_);
        all.push_back({'t', "tslice_ms", true, [this](const char* value) { given_.timeslice = value; }});
        all.push_back({'m', "migration_delay_us", true, [this](const char* value) { given_.delay = value; }});
        return all;
    }
    int run(Context& context, std::span<const std::string>) override {
        return run_weights(context, xl::Scheduler::credit, given_);
    }

  private:
    WeightOptions given_;
};

const Register<SchedCreditCommand> sched_credit_registration;

} // namespace
} // namespace hospes::cli
