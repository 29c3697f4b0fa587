// SPDX-License-Identifier: MIT
#pragma once

#include "core/domain/domain.hpp"

namespace hv {

/// A dying domain handles no global VIRQs any more: they go to dom0 again.
void virq_handlers_forget(Domain& domain);

} // namespace hv
