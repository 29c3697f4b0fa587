// SPDX-License-Identifier: MIT
// XS_CONTROL: what the C daemon's xenstore-control knows, as far as it concerns the store itself.
#include <charconv>

#include "engine/engine.hpp"

namespace hospes::xs {

int Engine::op_control(Request& r) {
    std::vector<std::string_view> words;
    Strings s(r.payload);
    while (const auto w = s.next())
        words.push_back(*w);
    if (words.empty()) return EINVAL;
    const ControlReply answer = run_control(r, words);
    if (answer.pending) return 0;
    if (answer.error) return answer.error;
    answer_control(r.conn, r.header, answer);
    return 0;
}

void Engine::answer_control(Connection& conn, const Header& header, const ControlReply& answer) {
    if (answer.error) return fail(conn, header, answer.error);
    std::string text = answer.text.substr(0, payload_max - 1);
    text += '\0';
    conn.out.message(XS_CONTROL, header.req_id, header.tx_id, std::string_view(text));
    touch(conn);
}

ControlReply Engine::run_control(Request& r, const std::vector<std::string_view>& words) {
    const std::string_view command = words[0];
    if (command == "help") {
        std::string text = "check\nhelp\nmemreport\nquota [set <name> <value>|<domid>|max [-r]]\n"
                           "quota-soft [set <name> <value>]\n";
        return {0, text + host_.control_help()};
    }
    if (command == "check") {
        if (words.size() != 1) return {EINVAL};
        return {0, check_report()};
    }
    if (command == "memreport" && words.size() == 1) return {0, memory_report()};
    if (command == "quota") return control_quota(words);
    if (command == "quota-soft") return control_soft_quota(words);
    return host_.control(r.conn, r.header, words);
}

static void line(std::string& out, std::string_view name, std::uint64_t value, std::string_view note = {}) {
    out += name;
    out.append(name.size() < 20 ? 20 - name.size() : 1, ' ');
    out += std::to_string(value);
    if (!note.empty()) {
        out += "  ";
        out += note;
    }
    out += '\n';
}

/// "set NAME VALUE" after the command's own word.
static int set_quota(Quotas& quotas, const QuotaName* q, std::string_view text) {
    std::uint32_t value = 0;
    const char* end = text.data() + text.size();
    if (!q || text.empty() || std::from_chars(text.data(), end, value).ptr != end) return EINVAL;
    quotas.*q->member = value;
    return 0;
}

ControlReply Engine::control_soft_quota(const std::vector<std::string_view>& words) {
    if (words.size() == 4 && words[1] == "set")
        return {set_quota(quotas, find_quota(soft_quota_names, words[2]), words[3])};
    if (words.size() != 1) return {EINVAL};
    std::string text;
    for (const QuotaName& q : soft_quota_names)
        line(text, q.name, quotas.*q.member, q.help);
    return {0, text};
}

ControlReply Engine::control_quota(const std::vector<std::string_view>& words) {
    std::string text;
    if (words.size() == 1) {
        for (const QuotaName& q : quota_names)
            line(text, q.name, quotas.*q.member, q.help);
        return {0, text};
    }
    if (words[1] == "set" && words.size() == 4) return {set_quota(quotas, find_quota(words[2]), words[3])};
    if (words[1] == "max") {
        const bool clear = words.size() == 3 && words[2] == "-r";
        if (words.size() > 2 && !clear) return {EINVAL};
        line(text, "nodes", quota_peak.nodes);
        line(text, "watches", quota_peak.watches);
        line(text, "transactions", quota_peak.transactions);
        if (clear) quota_peak = Quotas{0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
        return {0, text};
    }
    Domid domid = 0;
    const char* end = words[1].data() + words[1].size();
    if (words.size() != 2 || words[1].empty() || std::from_chars(words[1].data(), end, domid).ptr != end)
        return {EINVAL};
    const Domain* d = find_domain(domid);
    if (!d) return {ENOENT};
    line(text, "nodes", static_cast<std::uint64_t>(d->nodes));
    line(text, "watches", d->watches);
    line(text, "transactions", d->transactions);
    line(text, "outstanding", d->conn && !d->conn->out.empty());
    line(text, "memory", memory_of(*d));
    return {0, text};
}

std::string Engine::memory_report() const {
    std::uint64_t nodes = 0;
    std::uint64_t bytes = 0;
    for (const auto& [id, d] : domains_) {
        nodes += static_cast<std::uint64_t>(d.nodes);
        bytes += memory_of(d);
    }
    std::string text;
    line(text, "nodes", nodes);
    line(text, "accounted-bytes", bytes);
    line(text, "permission-lists", perms_.size());
    line(text, "watches", watches_.size());
    line(text, "connections", connections_.size());
    std::uint64_t transactions = 0;
    std::uint64_t pending = 0;
    for (const auto& c : connections_) {
        transactions += c->transactions.size();
        pending += c->out.size();
    }
    line(text, "transactions", transactions);
    line(text, "pending-output", pending);
    return text;
}

std::string Engine::check_report() const {
    // Counts the whole tree again and compares with the running accounts.
    std::unordered_map<Domid, std::int64_t> counted;
    for (Walk walk(tree_); const Node* n = walk.next();)
        ++counted[n->perms->owner()];
    --counted[0]; // the root belongs to nobody's account
    for (const auto& [id, d] : domains_)
        counted[id] -= d.nodes;
    std::string text;
    for (const auto& [id, excess] : counted)
        if (excess != 0) text += "node account of domain " + std::to_string(id) + " is wrong\n";
    return text.empty() ? "OK" : text;
}

} // namespace hospes::xs
