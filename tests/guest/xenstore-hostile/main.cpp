// SPDX-License-Identifier: MIT
// A guest that misuses its store ring. It takes all it can get of nodes, watches, transactions and memory; floods the
// daemon from one vCPU while the other one rings its event channel without end, until somebody writes `data/stop`; then
// leaves garbage in the ring. Hypothesis (docs/misc/xenstore-ring.txt, xen/io/xs_wire.h): quotas refuse with the right
// error, a broken ring is reported in its page, a reconnect starts afresh. That nobody else is stalled, the scenario
// sees.
#include "rt/rt.hpp"

#include <xen/io/xs_wire.h> // uses the types that the runtime brings

using namespace rt;

namespace {

volatile xenstore_domain_interface* ring;
u32 next_id = 1;
volatile bool ringing = true;

void notify() {
    evtchn_send_t send = {start->store_evtchn};
    event_op(EVTCHNOP_send, send);
}
void yield() { hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield); }

u32 length(const char* text) {
    u32 n = 0;
    while (text[n])
        ++n;
    return n;
}
bool equal(const char* a, const char* b) {
    while (*a && *a == *b)
        ++a, ++b;
    return *a == *b;
}

/// The message that is coming in; takes what the ring has. True once it is a whole answer (events are dropped).
struct Inbox {
    char bytes[sizeof(xsd_sockmsg) + XENSTORE_PAYLOAD_MAX + 1];
    u32 have = 0;

    const xsd_sockmsg& header() const { return *reinterpret_cast<const xsd_sockmsg*>(bytes); }
    char* payload() { return bytes + sizeof(xsd_sockmsg); }
    bool poll() {
        for (;;) {
            const u32 cons = ring->rsp_cons;
            u32 want = sizeof(xsd_sockmsg);
            if (have >= want) {
                if (header().len > XENSTORE_PAYLOAD_MAX) fail("an answer of impossible size", header().len);
                want += header().len;
                if (have == want) {
                    bytes[have] = 0;
                    have = 0;
                    if (header().type != XS_WATCH_EVENT) return true;
                    continue;
                }
            }
            if (cons == ring->rsp_prod) return false;
            asm volatile("" ::: "memory");
            bytes[have++] = ring->rsp[MASK_XENSTORE_IDX(cons)];
            ring->rsp_cons = cons + 1;
        }
    }
} inbox;

constexpr u32 patience = 20000000; ///< yields before a silent daemon is a failure
u64 answers;                       ///< seen while waiting for room

/// Puts bytes into the ring; while there is no room, answers are read and counted.
bool put(const void* from, u32 n, u32 tries = patience) {
    const char* bytes = static_cast<const char*>(from);
    while (n) {
        const u32 prod = ring->req_prod;
        if (prod - ring->req_cons >= XENSTORE_RING_SIZE) {
            if (tries-- == 0) return false;
            if (tries % 64 == 0) notify();
            while (inbox.poll())
                ++answers;
            yield();
            continue;
        }
        ring->req[MASK_XENSTORE_IDX(prod)] = *bytes++;
        asm volatile("" ::: "memory");
        ring->req_prod = prod + 1;
        --n;
    }
    return true;
}

/// A request: a path and, without a NUL of its own, what follows it.
bool request(u32 type, u32 tx, const char* path, const char* second, u32 tail) {
    const u32 path_bytes = length(path) + 1;
    const xsd_sockmsg header = {type, next_id++, tx, path_bytes + tail};
    if (!put(&header, sizeof header) || !put(path, path_bytes) || !put(second, tail)) return false;
    notify();
    return true;
}

bool answer() {
    for (u32 tries = patience; tries > 0; --tries) {
        if (inbox.poll()) return true;
        if (tries % 64 == 0) notify();
        yield();
    }
    return false;
}

/// "" if it went well, else the name of the error.
const char* call(u32 type, u32 tx, const char* path, const char* second = "", u32 tail = 0) {
    const u32 id = next_id;
    if (!request(type, tx, path, second, tail) || !answer()) return "silence";
    if (inbox.header().req_id != id) fail("an answer to another request", inbox.header().req_id, id);
    return inbox.header().type == XS_ERROR ? inbox.payload() : "";
}
const char* write(const char* path, const char* value, u32 tx = 0) {
    return call(XS_WRITE, tx, path, value, length(value));
}

/// "data/n<number>"
const char* node(u64 number) {
    static char text[40];
    char* at = text + sizeof text - 1;
    *at = 0;
    do
        *--at = static_cast<char>('0' + number % 10);
    while (number /= 10);
    for (const char* head = "n/atad"; *head; ++head)
        *--at = *head;
    return at;
}

/// Repeats until the daemon says no; how often it said yes.
template <typename Act> u64 until_refused(const char* what, const char* error, u64 limit, Act act) {
    for (u64 n = 0; n < limit; ++n) {
        const char* said = act(n);
        if (!*said) continue;
        if (!equal(said, error)) {
            printf("%s: refused with %s\r\n", what, said);
            fail(what);
        }
        printf("%s: %u, then %s\r\n", what, n, error);
        return n;
    }
    fail("no quota stopped it", static_cast<s64>(limit));
}

char big[4000];

