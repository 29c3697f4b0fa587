// SPDX-License-Identifier: MIT
#include "xl/config/parser.hpp"

#include <algorithm>

#include "xl/config/lexer.hpp"

namespace hospes::cfg {
namespace {

constexpr unsigned max_depth = 16; // nested lists; xl.cfg needs two

class Parser {
  public:
    Parser(std::string_view text, File& file, bool command_line = false)
        : lexer_(text), file_(file), command_line_(command_line) {
        take();
    }

    bool run() {
        while (token_.kind != Token::Kind::end) {
            if (token_.kind == Token::Kind::end_of_statement)
                take();
            else if (!statement())
                return false;
        }
        return true;
    }
    [[nodiscard]] const Diagnostic& error() const { return error_; }

  private:
    void take() { token_ = lexer_.next(depth_); }
    bool fail(std::string message, std::string hint = {}) {
        if (token_.kind == Token::Kind::error) message = token_.text;
        error_ = {file_.name, token_.place, std::move(message), {}, std::move(hint)};
        return false;
    }

    bool statement() {
        if (token_.kind != Token::Kind::name) return fail("expected a setting, NAME = VALUE");
        Setting setting{token_.text, {}, token_.place};
        take();
        const bool append = token_.kind == Token::Kind::plus_equals;
        if (!append && token_.kind != Token::Kind::equals) return fail("expected '=' after '" + setting.name + "'");
        if (auto bare = command_line_ ? lexer_.bare_text() : std::nullopt)
            token_ = *std::move(bare);
        else
            take();
        if (!value(setting.value)) return false;
        if (token_.kind != Token::Kind::end_of_statement && token_.kind != Token::Kind::end)
            return fail("unexpected text after the value of '" + setting.name + "'",
                        "one setting per line; separate list items by commas");
        return store(std::move(setting), append);
    }

    bool value(Value& out) {
        out.place = token_.place;
        switch (token_.kind) {
        case Token::Kind::string:
        case Token::Kind::number:
            out.quoted = token_.kind == Token::Kind::string;
            out.data = token_.text;
            take();
            return true;
        case Token::Kind::open: return list(out);
        case Token::Kind::name:
            return fail("a value must be a number, a quoted string or a [ list ]",
                        "write \"" + token_.text + "\" in quotes");
        default: return fail("expected a value");
        }
    }

    bool list(Value& out) {
        if (depth_ == max_depth) return fail("lists are nested too deeply");
        ++depth_;
        take();
        List items;
        while (token_.kind != Token::Kind::close) {
            if (!value(items.emplace_back())) return false;
            if (token_.kind == Token::Kind::comma)
                take();
            else if (token_.kind != Token::Kind::close)
                return fail("expected ',' or ']' in the list");
        }
        --depth_;
        out.data = std::move(items);
        take();
        return true;
    }

    bool store(Setting&& setting, bool append) {
        const auto old = std::find_if(file_.settings.begin(), file_.settings.end(),
                                      [&](const Setting& s) { return s.name == setting.name; });
        if (old == file_.settings.end()) {
            file_.settings.push_back(std::move(setting));
            return true;
        }
        if (!append) {
            *old = std::move(setting);
            return true;
        }
        if (old->value.is_list() != setting.value.is_list())
            return fail("'+=' mixes a list and a string for '" + setting.name + "'");
        if (setting.value.is_list()) {
            List& target = std::get<List>(old->value.data);
            for (const Value& item : setting.value.list())
                target.push_back(item);
        } else {
            std::get<std::string>(old->value.data) += setting.value.text();
        }
        return true;
    }

    Lexer lexer_;
    File& file_;
    Token token_;
    bool command_line_;
    unsigned depth_ = 0;
    Diagnostic error_;
};

std::vector<std::string> split_lines(std::string_view text) {
    std::vector<std::string> lines;
    size_t start = 0;
    for (size_t end; (end = text.find('\n', start)) != std::string_view::npos; start = end + 1)
        lines.emplace_back(text.substr(start, end - start));
    lines.emplace_back(text.substr(start));
    return lines;
}

} // namespace

std::variant<File, Diagnostic> parse(std::string_view text, std::string file_name) {
    File file{std::move(file_name), split_lines(text), {}};
    Parser parser(text, file);
    if (parser.run()) return file;
    Diagnostic error = parser.error();
    if (error.place.line >= 1 && error.place.line <= file.lines.size())
        error.source_line = file.lines[error.place.line - 1];
    return error;
}

std::variant<std::monostate, Diagnostic> parse_override(File& file, std::string_view text) {
    File copy = file; // a bad override must not leave half of itself behind
    copy.name = "<command line>";
    Parser parser(text, copy, true);
    if (!parser.run()) {
        Diagnostic error = parser.error();
        error.source_line = std::string(text);
        return error;
    }
    file.settings = std::move(copy.settings);
    return std::monostate{};
}

std::string Diagnostic::render() const {
    std::string out = file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column) + ": " + message;
    if (!source_line.empty()) {
        out += "\n    " + source_line + "\n    ";
        for (size_t i = 0; i + 1 < place.column && i < source_line.size(); ++i)
            out += source_line[i] == '\t' ? '\t' : ' ';
        out += '^';
    }
    if (!hint.empty()) out += "\n    hint: " + hint;
    return out;
}

std::string closest_name(std::string_view wrong, const std::vector<std::string_view>& known) {
    size_t best = wrong.size() / 3 + 1; // at most a third wrong
    std::string found;
    std::vector<size_t> row;
    for (const std::string_view name : known) {
        row.resize(name.size() + 1);
        for (size_t j = 0; j <= name.size(); ++j)
            row[j] = j;
        for (size_t i = 1; i <= wrong.size(); ++i) {
            size_t diagonal = row[0];
            row[0] = i;
            for (size_t j = 1; j <= name.size(); ++j) {
                const size_t substitution = diagonal + (wrong[i - 1] == name[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitution});
            }
        }
        if (row[name.size()] < best || (row[name.size()] == best && found.empty() && best <= wrong.size() / 3)) {
            best = row[name.size()];
            found = name;
        }
    }
    return found;
}

} // namespace hospes::cfg
