// SPDX-License-Identifier: MIT
// libvirt's domain XML: what is imported can be exported (or says why not), and is the same when imported again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "libxl/xml/domain_xml.hpp"

using namespace hospes::xl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto config = domain_from_xml({reinterpret_cast<const char*>(data), size});
    if (!config) return config.problem().text().empty() ? std::abort(), 0 : 0;
    const auto text = domain_to_xml(config->config);
    if (!text) return 0;
    const auto again = domain_from_xml(text->text);
    if (!again) std::abort();
    const auto twice = domain_to_xml(again->config);
    if (!twice || twice->text != text->text) std::abort();
    return 0;
}
