// SPDX-License-Identifier: MIT
#include "libxl/daemon/names.hpp"

#include <sys/stat.h>
#include <unistd.h>

namespace hospes::xl::daemon {

std::string file_name_of(std::string_view domain_name) {
    std::string name(domain_name.substr(0, 200)); // names of files end at 255
    for (char& c : name)
        if (c == '/' || static_cast<unsigned char>(c) < ' ') c = '_';
    if (name.empty() || name[0] == '.') name.insert(name.begin(), '_');
    return name;
}

Status listen_at(boost::asio::local::stream_protocol::acceptor& acceptor, const std::string& path) {
    boost::system::error_code e;
    ::unlink(path.c_str());
    acceptor.open(boost::asio::local::stream_protocol(), e);
    const mode_t before = ::umask(0177);
    if (!e) acceptor.bind({path}, e);
    ::umask(before);
    if (!e) acceptor.listen(16, e);
    if (e) return error("listen on " + path, e.value());
    return {};
}

} // namespace hospes::xl::daemon
