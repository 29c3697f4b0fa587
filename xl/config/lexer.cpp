// SPDX-License-Identifier: MIT
#include "xl/config/lexer.hpp"

namespace hospes::cfg {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
// The dot is for xl.conf(5): vif.default.bridge.
bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.'; }

int digit_value(char c) {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return 16;
}

} // namespace

char Lexer::advance() {
    const char c = text_[at_++];
    if (c == '\n') {
        ++place_.line;
        place_.column = 1;
    } else {
        ++place_.column;
    }
    return c;
}

void Lexer::skip_blanks(bool newlines_too) {
    while (at_ < text_.size()) {
        const char c = peek();
        if (c == '#') {
            while (at_ < text_.size() && peek() != '\n')
                advance();
        } else if (c == ' ' || c == '\t' || c == '\r' || c == '\f' || (newlines_too && c == '\n')) {
            advance();
        } else {
            return;
        }
    }
}

Token Lexer::next(unsigned bracket_depth) {
    skip_blanks(bracket_depth > 0);
    Token token;
    token.place = place_;
    if (at_ == text_.size()) return token;
    const char c = peek();
    if (c == '\'' || c == '"') return string_literal();
    if (is_digit(c) || (c == '-' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) return word(true);
    if (is_word(c)) return word(false);
    return symbol();
}

Token Lexer::symbol() {
    Token token;
    token.place = place_;
    const char c = advance();
    switch (c) {
    case '=': token.kind = Token::Kind::equals; return token;
    case '[': token.kind = Token::Kind::open; return token;
    case ']': token.kind = Token::Kind::close; return token;
    case ',': token.kind = Token::Kind::comma; return token;
    case '\n':
    case ';': token.kind = Token::Kind::end_of_statement; return token;
    case '+':
        if (peek() == '=') {
            advance();
            token.kind = Token::Kind::plus_equals;
            return token;
        }
        break;
    default: break;
    }
    token.kind = Token::Kind::error;
    token.text = std::string("unexpected character '") + c + "'";
    return token;
}

std::optional<Token> Lexer::bare_text() {
    while (peek() == ' ' || peek() == '\t')
        advance();
    if (at_ == text_.size() || std::string_view("'\"[;\n").find(peek()) != std::string_view::npos) return std::nullopt;
    Token token;
    token.place = place_;
    token.kind = Token::Kind::string;
    while (at_ < text_.size() && peek() != ';' && peek() != '\n')
        token.text += advance();
    return token;
}

Token Lexer::word(bool number) {
    Token token;
    token.place = place_;
    token.kind = number ? Token::Kind::number : Token::Kind::name;
    token.text += advance(); // the first character was looked at by the caller; it may be a minus sign
    while (at_ < text_.size() && (is_word(peek()) || (!number && peek() == '.'))) // xl.conf: vif.default.bridge
        token.text += advance();
    if (!number) return token;
    const bool hex = token.text.starts_with("0x") || token.text.starts_with("0X");
    const char* const allowed = hex ? "0123456789abcdefABCDEFxX" : "-0123456789";
    if (token.text.find_first_not_of(allowed) != std::string::npos || token.text.size() == (hex ? 2U : 0U)) {
        token.kind = Token::Kind::error;
        token.text = "malformed number '" + token.text + "'";
    }
    return token;
}

/// After a backslash: the character that the escape stands for. False if there is no such escape.
bool Lexer::escape(char& out) {
    if (at_ == text_.size() || peek() == '\n') return false;
    static constexpr std::string_view letters = "abfnrtv\\'\"", meanings = "\a\b\f\n\r\t\v\\'\"";
    if (const auto known = letters.find(peek()); known != std::string_view::npos) {
        advance();
        out = meanings[known];
        return true;
    }
    const bool hex = peek() == 'x';
    if (hex) advance();
    const int base = hex ? 16 : 8, digits = hex ? 2 : 3;
    int value = 0;
    for (int i = 0; i < digits; ++i) { // all of them are needed, as in the stock parser
        if (at_ == text_.size() || digit_value(peek()) >= base) return false;
        value = value * base + digit_value(advance());
    }
    if (value == 0 || value > 255) return false;
    out = static_cast<char>(value);
    return true;
}

Token Lexer::string_literal() {
    Token token;
    token.place = place_;
    token.kind = Token::Kind::string;
    const char quote = advance();
    while (at_ < text_.size() && peek() != '\n') {
        char c = advance();
        if (c == quote) return token;
        if (c == '\\' && !escape(c)) {
            token.kind = Token::Kind::error;
            token.text = "unknown escape in the string";
            token.place = place_;
            return token;
        }
        token.text += c;
    }
    token.kind = Token::Kind::error;
    token.text = "string is not closed on its line";
    return token;
}

} // namespace hospes::cfg
