// SPDX-License-Identifier: MIT
// State that survives kill -9: a journal in a shared file mapping (on /run, so in memory). Writing
// is a memcpy; what the mapping holds outlives the process at no further cost. Layout: FileHeader,
// a dump of the state, then one batch of records per commit. When the batches outgrow the dump a new
// file is written, piece by piece beside the old one, which counts until the new one is renamed over it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/engine.hpp"
#include "engine/journal.hpp"
#include "state/records.hpp"

namespace hospes::xs::state {

struct FileHeader {
    char magic[8];
    std::uint32_t version;
    std::uint32_t reserved;
    char boot_id[40];        ///< another boot's state is not ours
    std::uint64_t committed; ///< bytes behind the header that count
    std::uint64_t base;      ///< position at which this file starts, so that `base + committed` only ever grows
};

/// Room in a file that is going to be mapped: a full file system must be an error here, not a SIGBUS later. An errno
/// value.
int allocate(int fd, std::size_t at, std::size_t bytes);

/// The running kernel's boot id.
std::string boot_id();

class StateFile final : public Journal {
  public:
    explicit StateFile(std::string path);
    StateFile(const StateFile&) = delete;
    StateFile& operator=(const StateFile&) = delete;
    ~StateFile() override;

    /// What an earlier run of this boot left: loads it into `engine` and gives the position it ends
    /// at. False if there is nothing to go on with; `why` then says what was wrong, or is empty.
    bool recover(Engine& engine, std::uint64_t& position, std::string& why);
    /// Writes the present state as a new file and makes it the journal. An errno value, upon which there is none.
    int checkpoint(const Engine& engine);
    /// Whether a rewrite would pay.
    bool grown() const { return map_ && !next_ && used_ > 4 * dumped_ + (std::size_t{4} << 20); }
    /// The same as checkpoint() in pieces: everything is committed when it starts; step() until it is not rewriting()
    /// any more, with commits in between. An errno value, upon which the old file goes on.
    void rewrite(const Engine& engine);
    bool rewriting() const { return next_ != nullptr; }
    int step(std::size_t bytes);

    /// Where the journal will end after the next commit().
    std::uint64_t next_position() const { return base_ + used_ + batch_.bytes.size(); }
    /// Makes what was recorded since the last commit count. False once if the file could not grow:
    /// the journal has ended then, and the file is gone, so that no half state is ever recovered.
    bool commit();
    void remove();

    // Journal
    void node(std::string_view path, std::string_view value, const PermSet& perms) override;
    void removed(std::string_view path) override;
    void special_perms(std::string_view path, const PermSet& perms) override;
    void watch(Domid domid, std::string_view client_path, std::string_view token, std::uint32_t depth) override;
    void unwatch(Domid domid, std::string_view client_path, std::string_view token) override;
    void reset_watches(Domid domid) override;
    void introduced(Domid domid, std::uint64_t gfn, std::uint32_t port) override;
    void released(Domid domid) override;
    void target(Domid domid, Domid target) override;

  private:
    struct Rewrite;
    int take_over();
    void domain_record(Record type, Domid domid);
    FileHeader& header() const { return *reinterpret_cast<FileHeader*>(map_); }
    int grow_to(std::size_t bytes);
    void close_map();

    std::string path_;
    Writer batch_;
    char* map_ = nullptr;
    std::size_t size_ = 0;
    std::size_t used_ = 0;   ///< bytes behind the header
    std::size_t dumped_ = 0; ///< of these, the dump
    int fd_ = -1;
    std::uint64_t base_ = 0;
    std::unique_ptr<Rewrite> next_;
};

} // namespace hospes::xs::state
