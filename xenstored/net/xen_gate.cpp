// SPDX-License-Identifier: MIT
#include "net/xen_gate.hpp"

#include <cerrno>
#include <cstdlib>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "xc/control.hpp"
#include "xc/evtchn.hpp"
#include "xc/gnttab.hpp"

namespace hospes::xs {
namespace {

constexpr std::uint32_t store_grant = 1; ///< GNTTAB_RESERVED_XENSTORE, <xen/grant_table.h>

template <class Memory> class Page final : public RingPage {
  public:
    explicit Page(Memory memory) : memory_(std::move(memory)) {}
    xenstore_domain_interface& interface() override { return *memory_.template as<xenstore_domain_interface>(); }

  private:
    Memory memory_;
};

/// /proc/xen/xsd_kva, mapped.
class OwnPage {
  public:
    explicit OwnPage(void* memory) : memory_(memory) {}
    OwnPage(OwnPage&& other) noexcept : memory_(std::exchange(other.memory_, nullptr)) {}
    ~OwnPage() {
        if (memory_) ::munmap(memory_, xc::page_size);
    }
    template <class T> T* as() const { return static_cast<T*>(memory_); }

  private:
    void* memory_;
};

class LinuxGate final : public XenGate {
  public:
    LinuxGate(std::unique_ptr<xc::Transport> transport, xc::EventChannels events)
        : transport_(std::move(transport)), control_(*transport_), events_(std::move(events)) {
        if (auto grants = xc::GrantDevice::open(); grants.ok()) grants_.emplace(std::move(*grants));
    }

    std::unique_ptr<RingPage> map_ring(Domid domid, std::uint64_t gfn, int& error) override {
        if (grants_) {
            if (auto page = grants_->map(domid, store_grant); page.ok())
                return std::make_unique<Page<xc::GrantedPage>>(std::move(*page));
        }
        const xen_pfn_t frame = gfn;
        auto mapping = xc::map_frames(*transport_, domid, {&frame, 1}, true);
        if (mapping.ok()) return std::make_unique<Page<xc::Mapping>>(std::move(*mapping));
        error = EINVAL; // what the C daemon says
        return nullptr;
    }

    std::unique_ptr<RingPage> map_own_ring(std::uint32_t& port, int& error) override {
        port = read_port();
        const int fd = ::open("/proc/xen/xsd_kva", O_RDWR | O_CLOEXEC);
        if (fd < 0 || port == 0) {
            error = port == 0 ? ENOENT : errno;
            if (fd >= 0) ::close(fd);
            return nullptr;
        }
        void* memory = ::mmap(nullptr, xc::page_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        error = errno;
        ::close(fd);
        if (memory == MAP_FAILED) return nullptr;
        return std::make_unique<Page<OwnPage>>(OwnPage(memory));
    }

    std::uint32_t bind(Domid domid, std::uint32_t remote_port, int& error) override {
        return port_or_error(events_.bind_interdomain(domid, remote_port), error);
    }
    std::uint32_t bind_domain_exception(int& error) override {
        return port_or_error(events_.bind_virq(VIRQ_DOM_EXC), error);
    }
    void unbind(std::uint32_t port) override { events_.unbind(port); }
    void notify(std::uint32_t port) override { events_.notify(port); }
    void unmask(std::uint32_t port) override { events_.unmask(port); }
    std::size_t pending(std::span<std::uint32_t> ports) override { return events_.pending(ports); }
    int event_fd() const override { return events_.fd(); }

    Status status(Domid domid) override {
        const auto info = control_.info(domid);
        if (!info.ok()) return {info.problem().code == ESRCH, false, false};
        // The hypervisor answers with the next existing domain if this one is gone.
        if (info->domain != domid || (info->flags & XEN_DOMINF_dying)) return {true, false, false};
        return {true, true, (info->flags & XEN_DOMINF_shutdown) != 0};
    }

  private:
    static std::uint32_t port_or_error(Result<std::uint32_t> port, int& error) {
        if (port.ok()) return *port;
        error = port.problem().code;
        return 0;
    }
    static std::uint32_t read_port() {
        const int fd = ::open("/proc/xen/xsd_port", O_RDONLY | O_CLOEXEC);
        if (fd < 0) return 0;
        char text[20] = {};
        const ssize_t n = ::read(fd, text, sizeof text - 1);
        ::close(fd);
        return n > 0 ? static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10)) : 0;
    }

    std::unique_ptr<xc::Transport> transport_;
    xc::Control control_;
    xc::EventChannels events_;
    std::optional<xc::GrantDevice> grants_;
};

} // namespace

std::unique_ptr<XenGate> open_xen_gate(int inherited_event_fd, std::string& why) {
    auto transport = xc::open_privcmd();
    if (!transport.ok()) {
        why = transport.problem().text();
        return nullptr;
    }
    if (inherited_event_fd >= 0)
        return std::make_unique<LinuxGate>(std::move(*transport), xc::EventChannels(inherited_event_fd));
    auto events = xc::EventChannels::open();
    if (!events.ok()) {
        why = events.problem().text();
        return nullptr;
    }
    return std::make_unique<LinuxGate>(std::move(*transport), std::move(*events));
}

} // namespace hospes::xs
