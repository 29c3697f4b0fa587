// SPDX-License-Identifier: MIT
#include "xl/config/lexer.hpp"

namespace hospes::cfg {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

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
    advance();
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

Token Lexer::word(bool number) {
    Token token;
    token.place = place_;
    token.kind = number ? Token::Kind::number : Token::Kind::name;
    token.text += advance(); // the first character was looked at by the caller; it may be a minus sign
    while (at_ < text_.size() && is_word(peek()))
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

Token Lexer::string_literal() {
    Token token;
    token.place = place_;
    token.kind = Token::Kind::string;
    const char quote = advance();
    while (at_ < text_.size() && peek() != '\n') {
        char c = advance();
        if (c == quote) return token;
        if (c == '\\' && at_ < text_.size() && peek() != '\n') {
            c = advance();
            // Escapes as the stock parser knows them; any other character stands for itself.
            c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
        }
        token.text += c;
    }
    token.kind = Token::Kind::error;
    token.text = "string is not closed on its line";
    return token;
}

} // namespace hospes::cfg
