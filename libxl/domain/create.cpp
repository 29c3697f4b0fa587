// SPDX-License-Identifier: MIT
#include "libxl/domain/create.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "libxl/core/locks.hpp"
#include "libxl/core/paths.hpp"
#include "libxl/core/worker.hpp"
#include "libxl/device/attachment.hpp"
#include "libxl/domain/cpuid_rules.hpp"
#include "libxl/domain/nodes.hpp"
#include "libxl/domain/placement.hpp"
#include "libxl/domain/record.hpp"
#include "libxl/types/defaults.hpp"
#include "xc/build.hpp"

namespace hospes::xl {
namespace {

xc::BitWords words_of(const Bitmap& map) {
    xc::BitWords words((map.limit() + 7) / 8);
    for (const unsigned bit : map.members())
        words[bit / 8] = static_cast<std::uint8_t>(words[bit / 8] | 1U << (bit % 8));
    return words;
}

xen_domctl_createdomain creation_request(const DomainConfig& config, const Uuid& handle) {
    const BuildInfo& b = config.b_info;
    xen_domctl_createdomain request{};
    std::copy(handle.bytes.begin(), handle.bytes.end(), request.handle);
    request.max_vcpus = static_cast<std::uint32_t>(b.max_vcpus);
    request.max_evtchn_port = static_cast<int>(b.event_channels ? b.event_channels : 1023);
    request.max_grant_frames = static_cast<int>(b.max_grant_frames.value);
    request.max_maptrack_frames = static_cast<int>(b.max_maptrack_frames.value);
    request.grant_opts = XEN_DOMCTL_GRANT_version(
        b.max_grant_version.is_default() ? 2U : static_cast<unsigned>(b.max_grant_version.value));
    request.cpupool_id = config.c_info.poolid;
    if (b.vpmu.value_or(false)) request.flags |= XEN_DOMCTL_CDF_vpmu;
    if (b.arch_x86.msr_relaxed.value_or(false)) request.arch.misc_flags |= XEN_X86_MSR_RELAXED;
    if (b.type == DomainType::pvh) {
        request.flags |= XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap;
        request.arch.emulation_flags = XEN_X86_EMU_LAPIC;
    }
    return request;
}

/// Seconds by which the guest's wall clock is ahead of UTC (localtime=, rtc_timeoffset=).
std::int64_t clock_offset(const BuildInfo& b) {
    std::int64_t offset = static_cast<std::int32_t>(b.rtc_timeoffset);
    if (b.localtime.value_or(false)) {
        const std::time_t now = std::time(nullptr);
        std::tm parts{};
        if (::localtime_r(&now, &parts)) offset += parts.tm_gmtoff;
    }
    return offset;
}

/// One creation: each stage is a method; the destructor of a failed one takes everything back.
class Creation {
  public:
    Creation(Host& host, DomainConfig& config, const CreateOptions& options)
        : host_(host), config_(config), options_(options),
          deadline_(Clock::now() + std::chrono::milliseconds(options.device_timeout_ms)) {}
    ~Creation() {
        if (!finished_) take_back();
    }
    Creation(const Creation&) = delete;
    Creation& operator=(const Creation&) = delete;

    Result<CreatedDomain> run() {
        struct Stage {
            const char* name;
            Status (Creation::*action)();
        };
        static constexpr Stage stages[] = {
            {"check the configuration", &Creation::check}, {"create the domain", &Creation::create},
            {"attach devices", &Creation::attach},         {"load the kernel", &Creation::build},
            {"announce the domain", &Creation::announce},  {"start the guest", &Creation::start},
        };
        for (const Stage& stage : stages) {
            if (options_.progress) options_.progress(stage.name);
            const auto begin = Clock::now();
            Status done = options_.cancel ? options_.cancel->check() : Status();
            if (done) done = (this->*stage.action)();
            if (!done) return std::move(done).problem().within(stage.name);
            result_.stages.emplace_back(stage.name, std::chrono::duration<double>(Clock::now() - begin).count());
        }
        finished_ = true;
        return std::move(result_);
    }

