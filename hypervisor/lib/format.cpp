// SPDX-License-Identifier: MIT
#include "lib/format.hpp"

#include "lib/string.hpp"

namespace hv {

namespace {

class Sink {
  public:
    Sink(char* out, usize size) : out_(out), limit_(size ? size - 1 : 0) {}
    void put(char c) {
        if (used_ < limit_) out_[used_++] = c;
    }
    void put(const char* s, usize length) {
        for (usize i = 0; i < length; ++i)
            put(s[i]);
    }
    usize finish(usize size) {
        if (size) out_[used_] = '\0';
        return used_;
    }

  private:
    char* out_;
    usize limit_;
    usize used_ = 0;
};

struct Spec {
    bool hex = false, zero = false, left = false;
    unsigned width = 0;
};

/// After '{'. Returns behind '}', or nullptr when this is no placeholder.
const char* parse_spec(const char* p, Spec& spec) {
    if (*p == ':') {
        ++p;
        if (*p == '-') {
            spec.left = true;
            ++p;
        }
        if (*p == '0') {
            spec.zero = true;
            ++p;
        }
        while (*p >= '0' && *p <= '9' && spec.width < 1000)
            spec.width = spec.width * 10 + static_cast<unsigned>(*p++ - '0');
        if (*p == 'x') {
            spec.hex = true;
            ++p;
        }
    }
    return *p == '}' ? p + 1 : nullptr;
}

usize digits_of(char* end, u64 value, unsigned base) {
    usize n = 0;
    do {
        *--end = "0123456789abcdef"[value % base];
        value /= base;
        ++n;
    } while (value);
    return n;
}

void put_padded(Sink& sink, const Spec& spec, const char* prefix, const char* text, usize length) {
    const usize prefix_length = strlen(prefix);
    // A zero-padded width counts digits only ("{:016x}" is 0x and 16 digits).
    const usize total = spec.zero ? length : length + prefix_length;
    const usize pad = spec.width > total ? spec.width - total : 0;
    for (usize i = 0; !spec.left && !spec.zero && i < pad; ++i)
        sink.put(' ');
    sink.put(prefix, prefix_length);
    for (usize i = 0; spec.zero && i < pad; ++i)
        sink.put('0');
    sink.put(text, length);
    for (usize i = 0; spec.left && !spec.zero && i < pad; ++i)
        sink.put(' ');
}

void put_arg(Sink& sink, Spec spec, const FormatArg& arg) {
    char digits[24];
    char* const end = digits + sizeof(digits);
    u64 value = arg.value();
    switch (arg.kind()) {
    case FormatArg::Kind::string: {
        const char* s = reinterpret_cast<const char*>(value);
        if (!s) s = "(null)";
        spec.zero = false;
        return put_padded(sink, spec, "", s, strlen(s));
    }
    case FormatArg::Kind::character: {
        const char c = static_cast<char>(value);
        return put_padded(sink, spec, "", &c, 1);
    }
    case FormatArg::Kind::boolean: return put_padded(sink, spec, "", value ? "true" : "false", value ? 4 : 5);
    case FormatArg::Kind::pointer: spec.hex = true; break;
    case FormatArg::Kind::signed_int:
        if (!spec.hex && static_cast<s64>(value) < 0) {
            const usize n = digits_of(end, ~value + 1, 10);
            return put_padded(sink, spec, "-", end - n, n);
        }
        break;
    case FormatArg::Kind::unsigned_int: break;
    }
    const usize n = digits_of(end, value, spec.hex ? 16 : 10);
    put_padded(sink, spec, spec.hex ? "0x" : "", end - n, n);
}

} // namespace

usize format_args(char* out, usize size, const char* fmt, const FormatArg* args, usize count) {
    Sink sink(out, size);
    usize next = 0;
    while (*fmt) {
        Spec spec;
        const char* behind = *fmt == '{' ? parse_spec(fmt + 1, spec) : nullptr;
        if (behind && next < count) {
            put_arg(sink, spec, args[next++]);
            fmt = behind;
        } else {
            if ((fmt[0] == '{' && fmt[1] == '{') || (fmt[0] == '}' && fmt[1] == '}')) ++fmt;
            sink.put(*fmt++);
        }
    }
    return sink.finish(size);
}

} // namespace hv
