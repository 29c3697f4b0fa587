// SPDX-License-Identifier: MIT
// A read-only view of a parsed document that remembers what was looked at, so that the rest can be named.
#pragma once

#include <libxml/parser.h>
#include <libxml/tree.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "xc/result.hpp"

namespace hospes::xl::xml {

class Document;

class Element {
  public:
    Element(Document& document, xmlNode* node) : document_(&document), node_(node) {}
    [[nodiscard]] std::string name() const;
    /// The text of the element without outer blanks.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] std::optional<std::string> attribute(const char* name) const;
    [[nodiscard]] std::string attribute_or(const char* name, std::string otherwise = {}) const {
        return attribute(name).value_or(std::move(otherwise));
    }
    /// The first child of that name; looking at it marks it as used.
    [[nodiscard]] std::optional<Element> child(const char* name) const;
    [[nodiscard]] std::vector<Element> children(const char* name) const;
    /// "domain/devices/disk", for messages.
    [[nodiscard]] std::string path() const;
    /// The text of a child, empty when there is none.
    [[nodiscard]] std::string child_text(const char* name) const {
        const auto found = child(name);
        return found ? found->text() : std::string();
    }
    /// Everything below is known to mean nothing here.
    void use_all() const;
    [[nodiscard]] Error wrong(std::string what, std::string hint = {}) const {
        return error("read <" + path() + ">", 0, std::move(what), std::move(hint));
    }

  private:
    Document* document_;
    xmlNode* node_;
};

class Document {
  public:
    static constexpr std::size_t largest = std::size_t{4} << 20;
    static Result<std::unique_ptr<Document>> parse(std::string_view text);
    [[nodiscard]] Element root() { return {*this, xmlDocGetRootElement(document_.get())}; }
    /// Elements that nobody looked at, topmost ones only.
    [[nodiscard]] std::vector<std::string> unused();

  private:
    friend class Element;
    struct Free {
        void operator()(xmlDoc* document) const { xmlFreeDoc(document); }
    };
    explicit Document(xmlDoc* document) : document_(document) {}
    void collect_unused(xmlNode* node, std::vector<std::string>& out);

    std::unique_ptr<xmlDoc, Free> document_;
    std::unordered_set<const xmlNode*> used_;
};

} // namespace hospes::xl::xml
