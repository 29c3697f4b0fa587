// SPDX-License-Identifier: MIT
// What long work is doing: one line that changes on a terminal (or with -t), a line per stage with
// -v otherwise, nothing else: scripts read stderr.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <string_view>

namespace hospes::output {

class Progress {
  public:
    enum class Form { silent, live, lines };
    static Form form_for(bool quiet, bool verbose, bool carriage_returns) {
        if (quiet) return Form::silent;
        if (carriage_returns || ::isatty(STDERR_FILENO)) return Form::live;
        return verbose ? Form::lines : Form::silent;
    }

    explicit Progress(Form form) : form_(form) {}
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress() { finish(); }

    void stage(std::string_view what) {
        const int length = static_cast<int>(what.size());
        if (form_ == Form::live) std::fprintf(stderr, "\r\033[K%.*s ...", length, what.data());
        if (form_ == Form::lines) std::fprintf(stderr, "xl: %.*s\n", length, what.data());
        shown_ = true;
    }
    /// Takes the live line away, so that what follows starts on a clean one.
    void finish() {
        if (form_ == Form::live && shown_) std::fputs("\r\033[K", stderr);
        shown_ = false;
    }

  private:
    Form form_;
    bool shown_ = false;
};

} // namespace hospes::output
