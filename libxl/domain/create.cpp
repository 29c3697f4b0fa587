// SPDX-License-Identifier: MIT
#include "libxl/domain/create.hpp"

#include <cerrno>
#include <chrono>

#include "libxl/core/paths.hpp"
#include "libxl/device/device.hpp"
#include "libxl/domain/nodes.hpp"
#include "libxl/domain/record.hpp"
#include "libxl/types/defaults.hpp"
#include "xc/build.hpp"

namespace hospes::xl {
namespace {

/// One creation: each stage is a method; the destructor of a failed one takes everything back.
class Creation {
  public:
    Creation(Host& host, DomainConfig config, const CreateOptions& options)
        : host_(host), config_(std::move(config)), options_(options) {}
    ~Creation() {
        if (exists_ && !finished_) static_cast<void>(destroy_domain(host_, domain_));
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
            {"load the kernel", &Creation::build},         {"announce the domain", &Creation::announce},
            {"attach devices", &Creation::attach},         {"start the guest", &Creation::start},
        };
        for (const Stage& stage : stages) {
            if (options_.progress) options_.progress(stage.name);
            const auto begin = std::chrono::steady_clock::now();
            if (Status done = (this->*stage.action)(); !done) return std::move(done).problem().within(stage.name);
            result_.stages.emplace_back(
                stage.name, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
        }
        finished_ = true;
        return std::move(result_);
    }

  private:
    Status check() {
        control_ = HOSPES_TRY(host_.control());
        store_ = HOSPES_TRY(host_.store());
        apply_defaults(config_);
        if (config_.c_info.uuid.is_nil()) config_.c_info.uuid = random_uuid();
        if (const auto taken = host_.find(config_.c_info.name))
            return error("", EEXIST,
                         "domain " + std::to_string(*taken) + " has the name '" + config_.c_info.name + "' already",
                         "destroy or rename it, or choose another name=");
        if (!config_.b_info.kernel.empty()) kernel_ = HOSPES_TRY(xc::KernelImage::load(config_.b_info.kernel));
        if (!config_.b_info.ramdisk.empty())
            plan_.ramdisk = HOSPES_TRY(xc::read_file(config_.b_info.ramdisk, 1U << 30));
        const HostCaps caps = HOSPES_TRY(host_caps(host_));
        result_.type = HOSPES_TRY(choose_type(config_, kernel_ ? &*kernel_ : nullptr, caps));
        config_.c_info.type = config_.b_info.type = result_.type.type;
        if (config_.b_info.type == DomainType::hvm)
            return error("", EOPNOTSUPP, "HVM guests are not supported yet", "PV and PVH guests need a kernel=");
        for (DeviceNic& nic : config_.nics)
            if (nic.mac.is_default()) nic.mac = random_mac();
        return {};
    }

    Status create() {
        const BuildInfo& b = config_.b_info;
        xen_domctl_createdomain request{};
        std::copy(config_.c_info.uuid.bytes.begin(), config_.c_info.uuid.bytes.end(), request.handle);
        request.max_vcpus = static_cast<std::uint32_t>(b.max_vcpus);
        request.max_evtchn_port = static_cast<int>(b.event_channels ? b.event_channels : 1023);
        request.max_grant_frames = static_cast<int>(b.max_grant_frames.value);
        request.max_maptrack_frames = static_cast<int>(b.max_maptrack_frames.value);
        request.grant_opts = XEN_DOMCTL_GRANT_version(
            b.max_grant_version.is_default() ? 2U : static_cast<unsigned>(b.max_grant_version.value));
        if (b.type == DomainType::pvh) {
            request.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap;
            request.arch.emulation_flags = XEN_X86_EMU_LAPIC;
        }
        domain_ = HOSPES_TRY(control_->create(static_cast<xc::DomId>(config_.c_info.domid), request));
        exists_ = true;
        result_.domain = domain_;
        HOSPES_TRY(control_->max_vcpus(domain_, request.max_vcpus));
        // 1 MiB beyond what the guest is told, for the hypervisor's and toolstack's pages in it.
        HOSPES_TRY(control_->max_memory(domain_, b.max_memkb + 1024));
        if (b.claim_mode.value_or(true)) HOSPES_TRY(control_->claim(domain_, b.target_memkb >> 2));
        if (b.tsc_mode != TscMode::default_)
            HOSPES_TRY(control_->set_tsc(domain_, static_cast<unsigned>(b.tsc_mode), 0, 0, 0));
        HOSPES_TRY(set_affinities());
        xs::Batch nodes;
        describe_domain(nodes, domain_, config_);
        return store_->commit(nodes);
    }

