// SPDX-License-Identifier: MIT
#include "build/guest_memory.hpp"

#include <algorithm>
#include <cerrno>

namespace hospes::xc {
namespace {

// Extents of 1 GiB, 2 MiB and 4 KiB: the sizes that nested page tables know.
constexpr unsigned orders[] = {18, 9, 0};
constexpr std::size_t batch_extents = 4096;
constexpr std::uint64_t map_window = 4096;               // frames mapped at a time: 16 MiB
constexpr std::uint64_t lingering_bytes = 4 * page_size; // what is less is not worth it

constexpr std::uint64_t pages_of(unsigned order) { return std::uint64_t{1} << order; }

} // namespace

/// Populates as many of `starts` as the host has in one piece; those that it has not stay in
/// `starts`.
Status GuestMemory::populate_order(std::vector<xen_pfn_t>& starts, unsigned order, unsigned flags) {
    std::vector<xen_pfn_t> batch;
    std::size_t done = 0;
    while (done < starts.size()) {
        const std::size_t count = std::min(batch_extents, starts.size() - done);
        batch.assign(starts.begin() + static_cast<std::ptrdiff_t>(done),
                     starts.begin() + static_cast<std::ptrdiff_t>(done + count));
        const std::size_t got = HOSPES_TRY(control_.populate(domain_, batch, order, flags));
        if (!translated_)
            for (std::size_t i = 0; i < got; ++i)
                for (xen_pfn_t page = 0; page < pages_of(order); ++page)
                    p2m_[starts[done + i] + page] = batch[i] + page;
        done += got;
        if (got < count) break;
    }
    starts.erase(starts.begin(), starts.begin() + static_cast<std::ptrdiff_t>(done));
    return {};
}

/// What the host has not in one piece is tried again in smaller ones.
Status GuestMemory::populate_by_size(std::vector<xen_pfn_t> (&starts)[3], unsigned flags) {
    for (std::size_t size = 0; size < std::size(orders); ++size) {
        HOSPES_TRY(populate_order(starts[size], orders[size], flags));
        if (size + 1 == std::size(orders)) break;
        for (const xen_pfn_t start : starts[size])
            for (xen_pfn_t page = 0; page < pages_of(orders[size]); page += pages_of(orders[size + 1]))
                starts[size + 1].push_back(start + page);
    }
    if (const std::size_t missing = starts[2].size())
        return error("allocate memory for domain " + std::to_string(domain_), ENOMEM,
                     std::to_string(missing) + " pages (" + std::to_string((missing + 255) >> 8) + " MiB) are missing",
                     "lower memory= or free some: see `xl info` free_memory");
    return {};
}

Status GuestMemory::populate(std::uint64_t first, std::uint64_t pages, unsigned flags) {
    if (!translated_) p2m_.resize(std::max<std::size_t>(p2m_.size(), first + pages), ~xen_pfn_t{0});
    // Entries of populate-on-demand are split by the hypervisor anyway: no gain from larger ones.
    const std::size_t largest = flags & XENMEMF_populate_on_demand ? 1 : 0;
    std::vector<xen_pfn_t> starts[3];
    const std::uint64_t end = first + pages;
    for (std::uint64_t at = first; at < end;) {
        std::size_t size = largest;
        while (size + 1 < std::size(orders) && (at % pages_of(orders[size]) || end - at < pages_of(orders[size])))
            ++size;
        starts[size].push_back(at);
        at += pages_of(orders[size]);
    }
    return populate_by_size(starts, flags);
}

Status GuestMemory::populate(std::vector<xen_pfn_t> frames) {
    std::vector<xen_pfn_t> starts[3];
    starts[2] = std::move(frames);
    return populate_by_size(starts, 0);
}

Result<Mapping> GuestMemory::map(std::uint64_t first_frame, std::uint64_t frames) const {
    if (!translated_ && (first_frame > p2m_.size() || frames > p2m_.size() - first_frame))
        return error("map guest memory", EFAULT, "the guest has too little memory for its image");
    std::vector<xen_pfn_t> names(frames);
    for (std::uint64_t i = 0; i < frames; ++i)
        names[i] = translated_ ? first_frame + i : p2m_[first_frame + i];
    return map_frames(control_.transport(), domain_, names, true);
}

/// Calls action(memory, offset from `address`, bytes) for pieces that are mapped one after the other.
template <typename Action>
Status GuestMemory::each_window(std::uint64_t address, std::uint64_t bytes, Pages kind, Action&& action) const {
    const bool lingers = control_.transport().mappings_linger && kind == Pages::data && bytes >= lingering_bytes;
    for (std::uint64_t done = 0; done < bytes;) {
        const std::uint64_t frame = (address + done) >> page_shift, offset = (address + done) % page_size;
        const std::uint64_t part = std::min(bytes - done, map_window * page_size - offset);
        Mapping window = HOSPES_TRY(map(frame, pages_for(offset + part)));
        HOSPES_TRY(action(window.bytes().data() + offset, done, part));
        if (lingers) window.abandon();
        done += part;
    }
    return {};
}

Status GuestMemory::write(std::uint64_t address, std::span<const std::uint8_t> data, Pages kind) const {
    return each_window(address, data.size(), kind,
                       [data](std::uint8_t* to, std::uint64_t at, std::uint64_t bytes) -> Status {
                           std::memcpy(to, data.data() + at, bytes);
                           return {};
                       });
}

Status GuestMemory::write(std::uint64_t address, const Content& data) const {
    for (std::uint64_t at = 0; at < data.size();) {
        const auto [begin, end] = data.data_from(at);
        HOSPES_TRY(clear(address + at, begin - at));
        HOSPES_TRY(each_window(address + begin, end - begin, Pages::data,
                               [&, from = begin](std::uint8_t* to, std::uint64_t done, std::uint64_t bytes) {
                                   return data.read(from + done, {to, bytes});
                               }));
        at = end;
    }
    return {};
}

/// Whole pages of a PV guest are cleared by the hypervisor without mapping them here; Xen refuses it for others.
Status GuestMemory::clear_frames(std::uint64_t first_frame, std::uint64_t frames) const {
    if (first_frame > p2m_.size() || frames > p2m_.size() - first_frame)
        return error("clear guest memory", EFAULT, "the guest has too little memory for its image");
    constexpr std::size_t batch = 512;
    Buffer<mmuext_op_t> ops(control_.transport(), batch);
    if (!ops) return error("clear guest memory", ENOMEM);
    while (frames) {
        const std::uint64_t count = std::min<std::uint64_t>(frames, batch);
        for (std::uint64_t i = 0; i < count; ++i) {
            ops[i] = {};
            ops[i].cmd = MMUEXT_CLEAR_PAGE;
            ops[i].arg1.mfn = p2m_[first_frame + i];
        }
        const long result = control_.transport().hypercall(
            __HYPERVISOR_mmuext_op, {reinterpret_cast<std::uint64_t>(ops.data()), count, 0, domain_});
        if (result < 0) return error("clear guest memory", static_cast<int>(-result));
        first_frame += count;
        frames -= count;
    }
    return {};
}

Status GuestMemory::clear(std::uint64_t address, std::uint64_t bytes) const {
    const auto by_hand = [this](std::uint64_t from, std::uint64_t count) {
        return each_window(from, count, Pages::data, [](std::uint8_t* to, std::uint64_t, std::uint64_t part) -> Status {
            std::memset(to, 0, part);
            return {};
        });
    };
    if (translated_) return by_hand(address, bytes);
    const std::uint64_t head = std::min(bytes, (page_size - address % page_size) % page_size);
    const std::uint64_t whole = (bytes - head) / page_size;
    HOSPES_TRY(by_hand(address, head));
    HOSPES_TRY(clear_frames((address + head) >> page_shift, whole));
    return by_hand(address + head + whole * page_size, bytes - head - whole * page_size);
}

Status GuestMemory::load(const KernelImage& kernel, std::uint64_t offset) const {
    for (const Segment& segment : kernel.segments()) {
        const std::uint64_t at = segment.physical - offset;
        HOSPES_TRY(write(at, kernel.content(segment)));
        HOSPES_TRY(clear(at + segment.file_size, segment.memory_size - segment.file_size));
    }
    return {};
}

} // namespace hospes::xc
