// SPDX-License-Identifier: MIT
// What is under way, written down where it outlives the process that does it: half-made domains can then be told
// from others and taken back, and a restart that was begun is finished, whoever was killed in between.
#pragma once

#include <optional>

#include "libxl/core/host.hpp"
#include "libxl/types/domain_config.hpp"

namespace hospes::xl {

/// A creation's mark: /tool/hospes/creating/TAG = "PID START [DOMID]". The domain is made with TAG as its handle and
/// gets its own UUID once its nodes say /libxl/D/creating = TAG; so there is no moment at which it belongs to nobody.
class CreationMark {
  public:
    /// Written before the domain exists.
    static Result<CreationMark> begin(Host& host);
    [[nodiscard]] const Uuid& tag() const { return tag_; }
    /// Adds the domain to the mark; goes with the domain's first nodes.
    void name_domain(xs::Batch& out, xc::DomId domain) const;
    /// The creation is complete.
    void finish(xs::Batch& out, xc::DomId domain) const;
    /// It came to nothing, and its domain is gone.
    Status withdraw(Host& host) const;

  private:
    Uuid tag_;
    std::string creator_;
};

struct UnfinishedCreation {
    std::string tag;
    std::string creator; ///< process_identity()
    std::optional<xc::DomId> domain;
};
Result<std::vector<UnfinishedCreation>> unfinished_creations(Host& host);
/// Removes the domain that a dead creator left, if it got that far, and the mark.
Status roll_back(Host& host, const UnfinishedCreation& creation);
inline constexpr const char* creations_path = "/tool/hospes/creating";

/// A restart that was begun: restart-UUID.PID.START.libxl-json in state_directory(), from before the old domain is
/// destroyed until the new one runs. Its name says who does it.
Status save_restart(const DomainConfig& config);
void forget_restart(const Uuid& uuid);
struct PendingRestart {
    std::string file;
    std::string owner; ///< process_identity()
    DomainConfig config;
};
Result<std::vector<PendingRestart>> pending_restarts();

/// Who looks after a domain once it runs: /libxl/D/supervision.
enum class Supervision {
    none,   ///< nobody: it stays when it shuts down (xl create -e)
    daemon, ///< the supervisor
    self,   ///< the process that creates it (xl create -F); the supervisor, should that die
};
std::string supervision_text(Supervision who);
/// nullopt: not a domain of ours.
Result<std::optional<std::string>> supervision_of(Host& host, xc::DomId domain);
Status set_supervision(Host& host, xc::DomId domain, Supervision who);
/// It has been dealt with and stays as it is (preserve).
Status end_supervision(Host& host, xc::DomId domain);
/// Whether the supervisor has to act for it.
bool is_supervisors(std::string_view supervision);

} // namespace hospes::xl
