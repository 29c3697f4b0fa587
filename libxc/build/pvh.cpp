// SPDX-License-Identifier: MIT
#include <cerrno>

#include "xc/build.hpp"

namespace hospes::xc {

Result<BuiltGuest> build_pvh(Control&, const KernelImage&, const GuestPlan&) {
    return error("build the guest", EOPNOTSUPP, "PVH guests are not supported yet", "set type=\"pv\"");
}

} // namespace hospes::xc
