// SPDX-License-Identifier: MIT
#include "libxl/domain/intent.hpp"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "libxl/core/identity.hpp"
#include "libxl/core/paths.hpp"
#include "libxl/device/spec_text.hpp"
#include "libxl/domain/lifecycle.hpp"
#include "libxl/domain/record.hpp"
#include "libxl/types/json.hpp"

namespace hospes::xl {
namespace {

std::string mark_path(std::string_view tag) { return std::string(creations_path) + "/" + std::string(tag); }
constexpr std::string_view restart_prefix = "restart-", restart_suffix = ".libxl-json";

std::vector<std::string> restart_files() {
    std::vector<std::string> names;
    DIR* const listing = ::opendir(state_directory().c_str());
    if (!listing) return names;
    while (const dirent* entry = ::readdir(listing)) {
        const std::string_view name(entry->d_name);
        if (name.starts_with(restart_prefix) && name.ends_with(restart_suffix)) names.emplace_back(name);
    }
    ::closedir(listing);
    return names;
}

} // namespace

Result<CreationMark> CreationMark::begin(Host& host) {
    CreationMark mark;
    mark.tag_ = random_uuid();
    mark.creator_ = process_identity();
    xs::Client* const store = HOSPES_TRY(host.store());
    HOSPES_TRY(store->write(mark_path(to_string(mark.tag_)), mark.creator_));
    return mark;
}

void CreationMark::name_domain(xs::Batch& out, xc::DomId domain) const {
    out.write(mark_path(to_string(tag_)), creator_ + " " + std::to_string(domain));
    out.write(path::libxl(domain) + "/creating", to_string(tag_));
}

void CreationMark::finish(xs::Batch& out, xc::DomId domain) const {
    out.remove(path::libxl(domain) + "/creating");
    out.remove(mark_path(to_string(tag_)));
}

Status CreationMark::withdraw(Host& host) const {
    xs::Client* const store = HOSPES_TRY(host.store());
    return store->remove(mark_path(to_string(tag_)));
}

Result<std::vector<UnfinishedCreation>> unfinished_creations(Host& host) {
    xs::Client* const store = HOSPES_TRY(host.store());
    std::vector<UnfinishedCreation> found;
    const auto tags = store->directory(creations_path);
    if (!tags && tags.problem().code != ENOENT) return tags.problem();
    for (const std::string& tag : tags ? *tags : std::vector<std::string>()) {
        const auto value = HOSPES_TRY(store->try_read(mark_path(tag)));
        if (!value) continue; // finished meanwhile
        UnfinishedCreation creation{tag, *value, std::nullopt};
        const auto first = value->find(' ');
        const auto second = first == std::string::npos ? first : value->find(' ', first + 1);
        if (second != std::string::npos)
            creation.domain = to_number<xc::DomId>(std::string_view(*value).substr(second + 1));
        found.push_back(std::move(creation));
    }
    return found;
}

Status roll_back(Host& host, const UnfinishedCreation& creation) {
    xc::Control* const control = HOSPES_TRY(host.control());
    xs::Client* const store = HOSPES_TRY(host.store());
    Uuid tag;
    const bool named = parse(creation.tag, tag);
    Status result;
    const auto destroy = [&](xc::DomId domain) {
        if (Status done = destroy_domain(host, domain); !done && done.problem().code != ESRCH) result = std::move(done);
    };
    if (creation.domain) {
        const auto owner = HOSPES_TRY(store->try_read(path::libxl(*creation.domain) + "/creating"));
        if (owner == creation.tag) destroy(*creation.domain);
    }
    for (const xc::DomainInfo& info : HOSPES_TRY(control->list()))
        if (named && std::equal(tag.bytes.begin(), tag.bytes.end(), std::begin(info.handle))) destroy(info.domain);
    if (!result) return result; // the mark stays for the next attempt
    return store->remove(mark_path(creation.tag));
}

Status save_restart(const DomainConfig& config) {
    std::string owner = process_identity();
    std::replace(owner.begin(), owner.end(), ' ', '.');
    return write_file(state_directory() + "/" + std::string(restart_prefix) + to_string(config.c_info.uuid) + "." +
                          owner + std::string(restart_suffix),
                      to_json(config));
}

void forget_restart(const Uuid& uuid) {
    for (const std::string& name : restart_files())
        if (name.starts_with(std::string(restart_prefix) + to_string(uuid)))
            ::unlink((state_directory() + "/" + name).c_str());
}

Result<std::vector<PendingRestart>> pending_restarts() {
    std::vector<PendingRestart> found;
    for (const std::string& name : restart_files()) {
        const std::string file = state_directory() + "/" + name;
        const auto dot = name.find('.');
        std::string owner = name.substr(dot + 1, name.size() - restart_suffix.size() - dot - 1);
        std::replace(owner.begin(), owner.end(), '.', ' ');
        if (auto config = load_record_file(file)) found.push_back({file, std::move(owner), *std::move(config)});
    }
    return found;
}

std::string supervision_text(Supervision who) {
    switch (who) {
    case Supervision::daemon: return "daemon";
    case Supervision::self: return process_identity();
    case Supervision::none: break;
    }
    return "none";
}

Result<std::optional<std::string>> supervision_of(Host& host, xc::DomId domain) {
    xs::Client* const store = HOSPES_TRY(host.store());
    return store->try_read(path::libxl(domain) + "/supervision");
}

Status set_supervision(Host& host, xc::DomId domain, Supervision who) {
    xs::Client* const store = HOSPES_TRY(host.store());
    return store->write(path::libxl(domain) + "/supervision", supervision_text(who));
}

Status end_supervision(Host& host, xc::DomId domain) {
    xs::Client* const store = HOSPES_TRY(host.store());
    return store->write(path::libxl(domain) + "/supervision", "preserved");
}

bool is_supervisors(std::string_view supervision) {
    if (supervision == "daemon") return true;
    return process_number(supervision) > 0 && !process_lives(supervision);
}

} // namespace hospes::xl
