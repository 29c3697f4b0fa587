// SPDX-License-Identifier: MIT
#include "libxl/domain/record.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "libxl/core/paths.hpp"
#include "libxl/device/spec_text.hpp"
#include "libxl/domain/resources.hpp"
#include "libxl/types/json.hpp"
#include "xc/image.hpp"

namespace hospes::xl {
namespace {

constexpr std::string_view record_suffix = ".libxl-json";

/// Files of a domain id: its record, its lock, and what an earlier domain's crash left behind.
std::vector<std::string> files_of(xc::DomId domain, std::string_view kinds, std::string_view suffix) {
    std::vector<std::string> files;
    const std::string directory = state_directory(), id = "." + std::to_string(domain) + ".";
    DIR* const listing = ::opendir(directory.c_str());
    if (!listing) return files;
    while (const dirent* entry = ::readdir(listing)) {
        std::string_view name(entry->d_name);
        if (!name.starts_with("userdata-") || name.size() < 10 || kinds.find(name[9]) == std::string_view::npos)
            continue;
        if (name.substr(10).starts_with(id) && name.ends_with(suffix)) files.push_back(directory + "/" + entry->d_name);
    }
    ::closedir(listing);
    return files;
}

std::string file_name(char kind, xc::DomId domain, const std::string& uuid, std::string_view suffix) {
    return state_directory() + "/userdata-" + kind + "." + std::to_string(domain) + "." + uuid + std::string(suffix);
}

/// Held while a record is read and written back. The lock file is libxl's own, so that the stock tools wait, too.
class RecordLock {
  public:
    explicit RecordLock(xc::DomId domain) {
        const auto records = files_of(domain, "d", record_suffix);
        if (records.empty()) return;
        const std::string& record = records.front();
        const std::size_t slash = record.rfind('/');
        std::string name = record.substr(0, record.size() - record_suffix.size()) + ".domain-userdata-lock";
        name[slash + 10] = 'l';
        fd_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        while (fd_ >= 0 && ::flock(fd_, LOCK_EX) < 0 && errno == EINTR)
            ;
    }
    ~RecordLock() {
        if (fd_ >= 0) ::close(fd_);
    }
    RecordLock(const RecordLock&) = delete;
    RecordLock& operator=(const RecordLock&) = delete;

  private:
    int fd_ = -1;
};

} // namespace

std::string state_directory() {
    const char* const chosen = std::getenv("HOSPES_STATE_DIR");
    return chosen ? chosen : "/var/lib/xen";
}

Status write_file(const std::string& name, std::string_view text) {
    const std::string fresh = name + ".new";
    const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return error("write " + name, errno);
    int failure = 0;
    while (!text.empty() && !failure) {
        const ssize_t put = ::write(fd, text.data(), text.size());
        if (put < 0 && errno != EINTR) failure = errno;
        if (put > 0) text.remove_prefix(static_cast<std::size_t>(put));
    }
    if (::close(fd) < 0 && !failure) failure = errno;
    if (!failure && ::rename(fresh.c_str(), name.c_str()) < 0) failure = errno;
    if (!failure) return {};
    ::unlink(fresh.c_str());
    return error("write " + name, failure, {}, failure == ENOSPC ? "free some space there" : "");
}

Status save_record(xc::DomId domain, const DomainConfig& config) {
    const std::string uuid = to_string(config.c_info.uuid);
    const std::string name = file_name('d', domain, uuid, record_suffix);
    ::mkdir(state_directory().c_str(), 0700);
    if (Status written = write_file(name, to_json(config)); !written)
        return std::move(written).problem().within("save the configuration");
    for (const std::string& old : files_of(domain, "d", record_suffix))
        if (old != name) ::unlink(old.c_str());
    return {};
}

Result<DomainConfig> load_record_file(const std::string& name) {
    const auto bytes = HOSPES_TRY(xc::read_file(name, 16U << 20));
    auto parsed = domain_config_from_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    if (const auto* bad = std::get_if<JsonError>(&parsed))
        return error("read " + name, 0, bad->where + ": " + bad->what);
    return std::get<DomainConfig>(std::move(parsed));
}

Result<DomainConfig> load_record(xc::DomId domain) {
    const auto files = files_of(domain, "d", record_suffix);
    if (files.empty())
        return error("read the configuration of domain " + std::to_string(domain), ENOENT, "none was saved");
    return load_record_file(files.front());
}

void forget_record(xc::DomId domain) {
    for (const std::string& file : files_of(domain, "dln", ""))
        ::unlink(file.c_str());
}

Status change_record(xc::DomId domain, const std::function<void(DomainConfig&)>& change) {
    const RecordLock lock(domain);
    DomainConfig config = HOSPES_TRY(load_record(domain));
    change(config);
    return save_record(domain, config);
}

Result<DomainConfig> retrieve_config(Host& host, xc::DomId domain) {
    xc::Control* const control = HOSPES_TRY(host.control());
    const xc::DomainInfo info = HOSPES_TRY(control->info(domain));
    DomainConfig config = HOSPES_TRY(load_record(domain));
    xs::Client* const store = HOSPES_TRY(host.store());
    const std::string root = path::domain(domain);
    config.c_info.domid = domain;
    std::copy(std::begin(info.handle), std::end(info.handle), config.c_info.uuid.bytes.begin());
    if (const auto name = HOSPES_TRY(store->try_read(root + "/name"))) config.c_info.name = *name;
    if (const auto target = HOSPES_TRY(store->try_read(root + "/memory/target")))
        if (const auto kib = to_number<std::uint64_t>(*target)) config.b_info.target_memkb = *kib;
    if (info.max_pages) { // what mem-max made of it; without the slack that creation adds
        const std::uint64_t limit = info.max_pages << 2;
        if (limit > maxmem_slack_kib && limit - maxmem_slack_kib > config.b_info.max_memkb)
            config.b_info.max_memkb = limit - maxmem_slack_kib;
    }
    Bitmap online;
    for (unsigned vcpu = 0; vcpu <= info.max_vcpu_id; ++vcpu) {
        const auto state = HOSPES_TRY(store->try_read(root + "/cpu/" + std::to_string(vcpu) + "/availability"));
        if (state && *state == "online") online.set(vcpu);
    }
    if (!online.empty()) config.b_info.avail_vcpus = online;
    return config;
}

Status update_config(Host& host, xc::DomId domain, DomainConfig config) {
    const DomainConfig now = HOSPES_TRY(retrieve_config(host, domain));
    return change_record(domain, [&](DomainConfig& saved) {
        config.c_info.name = now.c_info.name;
        config.c_info.uuid = now.c_info.uuid;
        if (config.c_info.type == DomainType::invalid) {
            config.c_info.type = saved.c_info.type;
            config.b_info.type = saved.b_info.type;
        }
        saved = std::move(config);
    });
}

} // namespace hospes::xl