  private:
    Status check() {
        control_ = HOSPES_TRY(host_.control());
        store_ = HOSPES_TRY(host_.store());
        apply_defaults(config_);
        BuildInfo& b = config_.b_info;
        if (config_.c_info.uuid.is_nil()) config_.c_info.uuid = random_uuid();
        if (options_.autoballoon) HOSPES_TRY(check_name()); // before dom0 gives up memory for nothing
        if (!config_.c_info.pool_name.empty())
            config_.c_info.poolid = HOSPES_TRY(find_pool(host_, config_.c_info.pool_name));
        if (!b.kernel.empty()) kernel_ = HOSPES_TRY(xc::KernelImage::load(b.kernel));
        if (!b.ramdisk.empty()) plan_.ramdisk = HOSPES_TRY(xc::Content::open(b.ramdisk, 1U << 30));
        const HostCaps caps = HOSPES_TRY(host_caps(host_));
        result_.type = HOSPES_TRY(choose_type(config_, kernel_ ? &*kernel_ : nullptr, caps));
        config_.c_info.type = b.type = result_.type.type;
        if (b.type == DomainType::hvm)
            return error("", EOPNOTSUPP, "HVM guests are not supported yet", "PV and PVH guests need a kernel=");
        plan_.nodes = HOSPES_TRY(virtual_nodes(host_, b));
        HOSPES_TRY(complete_devices(host_, config_));
        return reserve_memory(host_, memory_needed(b), options_.autoballoon, deadline_, options_.cancel, ballooned_);
    }

    Status check_name() {
        const auto taken = host_.find(config_.c_info.name);
        if (!taken && taken.problem().code == ENOENT) return {};
        if (!taken) return taken.problem();
        return error("", EEXIST,
                     "domain " + std::to_string(*taken) + " has the name '" + config_.c_info.name + "' already",
                     "destroy or rename it, or choose another name=");
    }

    Status create() {
        const BuildInfo& b = config_.b_info;
        const ProcessLock lock = ProcessLock::names();
        HOSPES_TRY(check_name());
        mark_ = HOSPES_TRY(CreationMark::begin(host_));
        domain_ = HOSPES_TRY(
            control_->create(static_cast<xc::DomId>(config_.c_info.domid), creation_request(config_, mark_->tag())));
        exists_ = true;
        result_.domain = domain_;
        xs::Batch nodes;
        describe_domain(nodes, domain_, config_);
        nodes.write(path::libxl(domain_) + "/supervision", supervision_text(options_.supervision));
        mark_->name_domain(nodes, domain_);
        HOSPES_TRY(store_->commit(nodes));
        std::uint8_t handle[16];
        std::copy(config_.c_info.uuid.bytes.begin(), config_.c_info.uuid.bytes.end(), handle);
        HOSPES_TRY(control_->set_handle(domain_, handle));
        HOSPES_TRY(control_->max_vcpus(domain_, static_cast<unsigned>(b.max_vcpus)));
        HOSPES_TRY(control_->max_memory(domain_, b.target_memkb + maxmem_slack_kib));
        if (const std::uint64_t pool = paging_pool_needed(b))
            HOSPES_TRY(control_->set_paging_pool(domain_, pool << 10));
        if (b.claim_mode.value_or(true)) HOSPES_TRY(control_->claim(domain_, b.target_memkb >> 2));
        if (b.tsc_mode != TscMode::default_)
            HOSPES_TRY(control_->set_tsc(domain_, static_cast<unsigned>(b.tsc_mode), 0, 0, 0));
        if (const std::int64_t offset = clock_offset(b)) HOSPES_TRY(control_->set_time_offset(domain_, offset));
        HOSPES_TRY(set_affinities());
        return apply_scheduling(host_, domain_, b.sched_params, config_.c_info.poolid);
    }

    Status set_affinities() {
        BuildInfo& b = config_.b_info;
        const Bitmap near = HOSPES_TRY(place(host_, b));
        if (!b.nodemap.empty()) HOSPES_TRY(control_->set_node_affinity(domain_, words_of(b.nodemap)));
        for (unsigned vcpu = 0; vcpu < static_cast<unsigned>(b.max_vcpus); ++vcpu) {
            const auto pick = [vcpu](const std::vector<Bitmap>& list) -> const Bitmap* {
                if (list.empty()) return nullptr;
                return list.size() == 1 ? &list[0] : vcpu < list.size() ? &list[vcpu] : nullptr;
            };
            const Bitmap* const hard = pick(b.vcpu_hard_affinity);
            const Bitmap* soft = pick(b.vcpu_soft_affinity);
            if (!soft && !near.empty()) soft = &near;
            if (!hard && !soft) continue;
            const xc::BitWords hard_words = hard ? words_of(*hard) : xc::BitWords(),
                               soft_words = soft ? words_of(*soft) : xc::BitWords();
            HOSPES_TRY(
                control_->set_affinity(domain_, vcpu, hard ? &hard_words : nullptr, soft ? &soft_words : nullptr));
        }
        return {};
    }

