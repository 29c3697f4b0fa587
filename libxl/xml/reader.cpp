// SPDX-License-Identifier: MIT
#include "libxl/xml/reader.hpp"

#include "libxl/device/spec_text.hpp"

namespace hospes::xl::xml {
namespace {

const xmlChar* chars(const char* text) { return reinterpret_cast<const xmlChar*>(text); }

std::string take(xmlChar* text) {
    const std::string out = text ? reinterpret_cast<const char*>(text) : "";
    xmlFree(text);
    return out;
}
bool is_element(const xmlNode* node, const char* name) {
    return node->type == XML_ELEMENT_NODE && (!name || xmlStrEqual(node->name, chars(name)));
}

constexpr int deepest = 64; // libvirt's XML needs eight

bool too_deep(const xmlNode* node, int depth) {
    if (depth > deepest) return true;
    for (const xmlNode* child = node->children; child; child = child->next)
        if (is_element(child, nullptr) && too_deep(child, depth + 1)) return true;
    return false;
}

} // namespace

std::string Element::name() const { return reinterpret_cast<const char*>(node_->name); }

std::string Element::text() const {
    const std::string all = take(xmlNodeGetContent(node_));
    const auto first = all.find_first_not_of(" \t\r\n");
    if (first == std::string::npos) return {};
    return all.substr(first, all.find_last_not_of(" \t\r\n") - first + 1);
}

std::optional<std::string> Element::attribute(const char* name) const {
    xmlChar* const value = xmlGetNoNsProp(node_, chars(name));
    if (!value) return std::nullopt;
    return take(value);
}

std::optional<Element> Element::child(const char* name) const {
    for (xmlNode* node = node_->children; node; node = node->next)
        if (is_element(node, name)) {
            document_->used_.insert(node);
            return Element(*document_, node);
        }
    return std::nullopt;
}

std::vector<Element> Element::children(const char* name) const {
    std::vector<Element> out;
    for (xmlNode* node = node_->children; node; node = node->next)
        if (is_element(node, name)) {
            document_->used_.insert(node);
            out.emplace_back(*document_, node);
        }
    return out;
}

std::string Element::path() const {
    std::string out = name();
    for (const xmlNode* node = node_->parent; node && node->type == XML_ELEMENT_NODE; node = node->parent)
        out.insert(0, std::string(reinterpret_cast<const char*>(node->name)) + "/");
    return out;
}

void Element::use_all() const {
    for (xmlNode* node = node_->children; node; node = node->next)
        if (is_element(node, nullptr)) {
            document_->used_.insert(node);
            Element(*document_, node).use_all();
        }
}

Result<std::unique_ptr<Document>> Document::parse(std::string_view text) {
    if (text.size() > largest) return error("parse XML", 0, "the document is larger than 4 MiB");
    const std::unique_ptr<xmlParserCtxt, decltype(&xmlFreeParserCtxt)> context(xmlNewParserCtxt(), &xmlFreeParserCtxt);
    if (!context) return error("parse XML", ENOMEM);
    xmlDoc* const parsed = xmlCtxtReadMemory(context.get(), text.data(), static_cast<int>(text.size()), "domain.xml",
                                             nullptr, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (!parsed) {
        const xmlError* const last = xmlCtxtGetLastError(context.get());
        std::string cause = last && last->message ? last->message : "not well-formed";
        while (!cause.empty() && cause.back() == '\n')
            cause.pop_back();
        if (last && last->line > 0) cause = "line " + std::to_string(last->line) + ": " + cause;
        return error("parse XML", 0, cause);
    }
    auto document = std::unique_ptr<Document>(new Document(parsed));
    // Entities are how a small document becomes a large one; libvirt writes none.
    if (parsed->intSubset || parsed->extSubset) return error("parse XML", 0, "a document type is not accepted");
    xmlNode* const root = xmlDocGetRootElement(parsed);
    if (!root) return error("parse XML", 0, "the document has no element");
    if (too_deep(root, 0)) return error("parse XML", 0, "elements are nested too deeply");
    document->used_.insert(root);
    return document;
}

void Document::collect_unused(xmlNode* node, std::vector<std::string>& out) {
    for (xmlNode* child = node->children; child; child = child->next) {
        if (!is_element(child, nullptr)) continue;
        if (used_.count(child))
            collect_unused(child, out);
        else
            out.push_back(Element(*this, child).path());
    }
}

std::vector<std::string> Document::unused() {
    std::vector<std::string> out;
    collect_unused(xmlDocGetRootElement(document_.get()), out);
    return out;
}

} // namespace hospes::xl::xml
