// SPDX-License-Identifier: MIT
#include "libxl/host/flask.hpp"

#include <cerrno>

#include "xc/image.hpp"

namespace hospes::xl {
namespace {

constexpr std::size_t policy_limit = 4U << 20; // a policy is some tens of KiB

bool means_absent(const Error& problem) { return problem.code == ENOSYS || problem.code == EOPNOTSUPP; }

} // namespace

Result<FlaskMode> flask_mode(Host& host) {
    xc::Control* const control = HOSPES_TRY(host.control());
    const auto enforcing = control->flask_enforcing();
    if (!enforcing && means_absent(enforcing.problem())) return FlaskMode::disabled;
    if (!enforcing) return enforcing.problem();
    return *enforcing ? FlaskMode::enforcing : FlaskMode::permissive;
}

Status set_flask_enforcing(Host& host, bool on) {
    xc::Control* const control = HOSPES_TRY(host.control());
    return control->flask_enforce(on);
}

Status load_flask_policy(Host& host, const std::string& file) {
    xc::Control* const control = HOSPES_TRY(host.control());
    const auto policy = HOSPES_TRY(xc::read_file(file, policy_limit));
    return control->flask_load(policy);
}

} // namespace hospes::xl
