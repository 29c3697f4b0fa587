// SPDX-License-Identifier: MIT
#include "core/init/cmdline.hpp"

#include <initializer_list>

#include "core/debug/printk.hpp"
#include "lib/string.hpp"

namespace hv {

int parse_boolean(const char* value) {
    for (const char* word : {"", "1", "on", "yes", "true", "enable"})
        if (string_equal(value, word)) return 1;
    for (const char* word : {"0", "off", "no", "false", "disable"})
        if (string_equal(value, word)) return 0;
    return -1;
}

bool BoolOption::parse_it(Option& self, const char* value, bool negated) {
    auto& option = static_cast<BoolOption&>(self);
    const int boolean = parse_boolean(value);
    if (boolean < 0) return false;
    option.value = (boolean == 1) != negated;
    option.given = true;
    return true;
}

bool NumberOption::parse_it(Option& self, const char* value, bool negated) {
    auto& option = static_cast<NumberOption&>(self);
    u64 number;
    if (negated || !parse_u64(value, number) || *value) return false;
    option.value = number;
    option.given = true;
    return true;
}

bool SizeOption::parse_it(Option& self, const char* value, bool negated) {
    auto& option = static_cast<SizeOption&>(self);
    u64 bytes;
    if (negated || !parse_size(value, bytes, 1024) || *value) return false;
    option.value = bytes;
    option.given = true;
    return true;
}

bool StringOption::parse_it(Option& self, const char* value, bool negated) {
    auto& option = static_cast<StringOption&>(self);
    if (negated || strlen(value) >= sizeof(option.value)) return false;
    string_copy(option.value, sizeof(option.value), value);
    return true;
}

/// Takes the next word from `line` into `word`, quotes removed. False at the end.
static bool next_word(const char*& line, char* word, usize size, bool& cut) {
    while (*line == ' ' || *line == '\t' || *line == '\n')
        ++line;
    if (!*line) return false;
    usize n = 0;
    char quote = '\0';
    cut = false;
    for (; *line; ++line) {
        if (!quote && (*line == ' ' || *line == '\t' || *line == '\n')) break;
        if (quote ? *line == quote : (*line == '"' || *line == '\'')) {
            quote = quote ? '\0' : *line;
            continue;
        }
        if (n + 1 < size)
            word[n++] = *line;
        else
            cut = true;
    }
    word[n] = '\0';
    return true;
}

/// Xen takes '-' and '_' in names for the same.
static bool same_name(const char* a, const char* b) {
    for (; *a && *b; ++a, ++b)
        if (*a != *b && !((*a == '-' || *a == '_') && (*b == '-' || *b == '_'))) return false;
    return *a == *b;
}

static Option* find(Option* const* first, Option* const* last, const char* name) {
    for (; first != last; ++first)
        if (same_name((*first)->name, name)) return *first;
    return nullptr;
}

void cmdline_parse(const char* line, Option* const* first, Option* const* last,
                   void (*complain)(const char* word, const char* why)) {
    char word[256];
    bool cut;
    while (next_word(line, word, sizeof(word), cut)) {
        if (string_equal(word, "--")) break;
        if (cut) {
            complain(word, "is too long");
            continue;
        }
        char* value = word;
        while (*value && *value != '=')
            ++value;
        const bool has_value = *value == '=';
        *value = '\0';
        const char* text = has_value ? value + 1 : value;
        bool negated = false;
        Option* option = find(first, last, word);
        if (!option && string_starts(word, "no-")) {
            option = find(first, last, word + 3);
            negated = option != nullptr;
        }
        const bool good = option && option->parse(*option, text, negated);
        if (has_value) *value = '=';
        if (!good) complain(word, option ? "is malformed" : "is unknown");
    }
}

extern "C" Option* const hv_options_start[];
extern "C" Option* const hv_options_end[];

void cmdline_init(const char* line) {
    cmdline_parse(line, hv_options_start, hv_options_end, [](const char* word, const char* why) {
        log_warning("command line: option '{}' {}: ignored", word, why);
    });
}

} // namespace hv
