// SPDX-License-Identifier: MIT
// Boot parameters that can be changed while the hypervisor runs: entries of its little file system, below /params.
#include "ctrl/call.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include <xen/hypfs.h>

namespace hospes::xc {
namespace {

/// In hypercall memory, as the calls want it.
class Entry {
  public:
    Entry(Control& control, const std::string& path) : control_(control), path_(control.transport(), path.size() + 1) {
        if (path_) std::copy_n(path.c_str(), path.size() + 1, path_.data());
    }

    long read(xen_hypfs_direntry& out) {
        Buffer<std::uint8_t> data(control_.transport(), largest);
        if (!path_ || !data) return -ENOMEM;
        const long result = call(XEN_HYPFS_OP_read, data.data(), data.size());
        // A value that did not fit is of no interest here; its description is there all the same.
        if (result >= 0 || result == -ENOBUFS) std::memcpy(&out, data.data(), sizeof(out));
        return result == -ENOBUFS ? 0 : result;
    }
    long write(const void* value, std::size_t size) {
        Buffer<std::uint8_t> data(control_.transport(), size);
        if (!path_ || !data) return -ENOMEM;
        std::memcpy(data.data(), value, size);
        return call(XEN_HYPFS_OP_write_contents, data.data(), size);
    }

  private:
    static constexpr std::size_t largest = 4096;
    long call(unsigned long what, const void* data, std::size_t size) {
        return control_.transport().hypercall(__HYPERVISOR_hypfs_op,
                                              {what, address_of(path_.data()), path_.size(), address_of(data), size});
    }
    Control& control_;
    Buffer<char> path_;
};

std::optional<bool> truth(std::string_view text) {
    for (const std::string_view word : {"1", "yes", "on", "true", "enable"})
        if (text == word) return true;
    for (const std::string_view word : {"0", "no", "off", "false", "disable"})
        if (text == word) return false;
    return std::nullopt;
}

} // namespace

Status Control::set_parameter(const std::string& name, const std::string& value) {
    const std::string stage = "set hypervisor parameter " + name;
    const auto failed = [&](long result) { return error(stage, static_cast<int>(-result)); };
    const auto wrong = [&] { return error(stage, EINVAL, "'" + value + "' is not a value for it"); };
    if (name.size() >= XEN_HYPFS_MAX_PATHLEN - 16) return failed(-ENAMETOOLONG);
    Entry entry(*this, "/params/" + name);
    xen_hypfs_direntry about{};
    if (const long result = entry.read(about); result < 0) return failed(result);
    if (!about.max_write_len) return failed(-EACCES);
    std::uint64_t number = 0;
    switch (about.type) {
    case XEN_HYPFS_TYPE_STRING:
        if (const long result = entry.write(value.c_str(), value.size() + 1); result < 0) return failed(result);
        return {};
    case XEN_HYPFS_TYPE_BOOL: {
        const auto on = truth(value);
        if (!on) return wrong();
        number = *on;
        break;
    }
    case XEN_HYPFS_TYPE_UINT:
    case XEN_HYPFS_TYPE_INT: {
        char* end = nullptr;
        errno = 0;
        const bool negative = about.type == XEN_HYPFS_TYPE_INT;
        number = negative ? static_cast<std::uint64_t>(std::strtoll(value.c_str(), &end, 0))
                          : std::strtoull(value.c_str(), &end, 0);
        if (errno || value.empty() || *end) return wrong();
        break;
    }
    default: return error(stage, EOPNOTSUPP, "it is no single value");
    }
    if (about.content_len > sizeof(number)) return error(stage, EPROTO, "its size is no number's");
    // Little-endian: the low bytes are the number in whatever width the entry has.
    if (const long result = entry.write(&number, about.content_len); result < 0) return failed(result);
    return {};
}

} // namespace hospes::xc