    /// While the backends get ready, a process of its own fills the guest's memory.
    Status attach() {
        plan_.domain = domain_;
        plan_.pages = config_.b_info.target_memkb >> 2;
        plan_.max_pages = config_.b_info.max_memkb >> 2;
        plan_.vcpus = static_cast<unsigned>(config_.b_info.max_vcpus);
        plan_.command_line = config_.b_info.cmdline;
        plan_.cpuid = cpuid_rules(config_.b_info.cpuid);
        if (!config_.b_info.shadow_memkb.is_default()) plan_.paging_pool = config_.b_info.shadow_memkb.value << 10;
        plan_.store_port = HOSPES_TRY(control_->alloc_unbound(domain_, plan_.store_domain));
        plan_.console_port = HOSPES_TRY(control_->alloc_unbound(domain_, plan_.console_domain));
        if (control_->transport().serves_children())
            loader_.emplace(HOSPES_TRY(Worker::start([this] { return load_apart(); })));
        HOSPES_TRY(save_record(domain_, config_));
        attachment_.emplace(host_, domain_, Clock::now() + std::chrono::milliseconds(options_.device_timeout_ms),
                            options_.cancel);
        HOSPES_TRY(attachment_->add_all(config_));
        xs::Batch nodes;
        attachment_->write_nodes(nodes);
        HOSPES_TRY(store_->commit(nodes));
        return attachment_->connect();
    }

    Status load(xc::Control& control) {
        built_ = config_.b_info.type == DomainType::pv ? HOSPES_TRY(xc::build_pv(control, *kernel_, plan_))
                                                       : HOSPES_TRY(xc::build_pvh(control, *kernel_, plan_));
        return xc::seed_grant_table(control, plan_, built_);
    }

    /// In the child: with a connection of its own, whose mappings end with it.
    Result<std::string> load_apart() {
        const auto transport = HOSPES_TRY(xc::open_privcmd());
        transport->mappings_linger = true;
        xc::Control control(*transport);
        HOSPES_TRY(load(control));
        return std::string(reinterpret_cast<const char*>(&built_), sizeof(built_));
    }

    Status build() {
        if (loader_) {
            const std::string answer = HOSPES_TRY(loader_->finish(options_.cancel));
            if (answer.size() != sizeof(built_)) return error("", EPROTO);
            std::memcpy(&built_, answer.data(), sizeof(built_));
        } else {
            HOSPES_TRY(load(*control_));
        }
        // What was claimed and not used (the ends of the last extents) is free for others again.
        return config_.b_info.claim_mode.value_or(true) ? control_->claim(domain_, 0) : Status();
    }

    Status announce() {
        xs::Batch nodes;
        describe_rings(nodes, domain_,
                       {built_.store_frame, built_.console_frame, plan_.store_port, plan_.console_port});
        HOSPES_TRY(store_->commit(nodes));
        return store_->introduce(domain_, built_.store_frame, plan_.store_port);
    }

    Status start() {
        if (!options_.paused) HOSPES_TRY(control_->unpause(domain_));
        xs::Batch nodes;
        mark_->finish(nodes, domain_);
        return store_->commit(nodes);
    }

    /// Each step is tried whatever becomes of the others. What fails (the store is gone, say) the supervisor does
    /// later: the mark stays until the domain is gone.
    void take_back() {
        loader_.reset();
        attachment_.reset();
        if (!mark_) return give_back_to_dom0(host_, ballooned_);
        Status gone = exists_ ? destroy_domain(host_, domain_) : Status();
        if (!gone && gone.problem().code == ESRCH) gone = {};
        if (gone) gone = mark_->withdraw(host_);
        if (!gone) {
            host_.drop_store(); // the daemon may have been started anew
            if (exists_) gone = destroy_domain(host_, domain_);
            if (gone || gone.problem().code == ESRCH) static_cast<void>(mark_->withdraw(host_));
        }
        give_back_to_dom0(host_, ballooned_);
    }

    Host& host_;
    DomainConfig& config_;
    const CreateOptions& options_;
    Clock::time_point deadline_;
    xc::Control* control_ = nullptr;
    xs::Client* store_ = nullptr;
    std::optional<xc::KernelImage> kernel_;
    xc::GuestPlan plan_;
    xc::BuiltGuest built_;
    std::optional<Worker> loader_;
    std::optional<CreationMark> mark_;
    std::optional<Attachment> attachment_;
    std::uint64_t ballooned_ = 0;
    xc::DomId domain_ = 0;
    bool exists_ = false, finished_ = false;
    CreatedDomain result_;
};

} // namespace

Result<HostCaps> host_caps(Host& host) {
    xc::Control* const control = HOSPES_TRY(host.control());
    const std::uint32_t caps = HOSPES_TRY(control->phys_info()).capabilities;
    return HostCaps{(caps & XEN_SYSCTL_PHYSCAP_pv) != 0, (caps & XEN_SYSCTL_PHYSCAP_hvm) != 0,
                    (caps & XEN_SYSCTL_PHYSCAP_hap) != 0};
}

Result<CreatedDomain> create_domain(Host& host, DomainConfig&& config, const CreateOptions& options) {
    return Creation(host, config, options).run();
}

} // namespace hospes::xl
