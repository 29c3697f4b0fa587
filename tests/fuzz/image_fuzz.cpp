// SPDX-License-Identifier: MIT
// libFuzzer entry over all that reads a kernel image: containers, decompression, ELF headers, notes and
// segments, and the layouts that follow from them. The first byte chooses how the rest is wrapped, so that
// the fuzzer gets past checksums of the outer format.
#include "build/decompress.hpp"
#include "build/pv_layout.hpp"
#include "build/pvh_layout.hpp"
#include "xc/build.hpp"
#include "xc/image.hpp"

#include <cstdlib>

using namespace hospes::xc;

namespace {

constexpr std::size_t expand_limit = 8U << 20; // enough for every branch, little enough for speed

void demand(bool holds) {
    if (!holds) std::abort();
}

/// What everybody relies on after parse() said yes.
void use(const KernelImage& image) {
    for (const Segment& segment : image.segments()) {
        const auto bytes = image.content(segment).all();
        demand(bytes && bytes->size() == segment.file_size && segment.file_size <= segment.memory_size);
        demand(segment.physical >= image.physical_start());
        demand(segment.physical + segment.memory_size <= image.physical_end());
    }
    GuestPlan plan;
    plan.pages = 1U << 16;
    plan.ramdisk = Content(std::vector<std::uint8_t>(5000));
    plan.command_line = "console=hvc0";
    if (image.supports_pvh())
        if (const auto layout = plan_pvh(image, plan, page_size)) {
            demand(layout->end <= plan.pages << page_shift);
            demand(pvh_start_info(plan, *layout, pvh_acpi_address).size() == layout->info_size);
        }
    if (const auto layout = plan_pv(image, plan)) demand(layout->end <= plan.pages && layout->mapped_end <= plan.pages);
}

void parse(std::vector<std::uint8_t> file) {
    if (const auto image = KernelImage::parse(std::move(file), "fuzz", expand_limit)) use(*image);
}

/// As the payload of a bzImage of protocol 2.13.
void wrapped(std::span<const std::uint8_t> payload) {
    std::vector<std::uint8_t> file(5 * 512);
    file[0x1f1] = 4;
    std::memcpy(&file[0x202], "HdrS", 4);
    file[0x206] = 0x0d;
    file[0x207] = 0x02;
    const auto length = static_cast<std::uint32_t>(payload.size());
    std::memcpy(&file[0x24c], &length, sizeof(length));
    file.insert(file.end(), payload.begin(), payload.end());
    parse(std::move(file));
}

/// A stream of a given method, whatever its magic says.
void expand(std::span<const std::uint8_t> data, Compression method) {
    if (const auto out = decompress(data, method, expand_limit)) demand(out->size() <= expand_limit);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::span<const std::uint8_t> rest(data + 1, size - 1);
    const unsigned choice = data[0] % 10;
    if (choice == 0)
        parse({rest.begin(), rest.end()});
    else if (choice == 1)
        wrapped(rest);
    else
        expand(rest, static_cast<Compression>(choice - 2));
    return 0;
}
