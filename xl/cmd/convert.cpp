// SPDX-License-Identifier: MIT
// Hands over to xl-convert, which lies beside xl.
#include "xl/command.hpp"

#include <cerrno>
#include <climits>

#include <unistd.h>

namespace hospes::cli {
namespace {

class ConvertCommand final : public Command {
  public:
    static constexpr std::string_view verb = "convert";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::string_view help() const override {
        return
#include "convert.md.inc"
            ;
    }
    [[nodiscard]] unsigned required_arguments() const override { return 1; }
    [[nodiscard]] std::vector<Option> options() override {
        return {{0, "from", true, [this](const char* value) { words_.push_back(std::string("--from=") + value); }},
                {0, "to", true, [this](const char* value) { words_.push_back(std::string("--to=") + value); }}};
    }
    int run(Context&, std::span<const std::string> arguments) override {
        char self[PATH_MAX];
        const ssize_t length = ::readlink("/proc/self/exe", self, sizeof self - 1);
        if (length <= 0) return report(error("find xl-convert", errno));
        std::string program(self, static_cast<std::size_t>(length));
        program = program.substr(0, program.rfind('/') + 1) + "xl-convert";
        std::vector<std::string> words{program};
        words.insert(words.end(), words_.begin(), words_.end());
        words.emplace_back("--");
        words.insert(words.end(), arguments.begin(), arguments.end());
        std::vector<char*> argv;
        for (std::string& word : words)
            argv.push_back(word.data());
        argv.push_back(nullptr);
        ::execv(program.c_str(), argv.data());
        return report(error("run " + program, errno, {}, "it is installed beside xl"));
    }

  private:
    std::vector<std::string> words_;
};

const Register<ConvertCommand> convert_registration;

} // namespace
} // namespace hospes::cli
