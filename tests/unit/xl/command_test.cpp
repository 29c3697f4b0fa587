// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>

#include "xl/arguments.hpp"

using namespace hospes;
using namespace hospes::cli;

namespace {

/// What a call wrote to one of the standard streams.
class Captured {
  public:
    explicit Captured(std::FILE* stream) : stream_(stream), kept_(::dup(::fileno(stream))), file_(std::tmpfile()) {
        std::fflush(stream_);
        ::dup2(::fileno(file_), ::fileno(stream_));
    }
    Captured(const Captured&) = delete;
    Captured& operator=(const Captured&) = delete;
    ~Captured() {
        restore();
        std::fclose(file_);
    }
    std::string text() {
        restore();
        std::string out;
        std::rewind(file_);
        for (int c; (c = std::fgetc(file_)) != EOF;)
            out += static_cast<char>(c);
        return out;
    }

  private:
    void restore() {
        if (kept_ < 0) return;
        std::fflush(stream_);
        ::dup2(kept_, ::fileno(stream_));
        ::close(kept_);
        kept_ = -1;
    }
    std::FILE* stream_;
    int kept_;
    std::FILE* file_;
};

class Probe final : public Command {
  public:
    static constexpr std::string_view verb = "probe-verb";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::string_view help() const override { return "# xl probe-verb\n\nProbes\n"; }
    [[nodiscard]] unsigned required_arguments() const override { return wanted; }
    [[nodiscard]] std::vector<Option> options() override {
        return {{'a', "all", false, [](const char*) { ++all; }},
                {'f', "file", true, [](const char* value) { file = value; }},
                {0, "long-only", true, [](const char* value) { file = value; }}};
    }
    int run(Context&, std::span<const std::string> arguments) override {
        rest.assign(arguments.begin(), arguments.end());
        return 7;
    }
    static unsigned wanted, all;
    static std::string file;
    static std::vector<std::string> rest;
};
unsigned Probe::wanted = 0, Probe::all = 0;
std::string Probe::file;
std::vector<std::string> Probe::rest;
const Register<Probe> registration;

int call(std::vector<std::string> arguments, Context& context) {
    Probe::all = 0;
    Probe::file.clear();
    Probe::rest.clear();
    Probe probe;
    return run_command(probe, context, std::move(arguments));
}
int call(std::vector<std::string> arguments) {
    Context context;
    return call(std::move(arguments), context);
}

} // namespace

TEST_CASE("options may stand anywhere, bundled, with their value beside them") {
    CHECK(call({"x", "-a", "y", "-f", "file", "z"}) == 7);
    CHECK(Probe::rest == std::vector<std::string>{"x", "y", "z"});
    CHECK(Probe::all == 1);
    CHECK(Probe::file == "file");
    CHECK(call({"-aaf", "v"}) == 7);
    CHECK(Probe::all == 2);
    CHECK(Probe::file == "v");
    CHECK(call({"-afv", "r"}) == 7);
    CHECK(Probe::file == "v");
    CHECK(Probe::rest == std::vector<std::string>{"r"});
    CHECK(call({"--file=w", "--all", "--long-only", "u"}) == 7);
    CHECK(Probe::file == "u");
    CHECK(Probe::all == 1);
}

TEST_CASE("a dash, a negative number and what follows -- are arguments") {
    CHECK(call({"0", "-", "-5", "--", "-a"}) == 7);
    CHECK(Probe::rest == std::vector<std::string>{"0", "-", "-5", "-a"});
    CHECK(Probe::all == 0);
}

TEST_CASE("a wrong option is refused in the stock words") {
    for (const auto& [argument, shown] : {std::pair{"-Q", "Q"}, {"-aQ", "Q"}, {"--bogus=3", "--bogus"}, {"-f", "f"}}) {
        Captured stderr_text(stderr);
        CHECK(call({argument}) == exit_usage);
        CHECK(stderr_text.text() == "option `" + std::string(shown) + "' not supported.\n");
        CHECK(Probe::rest.empty());
    }
}

TEST_CASE("too few arguments: the stock words, the usage on stdout, exit 2") {
    Probe::wanted = 2;
    Captured stderr_text(stderr), stdout_text(stdout);
    CHECK(call({"x"}) == exit_usage);
    CHECK(stdout_text.text() == "Usage: xl [-vtT] probe-verb \n\nProbes.\n\n");
    CHECK(stderr_text.text() == "'xl probe-verb' requires at least 2 arguments.\n\n");
    Probe::wanted = 0;
}

TEST_CASE("-h and --json are every verb's") {
    Context context;
    {
        Captured stdout_text(stdout);
        CHECK(call({"-h"}, context) == exit_success);
        CHECK(stdout_text.text().starts_with("Usage: xl [-vtT] probe-verb"));
    }
    CHECK(call({"--json"}, context) == 7);
    CHECK(context.json);
}

TEST_CASE("verbs are found by the beginning of their name") {
    CHECK(make_command("probe-verb") != nullptr);
    CHECK(make_command("probe") != nullptr);
    CHECK(make_command("") == nullptr);
    CHECK(make_command("probe-verbs") == nullptr);
}

TEST_CASE("memory sizes") {
    CHECK(parse_memory_kib("512") == 512U * 1024);
    CHECK(parse_memory_kib("512m") == 512U * 1024);
    CHECK(parse_memory_kib("2G") == 2U << 20);
    CHECK(parse_memory_kib("100k") == 100U);
    CHECK(parse_memory_kib("4096b") == 4U);
    CHECK(parse_memory_kib("1t") == 1U << 30);
    for (const char* wrong : {"", "x", "m", "-5", "12q", "1 g", "99999999999999t", "0x"}) {
        INFO(wrong);
        CHECK_FALSE(parse_memory_kib(wrong));
    }
}

TEST_CASE("global affinity masks") {
    const std::vector<unsigned> layout{0, 0, 1, 1};
    Settings settings;
    settings.cpumask = "0-2";
    settings.pv_cpumask = "1-3";
    const auto masked = [&](xl::DomainType type, std::initializer_list<unsigned> cpus) {
        xl::Bitmap set;
        for (const unsigned cpu : cpus)
            set.set(cpu);
        const Status done = apply_masks(settings, type, layout, set);
        return done ? set.members() : std::vector<unsigned>{99};
    };
    CHECK(masked(xl::DomainType::pv, {0, 1, 2, 3}) == std::vector<unsigned>{1, 2});
    CHECK(masked(xl::DomainType::pvh, {0, 1, 2, 3}) == std::vector<unsigned>{0, 1, 2});
    CHECK(masked(xl::DomainType::pv, {0, 3}) == std::vector<unsigned>{99});
    settings.cpumask = "zero";
    CHECK(masked(xl::DomainType::pv, {0}) == std::vector<unsigned>{99});
}
