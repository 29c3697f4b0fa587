// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "xl/config/ast.hpp"

namespace hospes::cfg {

struct Token {
    enum class Kind { name, number, string, equals, plus_equals, open, close, comma, end_of_statement, end, error };
    Kind kind = Kind::end;
    std::string text; ///< of an error: what is wrong
    Place place;
};

class Lexer {
  public:
    explicit Lexer(std::string_view text) : text_(text) {}
    /// Newlines inside brackets do not end a statement: the parser says how deep it is.
    Token next(unsigned bracket_depth);

    /// The rest of the statement as a string, unless it starts like a literal or a list: on a command line
    /// the shell has taken the quotes away.
    std::optional<Token> bare_text();

  private:
    Token symbol();
    bool escape(char& out);
    void skip_blanks(bool newlines_too);
    Token string_literal();
    Token word(bool number);
    [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    char advance();

    std::string_view text_;
    size_t at_ = 0;
    Place place_{1, 1};
};

} // namespace hospes::cfg
