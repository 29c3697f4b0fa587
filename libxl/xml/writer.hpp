// SPDX-License-Identifier: MIT
// Building a document: elements that are added in order, attributes that are written when they say something.
#pragma once

#include <libxml/tree.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

namespace hospes::xl::xml {

/// Text that XML 1.0 can carry: UTF-8 without control characters other than tab and line ends.
bool representable(std::string_view text);

class Out {
  public:
    using Attributes = std::initializer_list<std::pair<const char*, std::string>>;

    explicit Out(xmlNode* node) : node_(node) {}
    /// Attributes with an empty value are left out.
    Out add(const char* name, Attributes attributes = {}) const {
        xmlNode* const child = xmlNewChild(node_, nullptr, chars(name), nullptr);
        for (const auto& [key, value] : attributes)
            if (!value.empty()) xmlNewProp(child, chars(key), chars(value.c_str()));
        return Out(child);
    }
    Out add_text(const char* name, const std::string& text, Attributes attributes = {}) const {
        const Out child = add(name, attributes);
        xmlNodeAddContent(child.node_, chars(text.c_str()));
        return child;
    }
    void attribute(const char* key, const std::string& value) const {
        if (!value.empty()) xmlNewProp(node_, chars(key), chars(value.c_str()));
    }

  private:
    static const xmlChar* chars(const char* text) { return reinterpret_cast<const xmlChar*>(text); }
    xmlNode* node_;
};

} // namespace hospes::xl::xml
