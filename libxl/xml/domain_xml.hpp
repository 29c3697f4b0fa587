// SPDX-License-Identifier: MIT
// libvirt's domain XML (https://libvirt.org/formatdomain.html, type 'xen'), from and to the configuration model.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libxl/types/domain_config.hpp"
#include "xc/result.hpp"

namespace hospes::xl {

struct XmlImport {
    DomainConfig config;
    std::vector<std::string> ignored; ///< elements that nothing was made of: "domain/devices/sound"
};
/// The document is hostile: no network, no entities, at most 4 MiB. Errors name the element.
Result<XmlImport> domain_from_xml(std::string_view text);

struct XmlExport {
    std::string text;
    std::vector<std::string> left_out; ///< parts of the configuration that this XML cannot say: "p9s"
};
/// Errors: a text that XML cannot carry, or a type that is not decided.
Result<XmlExport> domain_to_xml(const DomainConfig& config);

} // namespace hospes::xl