    Status set_affinities() {
        const BuildInfo& b = config_.b_info;
        const auto bits = [](const Bitmap& map) {
            xc::BitWords words((map.limit() + 7) / 8);
            for (const unsigned bit : map.members())
                words[bit / 8] = static_cast<std::uint8_t>(words[bit / 8] | 1U << (bit % 8));
            return words;
        };
        for (unsigned vcpu = 0; vcpu < static_cast<unsigned>(b.max_vcpus); ++vcpu) {
            const auto pick = [vcpu](const std::vector<Bitmap>& list) -> const Bitmap* {
                if (list.empty()) return nullptr;
                return list.size() == 1 ? &list[0] : vcpu < list.size() ? &list[vcpu] : nullptr;
            };
            const Bitmap* const hard = pick(b.vcpu_hard_affinity);
            const Bitmap* const soft = pick(b.vcpu_soft_affinity);
            if (!hard && !soft) continue;
            const xc::BitWords hard_words = hard ? bits(*hard) : xc::BitWords(),
                               soft_words = soft ? bits(*soft) : xc::BitWords();
            HOSPES_TRY(
                control_->set_affinity(domain_, vcpu, hard ? &hard_words : nullptr, soft ? &soft_words : nullptr));
        }
        return {};
    }

    Status build() {
        plan_.domain = domain_;
        plan_.pages = config_.b_info.target_memkb >> 2;
        plan_.max_pages = config_.b_info.max_memkb >> 2;
        plan_.vcpus = static_cast<unsigned>(config_.b_info.max_vcpus);
        plan_.command_line = config_.b_info.cmdline;
        plan_.store_port = HOSPES_TRY(control_->alloc_unbound(domain_, plan_.store_domain));
        plan_.console_port = HOSPES_TRY(control_->alloc_unbound(domain_, plan_.console_domain));
        built_ = config_.b_info.type == DomainType::pv ? HOSPES_TRY(xc::build_pv(*control_, *kernel_, plan_))
                                                       : HOSPES_TRY(xc::build_pvh(*control_, *kernel_, plan_));
        return xc::seed_grant_table(*control_, plan_, built_);
    }

    Status announce() {
        xs::Batch nodes;
        describe_rings(nodes, domain_,
                       {built_.store_frame, built_.console_frame, plan_.store_port, plan_.console_port});
        for (const DeviceDisk& disk : config_.disks)
            devices_.push_back(describe_disk(disk, domain_));
        for (const DeviceNic& nic : config_.nics)
            devices_.push_back(describe_nic(nic, domain_));
        for (const Device& device : devices_)
            write_nodes(nodes, device);
        HOSPES_TRY(store_->commit(nodes));
        HOSPES_TRY(store_->introduce(domain_, built_.store_frame, plan_.store_port));
        return save_record(domain_, config_);
    }

    Status attach() {
        // The backends probe all devices at once; a disk's is ready only after it was told what to
        // open.
        std::size_t index = 0;
        for (const DeviceDisk& disk : config_.disks)
            HOSPES_TRY(plug_disk(host_, devices_[index++], disk));
        HOSPES_TRY(wait_backends(host_, devices_, options_.device_timeout_ms));
        for (const DeviceNic& nic : config_.nics)
            HOSPES_TRY(plug_nic(host_, devices_[index++], nic));
        return {};
    }

    Status start() { return options_.paused ? Status() : control_->unpause(domain_); }

    Host& host_;
    DomainConfig config_;
    const CreateOptions& options_;
    xc::Control* control_ = nullptr;
    xs::Client* store_ = nullptr;
    std::optional<xc::KernelImage> kernel_;
    xc::GuestPlan plan_;
    xc::BuiltGuest built_;
    std::vector<Device> devices_;
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

Result<CreatedDomain> create_domain(Host& host, DomainConfig config, const CreateOptions& options) {
    return Creation(host, std::move(config), options).run();
}

} // namespace hospes::xl