void take_everything() {
    if (*write("data/first", "x")) fail("cannot write below data");
    for (char& c : big)
        c = 'b';
    if (!equal(call(XS_WRITE, 0, "data/big", big, 3900), "ENOSPC")) fail("a node of 3900 bytes");
    until_refused("transactions", "ENOSPC", 5000, [](u64) { return call(XS_TRANSACTION_START, 0, ""); });
    until_refused("watches", "E2BIG", 5000, [](u64 n) {
        char token[2] = {static_cast<char>('a' + n % 26), 0};
        return call(XS_WATCH, 0, node(n), token, 2);
    });
    // A transaction that never ends and depends on all that is written below.
    call(XS_DIRECTORY, 1, "data");
    until_refused("nodes", "ENOSPC", 100000, [](u64 n) { return write(node(n), "v"); });
    if (!equal(call(XS_INTRODUCE, 0, "7", "1", 2), "EACCES")) fail("INTRODUCE");
    if (!equal(call(XS_CONTROL, 0, "check"), "EACCES")) fail("CONTROL");
    if (!equal(write("/local/domain/0/taken", "x"), "EACCES")) fail("a node of domain 0");
}

void ring_for_ever() {
    while (ringing)
        notify();
}

/// Writes (each fires a watch) without waiting for the answers; looks for the stop sign now and then.
void flood() {
    constexpr u64 batch = 500;
    for (u64 sent = 0;; sent += batch) {
        answers = 0;
        for (u64 n = 0; n < batch; ++n)
            if (!request(XS_WRITE, 0, node(n % 100), "w", 1))
                fail("the daemon stopped reading", static_cast<s64>(sent));
        while (answers < batch) {
            if (!answer()) fail("the daemon stopped answering", static_cast<s64>(sent));
            ++answers;
        }
        if (sent == 0) printf("FLOODING\r\n");
        if (!*call(XS_READ, 0, "data/stop")) {
            printf("flooded %u\r\n", sent + batch);
            return;
        }
    }
}

/// Fills the ring and reads nothing any more: the daemon must leave it alone.
[[noreturn]] void be_deaf() {
    const char junk[] = "data/deaf";
    const xsd_sockmsg header = {XS_READ, 0, 0, sizeof junk};
    for (u32 still = 0; still < 100000;) {
        if (XENSTORE_RING_SIZE - (ring->req_prod - ring->req_cons) < sizeof header + sizeof junk) {
            ++still;
            notify();
            yield();
            continue;
        }
        still = 0;
        put(&header, sizeof header);
        put(junk, sizeof junk);
    }
    printf("DEAF\r\n");
    for (;;)
        notify();
}

/// Whether the daemon said what it thinks of the ring; it may not know how to.
void expect_error(u32 error) {
    if (!(ring->server_features & XENSTORE_SERVER_FEATURE_ERROR)) return;
    for (u32 tries = patience; ring->error != error && tries > 0; --tries) {
        if (tries % 64 == 0) notify();
        yield();
    }
    if (ring->error != error) fail("the ring's error field", ring->error, error);
}

/// False if the daemon does not offer it.
bool reconnect() {
    if (!(ring->server_features & XENSTORE_SERVER_FEATURE_RECONNECTION)) return false;
    ring->connection = XENSTORE_RECONNECT;
    notify();
    for (u32 tries = patience; ring->connection != XENSTORE_CONNECTED; --tries) {
        if (tries == 0) fail("no answer to a reconnect");
        yield();
    }
    inbox.have = 0;
    if (ring->error != XENSTORE_ERROR_NONE) fail("an error after a reconnect", ring->error);
    if (const char* const said = write("data/first", "again"); *said) {
        printf("refused with %s\r\n", said);
        fail("a write after a reconnect");
    }
    return true;
}

void garbage(u64 rounds) {
    Random random{option("seed", 7)};
    for (u64 round = 0; round < rounds; ++round) {
        switch (round % 4) {
        case 0: // more requests than the ring holds
            ring->req_prod = ring->req_cons + XENSTORE_RING_SIZE + 1 + static_cast<u32>(random.below(1u << 30));
            notify();
            expect_error(XENSTORE_ERROR_RINGIDX);
            break;
        case 1: { // a message that is too long
            const xsd_sockmsg header = {XS_READ, 1, 0, XENSTORE_PAYLOAD_MAX + 1};
            put(&header, sizeof header);
            notify();
            expect_error(XENSTORE_ERROR_PROTO);
            break;
        }
        case 2: // answers read that were never given
            call(XS_READ, 0, "data/first");
            ring->rsp_cons = ring->rsp_prod + 1 + static_cast<u32>(random.below(1u << 30));
            request(XS_READ, 0, "data/first", "", 0);
            expect_error(XENSTORE_ERROR_RINGIDX);
            break;
        default: // noise everywhere, indices included
            for (u32 i = 0; i < XENSTORE_RING_SIZE; ++i)
                ring->req[i] = static_cast<char>(random.next());
            ring->req_prod = static_cast<u32>(random.next());
            ring->req_cons = static_cast<u32>(random.next());
            ring->rsp_prod = static_cast<u32>(random.next());
            ring->rsp_cons = static_cast<u32>(random.next());
            notify();
            yield();
        }
        if (!reconnect()) return;
    }
    printf("%u rounds of garbage\r\n", rounds);
}

} // namespace

void run_test() {
    ring = static_cast<volatile xenstore_domain_interface*>(virt_of(start->store_mfn));
    take_everything();
    start_secondary(ring_for_ever);
    flood();
    if (option("deaf", 0)) be_deaf();
    ringing = false;
    garbage(option("rounds", 200));
}
