// SPDX-License-Identifier: MIT
#include "libxl/domain/record.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "libxl/types/json.hpp"
#include "xc/image.hpp"

namespace hospes::xl {
namespace {

std::string prefix(xc::DomId domain) { return "userdata-d." + std::to_string(domain) + "."; }

/// The record files of a domain id: at most one, unless an earlier domain's was left behind by a
/// crash.
std::vector<std::string> files_of(xc::DomId domain) {
    std::vector<std::string> files;
    const std::string directory = state_directory(), start = prefix(domain);
    DIR* const listing = ::opendir(directory.c_str());
    if (!listing) return files;
    while (const dirent* entry = ::readdir(listing))
        if (std::string_view(entry->d_name).starts_with(start)) files.push_back(directory + "/" + entry->d_name);
    ::closedir(listing);
    return files;
}

} // namespace

std::string state_directory() {
    const char* const chosen = std::getenv("HOSPES_STATE_DIR");
    return chosen ? chosen : "/var/lib/xen";
}

Status save_record(xc::DomId domain, const DomainConfig& config) {
    forget_record(domain);
    const std::string directory = state_directory();
    ::mkdir(directory.c_str(), 0700);
    const std::string name = directory + "/" + prefix(domain) + to_string(config.c_info.uuid) + ".libxl-json";
    const std::string fresh = name + ".new";
    const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return error("save the configuration as " + name, errno);
    const std::string text = to_json(config);
    const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    const int failure = errno;
    ::close(fd);
    if (!written || ::rename(fresh.c_str(), name.c_str()) < 0) {
        ::unlink(fresh.c_str());
        return error("save the configuration as " + name, written ? errno : failure);
    }
    return {};
}

Result<DomainConfig> load_record(xc::DomId domain) {
    const auto files = files_of(domain);
    if (files.empty())
        return error("read the configuration of domain " + std::to_string(domain), ENOENT, "none was saved");
    const auto bytes = HOSPES_TRY(xc::read_file(files.front(), 16U << 20));
    auto parsed = domain_config_from_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    if (const auto* bad = std::get_if<JsonError>(&parsed))
        return error("read " + files.front(), 0, bad->where + ": " + bad->what);
    return std::get<DomainConfig>(std::move(parsed));
}

void forget_record(xc::DomId domain) {
    for (const std::string& file : files_of(domain))
        ::unlink(file.c_str());
}

} // namespace hospes::xl
