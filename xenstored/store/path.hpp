// SPDX-License-Identifier: MIT
// Path syntax. Source: Xen docs/misc/xenstore.txt and <xen/io/xs_wire.h>.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proto/message.hpp"

namespace hospes::xs {

enum class Special : bool { No, Allowed };

/// Absolute, legal characters, no empty component, not too long. With Special::Allowed also
/// "@name".
bool valid_path(std::string_view path, Special special);
/// Whether `child` is `parent` or below it.
bool is_below(std::string_view child, std::string_view parent);
std::string_view parent_of(std::string_view path); ///< "/" for "/a"; "/" for "/"
std::string_view leaf_of(std::string_view path);
/// Number of components: 0 for "/".
unsigned depth_of(std::string_view path);
/// "/local/domain/N", what relative paths of domain N start from.
std::string home_of(Domid domid);

/// Walks the components of a valid absolute path.
class Components {
  public:
    explicit Components(std::string_view path) : path_(path), at_(path.empty() ? 0 : 1) {}

    bool next(std::string_view& out) {
        if (at_ >= path_.size()) return false;
        std::size_t end = path_.find('/', at_);
        if (end == std::string_view::npos) end = path_.size();
        out = path_.substr(at_, end - at_);
        consumed_ = end;
        at_ = end + 1;
        return true;
    }
    /// The path up to and including the component that next() gave last.
    std::string_view prefix() const { return consumed_ ? path_.substr(0, consumed_) : "/"; }

  private:
    std::string_view path_;
    std::size_t at_;
    std::size_t consumed_ = 0;
};

} // namespace hospes::xs
