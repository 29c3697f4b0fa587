// SPDX-License-Identifier: MIT
// A machine without a hypervisor: ring pages in plain memory, event channels as a list. It outlives
// the daemons that use it, as the real one does.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <sys/eventfd.h>
#include <unistd.h>

#include "net/xen_gate.hpp"

namespace hospes::xs::test {

/// The guest's side of one domain, and what the hypervisor knows about it.
struct FakeDomain {
    xenstore_domain_interface page{};
    std::uint32_t port = 0; ///< the daemon's local port; 0: not bound
    unsigned notified = 0;
    XenGate::Status status{true, true, false};
    std::string received;

    void send(std::string_view bytes) {
        for (const char c : bytes) {
            if (page.req_prod - page.req_cons >= XENSTORE_RING_SIZE) throw std::logic_error("ring is full");
            page.req[MASK_XENSTORE_IDX(page.req_prod++)] = c;
        }
    }
    void receive() {
        while (page.rsp_cons != page.rsp_prod)
            received += page.rsp[MASK_XENSTORE_IDX(page.rsp_cons++)];
    }
};

struct FakeMachine {
    std::map<Domid, std::unique_ptr<FakeDomain>> domains;
    std::vector<std::uint32_t> pending;
    std::uint32_t next_port = 10;
    std::uint32_t exception_port = 0;
    int event = ::eventfd(0, EFD_NONBLOCK);
    ~FakeMachine() { ::close(event); }

    FakeDomain& add(Domid id) {
        domains[id] = std::make_unique<FakeDomain>();
        return *domains[id];
    }
    /// What an event on `port` does: makes the device readable.
    void raise(std::uint32_t port) {
        pending.push_back(port);
        ::eventfd_write(event, 1);
    }
};

class FakeGate final : public XenGate {
  public:
    explicit FakeGate(FakeMachine& machine) : m_(machine), fd_(::dup(machine.event)) {}
    ~FakeGate() override {
        if (fd_ >= 0) ::close(fd_);
    }

    std::unique_ptr<RingPage> map_ring(Domid domid, std::uint64_t, int& error) override { return page(domid, error); }
    std::unique_ptr<RingPage> map_own_ring(std::uint32_t& port, int& error) override {
        port = 1;
        return page(0, error);
    }
    std::uint32_t bind(Domid domid, std::uint32_t, int& error) override {
        const auto it = m_.domains.find(domid);
        if (it == m_.domains.end()) {
            error = EINVAL;
            return 0;
        }
        return it->second->port = m_.next_port++;
    }
    std::uint32_t bind_domain_exception(int&) override { return m_.exception_port = m_.next_port++; }
    void unbind(std::uint32_t) override {}
    void notify(std::uint32_t port) override {
        for (auto& [id, d] : m_.domains)
            if (d->port == port) ++d->notified;
    }
    void unmask(std::uint32_t) override {}
    std::size_t pending(std::span<std::uint32_t> ports) override {
        eventfd_t n = 0;
        ::eventfd_read(fd_, &n);
        const std::size_t count = std::min(ports.size(), m_.pending.size());
        std::copy_n(m_.pending.begin(), count, ports.begin());
        m_.pending.erase(m_.pending.begin(), m_.pending.begin() + static_cast<std::ptrdiff_t>(count));
        return count;
    }
    int event_fd() const override { return fd_; }
    Status status(Domid domid) override {
        const auto it = m_.domains.find(domid);
        return it == m_.domains.end() ? Status{true, false, false} : it->second->status;
    }

  private:
    struct Page final : RingPage {
        explicit Page(xenstore_domain_interface& p) : page(p) {}
        xenstore_domain_interface& interface() override { return page; }
        xenstore_domain_interface& page;
    };
    std::unique_ptr<RingPage> page(Domid domid, int& error) {
        const auto it = m_.domains.find(domid);
        if (it != m_.domains.end()) return std::make_unique<Page>(it->second->page);
        error = EINVAL;
        return nullptr;
    }

    FakeMachine& m_;
    int fd_;
};

} // namespace hospes::xs::test
