// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cerrno>

namespace hospes::cli {
namespace {

class SetParametersCommand final : public Command {
  public:
    static constexpr std::string_view verb = "set-parameters";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 1; }
    int run(Context& context, std::span<const std::string> arguments) override {
        xc::Control* const control = XL_TRY(context.host.control());
        const std::string& all = arguments[0];
        for (std::size_t at = all.find_first_not_of(" \t"); at != std::string::npos;
             at = all.find_first_not_of(" \t", at)) {
            const std::size_t end = std::min(all.find_first_of(" \t", at), all.size());
            if (const Status done = set(*control, all.substr(at, end - at)); !done) {
                report(done.problem());
                return complain("cannot set parameters: %s", all.c_str());
            }
            at = end;
        }
        return exit_success;
    }

  private:
    /// "NAME=VALUE", or as on the hypervisor's command line "NAME" and "noNAME".
    static Status set(xc::Control& control, const std::string& word) {
        const auto equals = word.find('=');
        std::string name = word.substr(0, equals), value = "yes";
        if (equals != std::string::npos) {
            value = word.substr(equals + 1);
        } else if (name.starts_with("no")) {
            name.erase(0, 2);
            value = "no";
        }
        Status done = control.set_parameter(name, value);
        if (!done && done.problem().code == ENOENT)
            return error(done.problem().stage, 0, "it has none of this name that can be changed while it runs");
        if (!done && done.problem().code == ENOSYS)
            return error(done.problem().stage, 0, "this hypervisor has none that can be changed while it runs",
                         "set it on its command line at the next boot");
        return done;
    }
};

const Register<SetParametersCommand> set_parameters_registration;

} // namespace
} // namespace hospes::cli
