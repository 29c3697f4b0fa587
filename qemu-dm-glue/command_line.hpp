// SPDX-License-Identifier: MIT
// QEMU as the server of a PV or PVH guest's devices: a machine without CPUs that attaches to a domain and serves what
// the store says (qemu -M xenpv -xen-attach, docs/system/i386/xen.rst there).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hospes::dm {

struct Vnc {
    std::string listen; ///< an address; empty: the local host
    int display = 0;
    bool find_unused = true; ///< the next free display from `display` on
    bool password = false;   ///< one will be set before anyone can connect
};

/// A character device at the host's end of a channel.
struct Channel {
    std::string id;     ///< the guest's console names it: "chardev:ID"
    std::string socket; ///< listens there; empty: a new pseudo-terminal
};

struct Server {
    std::string program;
    std::uint32_t domain = 0;
    std::string name;       ///< of the domain
    std::string qmp_socket; ///< where it takes commands
    bool has_vnc = false, has_sdl = false, opengl = false;
    Vnc vnc;
    std::string keymap;
    std::vector<Channel> channels;
    std::vector<std::string> extra; ///< the user's own arguments
};

/// The whole command, program first. Texts of the configuration cannot add options of their own.
std::vector<std::string> command_line(const Server& server);

/// A QEMU with Xen support; `wanted` when that is given. Empty: none is installed.
std::string find_program(const std::string& wanted = {});

} // namespace hospes::dm
