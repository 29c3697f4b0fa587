// SPDX-License-Identifier: MIT
// Names that daemons make: of files for domains, of sockets that they listen on.
#pragma once

#include <string>
#include <string_view>

#include <boost/asio/local/stream_protocol.hpp>

#include "xc/result.hpp"

namespace hospes::xl::daemon {

/// A domain's name as part of a file name. Its owner chose it: what could leave the folder or hide becomes '_'.
std::string file_name_of(std::string_view domain_name);

/// Listens on a socket at `path` that only root may use; one that a dead process left there is replaced.
Status listen_at(boost::asio::local::stream_protocol::acceptor& acceptor, const std::string& path);

} // namespace hospes::xl::daemon
