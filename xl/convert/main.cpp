// SPDX-License-Identifier: MIT
// xl-convert: a domain configuration from xl.cfg(5), libxl's JSON or libvirt's XML to one of the latter two.
// A program beside xl, so that xl itself does not load an XML library.
#include <getopt.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "libxl/types/defaults.hpp"
#include "libxl/types/json.hpp"
#include "libxl/xml/domain_xml.hpp"
#include "xc/image.hpp"
#include "xl/config/parser.hpp"
#include "xl/config/to_domain.hpp"

namespace hospes::convert {
namespace {

constexpr const char* usage = "Usage: xl convert [--from=cfg|json|xml] [--to=xml|json] FILE\n"
                              "FILE may be - for standard input. Without --from the text itself tells.\n";
constexpr std::size_t largest = 4U << 20;

int fail(const Error& problem) {
    std::fprintf(stderr, "xl: %s\n", problem.text().c_str());
    if (!problem.hint.empty()) std::fprintf(stderr, "    hint: %s\n", problem.hint.c_str());
    return 1;
}
void warn(const std::string& text) { std::fprintf(stderr, "xl: warning: %s\n", text.c_str()); }

Result<std::string> read_input(const std::string& file) {
    if (file != "-") {
        const auto bytes = HOSPES_TRY(xc::read_file(file, largest));
        return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    std::string text;
    char buffer[65536];
    for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, stdin)) > 0;) {
        text.append(buffer, n);
        if (text.size() > largest) return error("read standard input", EFBIG);
    }
    return text;
}

std::string guess(const std::string& text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    const char c = first == std::string::npos ? '\0' : text[first];
    return c == '<' ? "xml" : c == '{' ? "json" : "cfg";
}

Result<xl::DomainConfig> from_cfg(const std::string& text, const std::string& name) {
    auto parsed = cfg::parse(text, name);
    if (const auto* bad = std::get_if<cfg::Diagnostic>(&parsed)) return error("", 0, bad->render());
    auto translated = cfg::to_domain_config(std::get<cfg::File>(parsed), {});
    if (const auto* bad = std::get_if<cfg::Diagnostic>(&translated)) return error("", 0, bad->render());
    auto& good = std::get<cfg::Translation>(translated);
    for (const cfg::Diagnostic& warning : good.warnings)
        warn(warning.render());
    return std::move(good.config);
}

Result<xl::DomainConfig> read_config(const std::string& text, const std::string& format, const std::string& name) {
    if (format == "cfg") return from_cfg(text, name);
    if (format == "xml") {
        auto imported = HOSPES_TRY(xl::domain_from_xml(text));
        for (const std::string& element : imported.ignored)
            warn("<" + element + "> has no counterpart and is ignored");
        return std::move(imported.config);
    }
    auto config = xl::domain_config_from_json(text);
    if (const auto* bad = std::get_if<xl::JsonError>(&config))
        return error("read JSON", 0, bad->where + ": " + bad->what);
    return std::get<xl::DomainConfig>(std::move(config));
}

Result<std::string> write_config(xl::DomainConfig config, const std::string& format) {
    if (format == "json") return xl::to_json(config) + "\n";
    if (config.c_info.type == xl::DomainType::invalid && !config.b_info.kernel.empty()) {
        warn("no type= is set: the XML says PV, because it must say one");
        config.c_info.type = config.b_info.type = xl::DomainType::pv;
    }
    auto exported = HOSPES_TRY(xl::domain_to_xml(config));
    for (const std::string& part : exported.left_out)
        warn("left out, libvirt's XML has no words for it: " + part);
    return std::move(exported.text);
}

int run(int argc, char** argv) {
    static const option options[] = {{"from", required_argument, nullptr, 'f'},
                                     {"to", required_argument, nullptr, 't'},
                                     {"help", no_argument, nullptr, 'h'},
                                     {nullptr, 0, nullptr, 0}};
    std::string from, to;
    for (int c; (c = getopt_long(argc, argv, "h", options, nullptr)) != -1;) {
        if (c == 'f')
            from = optarg;
        else if (c == 't')
            to = optarg;
        else
            return std::fputs(usage, c == 'h' ? stdout : stderr), c == 'h' ? 0 : 2;
    }
    const auto known = [](const std::string& name, bool cfg) {
        return name == "xml" || name == "json" || (cfg && name == "cfg");
    };
    if (optind + 1 != argc || (!from.empty() && !known(from, true)) || (!to.empty() && !known(to, false)))
        return std::fputs(usage, stderr), 2;
    const auto text = read_input(argv[optind]);
    if (!text) return fail(text.problem());
    if (from.empty()) from = guess(*text);
    if (to.empty()) to = from == "xml" ? "json" : "xml";
    auto config = read_config(*text, from, argv[optind]);
    if (!config) return fail(config.problem());
    const auto out = write_config(*std::move(config), to);
    if (!out) return fail(out.problem());
    std::fputs(out->c_str(), stdout);
    return std::fflush(stdout) == 0 ? 0 : 1;
}

} // namespace
} // namespace hospes::convert

int main(int argc, char** argv) { return hospes::convert::run(argc, argv); }
