// SPDX-License-Identifier: MIT
// The two halves of domain_from_xml().
#pragma once

#include "libxl/types/domain_config.hpp"
#include "libxl/xml/reader.hpp"

namespace hospes::xl::xml {

Status import_devices(const Element& devices, DomainConfig& config);

/// A number of bytes from VALUE and libvirt's unit (b, KB, KiB, k, M, ...; `otherwise` when none is given), in KiB.
Result<std::uint64_t> kib(const Element& element, std::string_view otherwise = "KiB");
template <typename T> Result<T> number(const Element& element, std::string_view text);
/// A number in an attribute: `otherwise` when it is not there.
template <typename T> Result<T> number_attribute(const Element& element, const char* name, T otherwise);

} // namespace hospes::xl::xml
