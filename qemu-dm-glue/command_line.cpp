// SPDX-License-Identifier: MIT
#include "qemu-dm-glue/command_line.hpp"

#include <unistd.h>

#include <cstdlib>

namespace hospes::dm {
namespace {

/// A value within QEMU's comma-separated options: a comma in it is doubled.
std::string quoted(const std::string& text) {
    std::string out;
    for (const char c : text)
        out += c == ',' ? std::string(",,") : std::string(1, c);
    return out;
}

std::string vnc_option(const Vnc& vnc) {
    std::string out = quoted(vnc.listen.empty() ? "127.0.0.1" : vnc.listen);
    if (out.find(':') == std::string::npos || out.back() == ']') out += ":" + std::to_string(vnc.display);
    if (vnc.find_unused) out += ",to=99";
    if (vnc.password) out += ",password=on";
    return out;
}

} // namespace

std::vector<std::string> command_line(const Server& server) {
    std::vector<std::string> call = {server.program,
                                     "-xen-domid",
                                     std::to_string(server.domain),
                                     "-xen-attach",
                                     "-name",
                                     quoted(server.name),
                                     "-no-shutdown",
                                     "-nodefaults",
                                     "-no-user-config",
                                     "-machine",
                                     "xenpv",
                                     "-chardev",
                                     "socket,id=control,path=" + quoted(server.qmp_socket) + ",server=on,wait=off",
                                     "-mon",
                                     "chardev=control,mode=control"};
    for (const Channel& channel : server.channels) {
        call.emplace_back("-chardev");
        call.push_back(channel.socket.empty()
                           ? "pty,id=" + channel.id
                           : "socket,id=" + channel.id + ",path=" + quoted(channel.socket) + ",server=on,wait=off");
    }
    call.insert(call.end(), {"-vnc", server.has_vnc ? vnc_option(server.vnc) : "none"});
    call.insert(call.end(), {"-display", !server.has_sdl ? "none" : server.opengl ? "sdl,gl=on" : "sdl"});
    if (!server.keymap.empty()) call.insert(call.end(), {"-k", server.keymap});
    call.insert(call.end(), server.extra.begin(), server.extra.end());
    return call;
}

std::string find_program(const std::string& wanted) {
    if (!wanted.empty()) return wanted;
    if (const char* const chosen = std::getenv("HOSPES_QEMU")) return chosen;
    // Debian's package for Xen, Debian's general one, a build of Xen's own.
    for (const char* const program : {"/usr/libexec/xen-qemu-system-i386", "/usr/bin/qemu-system-i386",
                                      "/usr/lib/xen/bin/qemu-system-i386", "/usr/local/lib/xen/bin/qemu-system-i386"})
        if (::access(program, X_OK) == 0) return program;
    return {};
}

} // namespace hospes::dm
