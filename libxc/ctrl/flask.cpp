// SPDX-License-Identifier: MIT
// The security module's own hypercall. Whatever a hypervisor without Flask answers comes through
// as the error's code.
#include <algorithm>
#include <cerrno>

#include "ctrl/call.hpp"

namespace hospes::xc {
namespace {

long flask(Control& control, xen_flask_op& request) {
    Buffer<xen_flask_op> buffer(control.transport());
    if (!buffer) return -ENOMEM;
    request.interface_version = XEN_FLASK_INTERFACE_VERSION;
    *buffer = request;
    const long result = control.transport().hypercall(__HYPERVISOR_xsm_op, {address_of(buffer.data())});
    request = *buffer;
    return result;
}

Error failed(const char* stage, long result) { return error(stage, static_cast<int>(-result)); }

} // namespace

Result<bool> Control::flask_enforcing() {
    xen_flask_op op{};
    op.cmd = FLASK_GETENFORCE;
    const long result = flask(*this, op);
    if (result < 0) return failed("read the mode of the security module", result);
    return result != 0;
}

Status Control::flask_enforce(bool on) {
    xen_flask_op op{};
    op.cmd = FLASK_SETENFORCE;
    op.u.enforce.enforcing = on;
    const long result = flask(*this, op);
    return result < 0 ? Status(failed("set the mode of the security module", result)) : Status();
}

Status Control::flask_load(std::span<const std::uint8_t> policy) {
    Buffer<std::uint8_t> bytes(transport_, policy.size());
    if (!bytes) return failed("load the security policy", -ENOMEM);
    std::copy(policy.begin(), policy.end(), bytes.data());
    xen_flask_op op{};
    op.cmd = FLASK_LOAD;
    op.u.load.size = static_cast<std::uint32_t>(policy.size());
    op.u.load.buffer.p = reinterpret_cast<char*>(bytes.data());
    const long result = flask(*this, op);
    return result < 0 ? Status(failed("load the security policy", result)) : Status();
}

Result<std::string> Control::flask_label(std::uint32_t sid) {
    constexpr std::size_t size = 1024;
    Buffer<char> text(transport_, size);
    if (!text) return failed("read a security label", -ENOMEM);
    xen_flask_op op{};
    op.cmd = FLASK_SID_TO_CONTEXT;
    op.u.sid_context.sid = sid;
    op.u.sid_context.size = size;
    op.u.sid_context.context.p = text.data();
    if (const long result = flask(*this, op); result < 0) return failed("read a security label", result);
    return std::string(text.data(), std::find(text.data(), text.data() + size, '\0'));
}

} // namespace hospes::xc
