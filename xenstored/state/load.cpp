// SPDX-License-Identifier: MIT
#include "state/engine_state.hpp"
#include "store/path.hpp"

namespace hospes::xs::state {
namespace {

class Loader {
  public:
    Loader(Engine& engine, TransportLoader* transport) : engine_(engine), transport_(transport) {}

    bool one(Reader& in) {
        const Record type = in.type();
        // They follow their transaction at once; any other record may end it.
        if (type != Record::Depends && type != Record::Change) tx_ = nullptr;
        switch (type) {
        case Record::Node:
        case Record::NextNode: return node(type, in);
        case Record::Removed: return removed(in);
        case Record::Special: return special(in);
        case Record::Watch:
        case Record::Unwatch:
        case Record::ResetWatches: return watch(type, in);
        case Record::Introduced:
        case Record::Released:
        case Record::Target:
        case Record::ShutDown: return domain(type, in);
        case Record::Generation: // opens a dump, which says everything
            engine_.load_empty(in.number());
            return true;
        case Record::Transaction:
        case Record::Depends:
        case Record::Change: return transaction(type, in);
        case Record::Quota: return quota(in);
        default: return transport_ && transport_->load(type, in);
        }
    }

  private:
    bool perms(Reader& in, PermRef& out) {
        std::vector<Perm> entries = in.perms();
        if (in.bad() || entries.empty()) return false;
        out = engine_.perm_table().intern(std::move(entries));
        return true;
    }

    bool node(Record type, Reader& in) {
        if (type == Record::NextNode) {
            const std::uint64_t shared = in.number();
            if (shared > path_.size()) return false;
            path_.resize(shared);
            path_ += in.text();
        } else {
            path_ = in.text();
        }
        const std::string_view value = in.text();
        PermRef p;
        if (!perms(in, p) || value.size() > payload_max || !valid_path(path_, Special::No)) return false;
        engine_.load_node(path_, value, std::move(p));
        return true;
    }

    bool removed(Reader& in) {
        const std::string_view path = in.text();
        if (in.bad() || !valid_path(path, Special::No)) return false;
        engine_.load_removed(path);
        return true;
    }

    bool special(Reader& in) {
        const std::string_view path = in.text();
        PermRef p;
        if (!perms(in, p)) return false;
        engine_.load_special(path, std::move(p));
        return true;
    }

    bool watch(Record type, Reader& in) {
        Connection* c = engine_.domain_connection(in.domid());
        if (type == Record::ResetWatches) {
            if (c && !in.bad()) engine_.reset(*c);
            return !in.bad();
        }
        const std::string_view path = in.text();
        const std::string_view token = in.text();
        const std::uint32_t depth = type == Record::Watch ? in.number32() : 0;
        if (in.bad() || !c) return false;
        if (type == Record::Watch) return engine_.load_watch(*c, path, token, depth) != nullptr;
        return engine_.load_unwatch(*c, path, token);
    }

    bool domain(Record type, Reader& in) {
        const Domid id = in.domid();
        const std::uint64_t second = type == Record::Introduced || type == Record::Target ? in.number() : 0;
        const std::uint32_t port = type == Record::Introduced ? in.number32() : 0;
        if (in.bad()) return false;
        switch (type) {
        case Record::Introduced: engine_.adopt_domain(id, second, port); return true;
        case Record::Released:
            if (id == 0) return false; // the control domain never goes
            engine_.load_released(id);
            return true;
        case Record::ShutDown: return engine_.load_shut_down(id);
        default: break;
        }
        Connection* c = engine_.domain_connection(id);
        if (!c || second == 0 || second >= domid_first_reserved) return false;
        c->target = static_cast<Domid>(second);
        return true;
    }

    bool transaction(Record type, Reader& in) {
        if (type == Record::Transaction) {
            const std::uint64_t ring = in.number();
            const std::uint32_t id = in.number32();
            const std::uint32_t tx = in.number32();
            const bool doomed = in.number() != 0;
            Connection* c = nullptr;
            if (ring)
                c = engine_.domain_connection(static_cast<Domid>(ring - 1));
            else
                for (const auto& other : engine_.connections())
                    if (!other->ring && other->id == id) c = other.get();
            if (in.bad() || !c) return false;
            tx_ = &engine_.load_transaction(*c, tx);
            tx_->doomed = doomed;
            return true;
        }
        if (!tx_) return false;
        if (type == Record::Depends) {
            const std::string_view path = in.text();
            const std::uint64_t aspects = in.number();
            if (!in.bad()) tx_->reads.add(path, static_cast<std::uint8_t>(aspects));
            return !in.bad();
        }
        const std::uint64_t kind = in.number();
        const std::string_view path = in.text();
        const std::string_view value = in.text();
        std::vector<Perm> entries = in.perms();
        if (in.bad() || kind > static_cast<unsigned>(ChangeKind::SetPerms) || !valid_path(path, Special::No))
            return false;
        if (static_cast<ChangeKind>(kind) == ChangeKind::Remove && path == "/") return false; // no request does that
        PermRef p;
        if (!entries.empty()) p = engine_.perm_table().intern(std::move(entries));
        if (!p && static_cast<ChangeKind>(kind) == ChangeKind::SetPerms) return false;
        engine_.load_change(*tx_, {static_cast<ChangeKind>(kind), std::string(path), std::string(value), std::move(p)});
        return true;
    }

    bool quota(Reader& in) {
        const QuotaName* q = find_quota(in.text());
        const std::uint32_t value = in.number32();
        if (in.bad()) return false;
        if (q) engine_.quotas.*q->member = value; // a quota that we no longer have is no loss
        return true;
    }

    Engine& engine_;
    TransportLoader* transport_;
    std::string path_;
    Transaction* tx_ = nullptr;
};

} // namespace

bool load(Engine& engine, std::string_view bytes, TransportLoader* transport) {
    Reader in(bytes);
    Loader loader(engine, transport);
    while (!in.at_end())
        if (!loader.one(in) || in.bad()) return false;
    return true;
}

} // namespace hospes::xs::state
