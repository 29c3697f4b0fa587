// SPDX-License-Identifier: MIT
// libFuzzer entry over everything of xenstored that parses foreign bytes: requests of guests and of
// the control domain, a guest's ring, and the records of a state file. The first byte chooses.
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "engine/engine.hpp"
#include "net/ring.hpp"
#include "state/engine_state.hpp"

using namespace hospes::xs;

namespace {

struct Nowhere : Host {
    int introduce(Domid, std::uint64_t, std::uint32_t) override { return 0; }
    void release(Domid) override {}
    void warn(const std::string&) override {}
    ControlReply control(Connection&, const Header&, const std::vector<std::string_view>&) override { return {EINVAL}; }
};

void demand(bool holds) {
    if (!holds) std::abort();
}

/// The running accounts must equal a recount, whatever happened.
void check_accounts(Engine& engine, Connection& control) {
    const std::string word("check\0", 6);
    control.out.clear();
    engine.handle(control, {XS_CONTROL, 1, 0, 6}, word);
    demand(control.out.bytes().substr(sizeof(Header)) == std::string_view("OK", 3));
}

/// Input: repeated (client, type, transaction, length, payload).
void requests(std::string_view in) {
    Nowhere host;
    Engine engine(host);
    Connection& control = engine.connect_socket();
    engine.adopt_domain(1, 1, 1);
    engine.adopt_domain(2, 1, 1);
    engine.load_node("/local/domain/1", "", engine.perm_table().intern({{1, Access::None}}));
    engine.load_node("/local/domain/2", "", engine.perm_table().intern({{2, Access::Both}}));
    std::uint64_t now = 0;
    while (in.size() >= 4) {
        const auto who = static_cast<unsigned char>(in[0]) % 3U;
        Connection* c = who == 0 ? &control : engine.domain_connection(static_cast<Domid>(who));
        const auto type = static_cast<unsigned char>(in[1]) % (XS_TYPE_COUNT + 1U);
        const auto tx = static_cast<unsigned char>(in[2]) % 8U;
        const std::size_t len = std::min<std::size_t>(static_cast<unsigned char>(in[3]), in.size() - 4);
        const std::string_view payload = in.substr(4, len);
        in.remove_prefix(4 + len);
        engine.set_now(now += 50);
        if (!c) continue;
        const std::uint64_t before = c->out.queued();
        const Header h{type, 7, tx, static_cast<std::uint32_t>(len)};
        const Outcome o = engine.handle(*c, h, payload);
        demand((o == Outcome::Done) == (c->out.queued() > before));
        engine.resumable();
    }
    check_accounts(engine, control);
}

/// Input: what a guest might have left in its ring page, indices included.
void ring(std::string_view in) {
    auto page = std::make_unique<xenstore_domain_interface>();
    auto slot = std::make_unique<Slot>();
    Ring r(*page, *slot, 1);
    while (!in.empty()) {
        const std::size_t n = std::min<std::size_t>(in.size(), sizeof *page);
        std::memcpy(static_cast<void*>(page.get()), in.data(), n);
        in.remove_prefix(n);
        for (int i = 0; i < 20 && r.room() && r.fetch(); ++i) {
            demand(r.payload().size() <= payload_max);
            const std::string reply(sizeof(Header), '\0');
            r.prepare(0, reply);
            r.finish();
        }
        r.push();
        Slot copy = *slot; // a crash at this point
        Ring again = Ring::resume(*page, copy, 0);
        again.fetch();
        again.push();
        if (r.wants_reconnect()) r.reconnect();
    }
}

void records(std::string_view in) {
    Nowhere host;
    Engine engine(host);
    Connection& control = engine.connect_socket();
    state::load(engine, in, nullptr);
    check_accounts(engine, control);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view in(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 3) {
    case 0: requests(in); break;
    case 1: ring(in); break;
    default: records(in); break;
    }
    return 0;
}
