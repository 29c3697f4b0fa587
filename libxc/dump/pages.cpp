// SPDX-License-Identifier: MIT
#include "dump/pages.hpp"

#include <algorithm>
#include <cerrno>

#include <sys/mman.h>

namespace hospes::xc {
namespace {

constexpr std::uint64_t per_page = page_size / sizeof(std::uint64_t);
constexpr std::uint64_t four_gib = 1ULL << (32 - page_shift);
constexpr std::uint64_t machine_limit = 1ULL << 40; // frames that a 52-bit address can name

/// How far a domain's frame numbers can honestly reach: its memory, the holes below 4 GiB, and the same again for
/// what it has ballooned out.
std::uint64_t frame_bound(const DomainInfo& info) {
    return four_gib + 2 * std::max<std::uint64_t>(info.tot_pages, info.max_pages);
}

/// The pages of the list that `names` are, one after the other; a page that cannot be mapped is absent.
template <typename Action>
Status each_list_page(Control& control, DomId domain, std::span<const std::uint64_t> names, Action&& action) {
    constexpr std::size_t batch = 512;
    for (std::size_t done = 0; done < names.size();) {
        const std::size_t count = std::min(batch, names.size() - done);
        const std::vector<xen_pfn_t> frames(names.begin() + static_cast<std::ptrdiff_t>(done),
                                            names.begin() + static_cast<std::ptrdiff_t>(done + count));
        std::vector<int> errors(count);
        void* const memory = control.transport().map_foreign(domain, PROT_READ, frames, errors);
        if (!memory) return error("read the memory list of domain " + std::to_string(domain), errno);
        const Mapping mapping(control.transport(), memory, count);
        for (std::size_t i = 0; i < count; ++i)
            if (!errors[i]) action(done + i, std::span(mapping.as<const std::uint64_t>(i), per_page));
        done += count;
    }
    return {};
}

} // namespace

Result<std::vector<DumpFrame>> pv_frames(Control& control, const DomainInfo& info, const shared_info_t& shared) {
    const std::uint64_t root = shared.arch.pfn_to_mfn_frame_list_list;
    const std::uint64_t count =
        std::min<std::uint64_t>({shared.arch.max_pfn, frame_bound(info), per_page * per_page * per_page});
    if (root == 0 || root >= machine_limit || count == 0)
        return error("read the memory list of domain " + std::to_string(info.domain), ENODATA,
                     "the guest has not published it", "it does so early in its boot: try again later");
    const std::uint64_t list_pages = (count + per_page - 1) / per_page;
    std::vector<std::uint64_t> upper((list_pages + per_page - 1) / per_page), lists(list_pages);
    const auto copy = [](std::vector<std::uint64_t>& to, std::size_t page, std::span<const std::uint64_t> from) {
        const std::size_t at = page * per_page;
        std::copy_n(from.begin(), std::min(per_page, to.size() - at), to.begin() + static_cast<std::ptrdiff_t>(at));
    };
    HOSPES_TRY(each_list_page(control, info.domain, {&root, 1},
                              [&](std::size_t page, auto words) { copy(upper, page, words); }));
    HOSPES_TRY(
        each_list_page(control, info.domain, upper, [&](std::size_t page, auto words) { copy(lists, page, words); }));
    std::vector<DumpFrame> out;
    out.reserve(info.tot_pages);
    const auto take = [&](std::size_t page, std::span<const std::uint64_t> words) {
        for (std::uint64_t i = 0; i < per_page && page * per_page + i < count; ++i)
            // Frames of others and identity mapped holes carry marks in the topmost bits.
            if (const std::uint64_t machine = words[i]; machine < machine_limit && out.size() < info.tot_pages)
                out.push_back({page * per_page + i, machine});
    };
    HOSPES_TRY(each_list_page(control, info.domain, lists, take));
    return out;
}

Result<std::vector<std::pair<xen_pfn_t, xen_pfn_t>>> translated_ranges(Control& control, const DomainInfo& info) {
    const xen_pfn_t last = HOSPES_TRY(control.maximum_frame(info.domain));
    const xen_pfn_t end = std::min<xen_pfn_t>(last + 1, frame_bound(info));
    // What toolstacks place in the hole below 4 GiB comes first. With that and the memory from 0 on a domain is
    // mostly complete, and the rest of the hole, where each frame would fail by itself, is never tried.
    constexpr xen_pfn_t tables = 0xfc000, tables_end = tables + 0x40, special = 0xfef00, special_end = 0xff000;
    std::vector<std::pair<xen_pfn_t, xen_pfn_t>> out{
        {tables, tables_end}, {special, special_end}, {0, tables}, {tables_end, special}, {special_end, end}};
    for (auto& [first, stop] : out)
        stop = std::min(stop, end);
    std::erase_if(out, [](const auto& range) { return range.first >= range.second; });
    return out;
}

} // namespace hospes::xc
