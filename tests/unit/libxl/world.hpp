// SPDX-License-Identifier: MIT
// A host without hardware: the modelled hypervisor, a real store, and devices that are only counted.
#pragma once

#include <fstream>
#include <memory>

#include "fake_transport.hpp"
#include "libxl/core/host.hpp"
#include "libxl/types/domain_config.hpp"
#include "sample_kernel.hpp"
#include "test_store.hpp"

namespace hospes::xl::test {

/// What a host would have plugged.
struct Plugged {
    std::multiset<std::string> disks; ///< files that are open
    std::vector<std::string> log;     ///< "plug vif1.0 xenbr0", "script /x add vbd"...
    int fail_at = 0;                  ///< the n-th call from now fails
    void close(const std::string& file) {
        if (const auto open = disks.find(file); open != disks.end()) disks.erase(open);
    }
    bool fails() { return fail_at > 0 && --fail_at == 0; }
};

/// As a loop device is: gone with its holder unless that is told to keep it.
class CountedDisk final : public DiskSource::Hold {
  public:
    CountedDisk(std::shared_ptr<Plugged> state, std::string file) : state_(std::move(state)), file_(std::move(file)) {
        state_->disks.insert(file_);
    }
    CountedDisk(const CountedDisk&) = delete;
    CountedDisk& operator=(const CountedDisk&) = delete;
    ~CountedDisk() override {
        if (!kept_) state_->close(file_);
    }
    Status keep() override {
        kept_ = true;
        return {};
    }

  private:
    std::shared_ptr<Plugged> state_;
    std::string file_;
    bool kept_ = false;
};

class CountingHotplug final : public Hotplug {
  public:
    explicit CountingHotplug(std::shared_ptr<Plugged> state) : state_(std::move(state)) {}
    Result<DiskSource> open_disk(const DeviceDisk& disk) override {
        if (state_->fails()) return error("open disk " + disk.pdev_path, ENOENT);
        return DiskSource("/dev/loop3", 7, 3, std::make_unique<CountedDisk>(state_, disk.pdev_path));
    }
    Status check_image(const std::string& file, bool) override {
        return state_->fails() ? Status(error("open disk " + file, ENOENT)) : Status();
    }
    void close_disk(const std::string&, const std::string& params) override { state_->close(params); }
    Status plug_nic(VifPort& port, const DeviceNic& nic, Clock::time_point, const Cancel*) override {
        if (state_->fails()) return error("set up " + port.interface, ENODEV);
        state_->log.push_back("plug " + port.interface + " " + nic.bridge);
        port.mtu = 1500;
        return {};
    }
    void unplug_nic(const std::string& interface, const std::string&, const std::string&) override {
        state_->log.push_back("unplug " + interface);
    }
    Status check_backend(std::string_view kind) override {
        return state_->fails() ? Status(error("serve a " + std::string(kind), ENODEV)) : Status();
    }
    Status run_script(const ScriptCall& call, Clock::time_point, const Cancel*) override {
        if (state_->fails()) return error("run script " + call.script, EIO);
        state_->log.push_back("script " + call.script + " " + call.action + " " + call.kind + " " + call.backend_path);
        return {};
    }

  private:
    std::shared_ptr<Plugged> state_;
};

struct World {
    xs::test::TestStore store;
    std::shared_ptr<Plugged> plugged = std::make_shared<Plugged>();
    xc::FakeTransport* machine = new xc::FakeTransport();
    Host host{std::unique_ptr<xc::Transport>(machine), std::make_unique<CountingHotplug>(plugged)};

    World() {
        const auto kernel = xc::sample::elf({.physical = 0x100000});
        std::ofstream(store.folder() / "kernel", std::ios::binary)
            .write(reinterpret_cast<const char*>(kernel.data()), static_cast<std::streamsize>(kernel.size()));
        machine->domains()[0].pauses = 0;
        store.write("/local/domain/0/name", "Domain-0");
        store.write("/local/domain/0/memory/target", "1048576");
        store.write("/local/domain/0/memory/static-max", "4194304");
    }

    [[nodiscard]] DomainConfig config(const std::string& name = "g") const {
        DomainConfig c;
        c.c_info.name = name;
        c.c_info.type = c.b_info.type = DomainType::pv;
        c.b_info.kernel = store.folder() / "kernel";
        c.b_info.max_vcpus = 2;
        c.b_info.avail_vcpus.set(0);
        c.b_info.max_memkb = c.b_info.target_memkb = 16384;
        return c;
    }
    [[nodiscard]] DomainConfig with_devices() const {
        DomainConfig c = config();
        DeviceDisk& disk = c.disks.emplace_back();
        disk.pdev_path = "/images/a";
        disk.vdev = "xvda";
        disk.format = DiskFormat::raw;
        disk.readwrite = 1;
        DeviceNic& nic = c.nics.emplace_back();
        nic.bridge = "xenbr0";
        return c;
    }
    /// The domains that exist, besides dom0.
    [[nodiscard]] std::set<unsigned> guests() const {
        std::set<unsigned> out;
        for (const auto& [id, domain] : machine->domains())
            if (id) out.insert(id);
        return out;
    }
    /// Files in the state folder, without what the test put there.
    [[nodiscard]] std::set<std::string> files() const {
        std::set<std::string> out;
        for (const auto& entry : std::filesystem::directory_iterator(store.folder()))
            out.insert(entry.path().filename());
        for (const char* own : {"socket", "kernel", "locks"})
            out.erase(own);
        return out;
    }
};

} // namespace hospes::xl::test
