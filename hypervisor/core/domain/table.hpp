// SPDX-License-Identifier: MIT
// Internal to core/domain: the table of domains.
#pragma once

#include "core/domain/domain.hpp"

namespace hv {

Status domain_table_reserve(Domid id);    ///< -ENOMEM
bool domain_table_insert(Domain& domain); ///< false: the id is in use
void domain_table_remove(Domain& domain);
/// Undoes domain_create() and frees the structure; nobody else refers to it.
void domain_free(Domain& domain);

} // namespace hv
