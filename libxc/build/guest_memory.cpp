// SPDX-License-Identifier: MIT
#include "build/guest_memory.hpp"

#include <algorithm>
#include <cerrno>

namespace hospes::xc {
namespace {

constexpr unsigned superpage_order = 9;
constexpr std::size_t batch_extents = 4096;
constexpr std::uint64_t map_window = 4096; // frames mapped at a time: 16 MiB

} // namespace

/// Populates as many of `starts` as the host has in one piece; those that it has not stay in
/// `starts`.
Status GuestMemory::populate_order(std::vector<xen_pfn_t>& starts, unsigned order, bool translated) {
    std::vector<xen_pfn_t> batch;
    std::size_t done = 0;
    while (done < starts.size()) {
        const std::size_t count = std::min(batch_extents, starts.size() - done);
        batch.assign(starts.begin() + static_cast<std::ptrdiff_t>(done),
                     starts.begin() + static_cast<std::ptrdiff_t>(done + count));
        const std::size_t got = HOSPES_TRY(control_.populate(domain_, batch, order));
        if (!translated)
            for (std::size_t i = 0; i < got; ++i)
                for (xen_pfn_t page = 0; page < (xen_pfn_t{1} << order); ++page)
                    p2m_[starts[done + i] + page] = batch[i] + page;
        done += got;
        if (got < count) break;
    }
    starts.erase(starts.begin(), starts.begin() + static_cast<std::ptrdiff_t>(done));
    return {};
}

Status GuestMemory::populate(std::uint64_t first, std::uint64_t pages, bool translated) {
    if (!translated) p2m_.resize(std::max<std::size_t>(p2m_.size(), first + pages), ~xen_pfn_t{0});
    constexpr std::uint64_t per_extent = 1U << superpage_order;
    std::vector<xen_pfn_t> large, small;
    std::uint64_t at = first;
    const std::uint64_t end = first + pages;
    while (at < end) {
        if (at % per_extent == 0 && end - at >= per_extent) {
            large.push_back(at);
            at += per_extent;
        } else {
            small.push_back(at++);
        }
    }
    HOSPES_TRY(populate_order(large, superpage_order, translated));
    for (const xen_pfn_t start : large) // fragmented host: page by page
        for (std::uint64_t page = 0; page < per_extent; ++page)
            small.push_back(start + page);
    HOSPES_TRY(populate_order(small, 0, translated));
    if (!small.empty())
        return error("allocate memory for domain " + std::to_string(domain_), ENOMEM,
                     std::to_string(small.size()) + " of " + std::to_string(pages) + " pages are missing",
                     "lower memory= or free some: see `xl info` free_memory");
    return {};
}

Result<Mapping> GuestMemory::map(std::uint64_t first_frame, std::uint64_t frames) const {
    std::vector<xen_pfn_t> names(frames);
    for (std::uint64_t i = 0; i < frames; ++i) {
        if (!p2m_.empty() && first_frame + i >= p2m_.size())
            return error("map guest memory", EFAULT, "the guest has too little memory for its image");
        names[i] = mapped_name(first_frame + i);
    }
    return map_frames(control_.transport(), domain_, names, true);
}

Status GuestMemory::write(std::uint64_t address, std::span<const std::uint8_t> data) const {
    while (!data.empty()) {
        const std::uint64_t frame = address >> page_shift, offset = address % page_size;
        const std::size_t bytes = std::min<std::size_t>(data.size(), map_window * page_size - offset);
        const Mapping window = HOSPES_TRY(map(frame, pages_for(offset + bytes)));
        std::memcpy(window.bytes().data() + offset, data.data(), bytes);
        data = data.subspan(bytes);
        address += bytes;
    }
    return {};
}

/// Whole pages are cleared by the hypervisor (PV) without mapping them here.
Status GuestMemory::clear_frames(std::uint64_t first_frame, std::uint64_t frames) const {
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
    const std::vector<std::uint8_t> zero(std::min<std::uint64_t>(bytes, page_size * 16));
    while (bytes) {
        const std::uint64_t whole = address % page_size ? 0 : bytes / page_size;
        if (whole && !p2m_.empty()) {
            if ((address >> page_shift) + whole > p2m_.size())
                return error("clear guest memory", EFAULT, "the guest has too little memory for its image");
            HOSPES_TRY(clear_frames(address >> page_shift, whole));
            address += whole * page_size;
            bytes -= whole * page_size;
            continue;
        }
        const std::uint64_t part = std::min<std::uint64_t>(
            {bytes, zero.size(), address % page_size ? page_size - address % page_size : bytes});
        HOSPES_TRY(write(address, std::span(zero).first(part)));
        address += part;
        bytes -= part;
    }
    return {};
}

} // namespace hospes::xc
