// SPDX-License-Identifier: MIT
#include "libxl/xml/import.hpp"

#include <cctype>

#include "libxl/device/spec_text.hpp"
#include "libxl/types/cpu_list.hpp"
#include "libxl/xml/domain_xml.hpp"

namespace hospes::xl {
namespace xml {

template <typename T> Result<T> number(const Element& element, std::string_view text) {
    const auto value = to_number<T>(text);
    if (!value) return element.wrong("'" + std::string(text) + "' is not a number in range");
    return *value;
}
template Result<int> number(const Element&, std::string_view);
template Result<std::uint32_t> number(const Element&, std::string_view);
template Result<std::uint8_t> number(const Element&, std::string_view);
template Result<std::uint64_t> number(const Element&, std::string_view);

template <typename T> Result<T> number_attribute(const Element& element, const char* name, T otherwise) {
    const auto text = element.attribute(name);
    if (!text) return otherwise;
    return number<T>(element, *text);
}
template Result<int> number_attribute(const Element&, const char*, int);
template Result<std::uint32_t> number_attribute(const Element&, const char*, std::uint32_t);
template Result<std::uint8_t> number_attribute(const Element&, const char*, std::uint8_t);
template Result<std::uint64_t> number_attribute(const Element&, const char*, std::uint64_t);

Result<std::uint64_t> kib(const Element& element, std::string_view otherwise) {
    const std::uint64_t value = HOSPES_TRY(number<std::uint64_t>(element, element.text()));
    const std::string unit = element.attribute_or("unit", std::string(otherwise));
    struct Unit {
        std::string_view name;
        std::uint64_t bytes;
    };
    static constexpr Unit units[] = {{"b", 1},
                                     {"bytes", 1},
                                     {"KB", 1000},
                                     {"k", 1024},
                                     {"KiB", 1024},
                                     {"MB", 1000000},
                                     {"M", 1 << 20},
                                     {"MiB", 1 << 20},
                                     {"GB", 1000000000},
                                     {"G", 1 << 30},
                                     {"GiB", 1 << 30},
                                     {"TB", 1000000000000},
                                     {"T", std::uint64_t{1} << 40},
                                     {"TiB", std::uint64_t{1} << 40}};
    for (const Unit& known : units)
        if (known.name == unit) {
            std::uint64_t bytes = 0;
            if (__builtin_mul_overflow(value, known.bytes, &bytes) || bytes >> 54)
                return element.wrong("impossibly large");
            return bytes / 1024 + (bytes % 1024 ? 1 : 0); // libvirt rounds up, too
        }
    return element.wrong("unknown unit '" + unit + "'");
}

} // namespace xml

namespace {

using namespace xml;

class Importer {
  public:
    explicit Importer(Element root) : root_(root) {}

    Result<DomainConfig> run() {
        if (root_.name() != "domain") return root_.wrong("a <domain> is wanted");
        if (const std::string type = root_.attribute_or("type"); type != "xen")
            return root_.wrong("the type is '" + type + "'", "only type='xen' can be used");
        using Step = Status (Importer::*)();
        for (const Step step : {&Importer::identity, &Importer::memory, &Importer::vcpus, &Importer::boot,
                                &Importer::features, &Importer::clock, &Importer::cpu, &Importer::events})
            HOSPES_TRY((this->*step)());
        if (const auto devices = root_.child("devices")) HOSPES_TRY(import_devices(*devices, config_));
        return std::move(config_);
    }

  private:
    Status identity() {
        config_.c_info.name = root_.child_text("name");
        if (config_.c_info.name.empty()) return root_.wrong("the domain has no name");
        if (const auto uuid = root_.child("uuid"); uuid && !parse(uuid->text(), config_.c_info.uuid))
            return uuid->wrong("not a UUID");
        for (const char* const about : {"title", "description", "metadata"})
            if (const auto text = root_.child(about)) text->use_all(); // for people and managers
        if (const auto label = root_.child("seclabel"); label && label->attribute_or("model") == "flask")
            config_.c_info.ssid_label = label->child_text("label");
        return {};
    }

    Status memory() {
        BuildInfo& b = config_.b_info;
        if (const auto most = root_.child("memory")) b.max_memkb = HOSPES_TRY(kib(*most));
        if (const auto now = root_.child("currentMemory")) b.target_memkb = HOSPES_TRY(kib(*now));
        if (b.target_memkb.is_default()) b.target_memkb = b.max_memkb;
        if (!b.max_memkb.is_default() && b.target_memkb > b.max_memkb) b.target_memkb = b.max_memkb; // as libvirt
        return {};
    }

    Status vcpus() {
        BuildInfo& b = config_.b_info;
        const auto vcpu = root_.child("vcpu");
        if (!vcpu) return {};
        const auto most = HOSPES_TRY(number<std::uint32_t>(*vcpu, vcpu->text()));
        const auto now = HOSPES_TRY(number_attribute<std::uint32_t>(*vcpu, "current", most));
        if (most < 1 || most > 512 || now < 1 || now > most) return vcpu->wrong("a guest has 1 to 512 vCPUs");
        b.max_vcpus = static_cast<int>(most);
        for (unsigned i = 0; i < now; ++i)
            b.avail_vcpus.set(i);
        if (const auto cpus = vcpu->attribute("cpuset"))
            b.vcpu_hard_affinity.assign(most, HOSPES_TRY(cpu_set(*vcpu, *cpus)));
        const auto tune = root_.child("cputune");
        if (!tune) return {};
        for (const Element& pin : tune->children("vcpupin")) {
            const auto which = HOSPES_TRY(number<std::uint32_t>(pin, pin.attribute_or("vcpu")));
            if (which >= most) return pin.wrong("the guest has no vCPU " + std::to_string(which));
            if (b.vcpu_hard_affinity.size() <= which) b.vcpu_hard_affinity.resize(most);
            b.vcpu_hard_affinity[which] = HOSPES_TRY(cpu_set(pin, pin.attribute_or("cpuset")));
        }
        return {};
    }
    static Result<Bitmap> cpu_set(const Element& element, const std::string& text) {
        auto cpus = parse_cpu_list(text, {});
        if (!cpus) return element.wrong(cpus.problem().text(), cpus.problem().hint);
        return *std::move(cpus);
    }

    Status boot() {
        BuildInfo& b = config_.b_info;
        b.bootloader = root_.child_text("bootloader");
        if (const std::string words = root_.child_text("bootloader_args"); !words.empty())
            split(words, b.bootloader_args);
        const auto os = root_.child("os");
        if (!os) { // libvirt allows it with a bootloader: then it is PV
            config_.c_info.type = b.type = DomainType::pv;
            return {};
        }
        HOSPES_TRY(type(*os));
        b.kernel = os->child_text("kernel");
        b.ramdisk = os->child_text("initrd");
        b.cmdline = os->child_text("cmdline");
        if (os->attribute_or("firmware") == "efi") b.hvm.bios = BiosType::ovmf;
        if (const auto loader = os->child("loader")) {
            if (loader->attribute_or("type") == "pflash") b.hvm.bios = BiosType::ovmf;
            // hvmloader is Xen's own and not a choice of the user's.
            if (loader->text().find("hvmloader") == std::string::npos) b.hvm.system_firmware = loader->text();
        }
        for (const Element& device : os->children("boot")) {
            const std::string name = device.attribute_or("dev");
            const char letter = name == "hd"        ? 'c'
                                : name == "cdrom"   ? 'd'
                                : name == "network" ? 'n'
                                : name == "fd"      ? 'a'
                                                    : '\0';
            if (!letter) return device.wrong("unknown boot device '" + name + "'");
            b.hvm.boot += letter;
        }
        return {};
    }
    Status type(const Element& os) {
        const auto element = os.child("type");
        if (!element)
            return os.wrong("the type is missing", "<type>linux</type>, <type>xenpvh</type> or <type>hvm</type>");
        const std::string text = element->text(), machine = element->attribute_or("machine");
        DomainType& type = config_.c_info.type;
        if (text == "hvm")
            type = DomainType::hvm;
        else if (text == "xenpvh" || machine == "xenpvh")
            type = DomainType::pvh;
        else if (text == "linux" || text == "xen")
            type = DomainType::pv;
        else
            return element->wrong("unknown type '" + text + "'", "linux, xenpvh or hvm");
        config_.b_info.type = type;
        return {};
    }
    static void split(const std::string& words, StringList& out) {
        std::string word;
        for (const char c : words + " ") {
            if (!std::isspace(static_cast<unsigned char>(c)))
                word += c;
            else if (!word.empty())
                out.push_back(std::exchange(word, {}));
        }
    }

    Status features() {
        const auto features = root_.child("features");
        BuildInfo& b = config_.b_info;
        const bool hvm = b.type == DomainType::hvm;
        if (hvm) { // absent means off, in libvirt
            b.acpi = features && features->child("acpi").has_value();
            b.apic = features && features->child("apic").has_value();
            b.hvm.pae = features && features->child("pae").has_value();
        }
        if (!features) return {};
        for (const char* const plain : {"acpi", "apic", "pae"})
            static_cast<void>(features->child(plain));
        if (const auto hap = features->child("hap")) config_.c_info.hap = hap->attribute_or("state", "on") == "on";
        if (features->child("viridian")) b.hvm.viridian = true;
        const auto xen = features->child("xen");
        if (!xen) return {};
        if (const auto e820 = xen->child("e820_host")) b.pv.e820_host = e820->attribute_or("state") == "on";
        if (const auto through = xen->child("passthrough")) {
            Passthrough& mode = config_.c_info.passthrough;
            const std::string wanted = through->attribute_or("mode");
            mode = through->attribute_or("state") != "on" ? Passthrough::disabled : Passthrough::enabled;
            if (mode == Passthrough::enabled && !wanted.empty()) {
                const auto known = from_string<Passthrough>(wanted);
                if (!known) return through->wrong("unknown mode '" + wanted + "'");
                mode = *known;
            }
        }
        return {};
    }

    Status clock() {
        const auto clock = root_.child("clock");
        if (!clock) return {};
        BuildInfo& b = config_.b_info;
        const std::string offset = clock->attribute_or("offset", "utc");
        if (offset == "localtime" || clock->attribute_or("basis") == "localtime") b.localtime = true;
        if (offset == "variable") {
            const int seconds = HOSPES_TRY(number_attribute<int>(*clock, "adjustment", 0));
            b.rtc_timeoffset = static_cast<std::uint32_t>(seconds);
        }
        for (const Element& timer : clock->children("timer")) {
            const std::string name = timer.attribute_or("name"), mode = timer.attribute_or("mode", "auto");
            if (name == "tsc") {
                if (mode != "auto" && mode != "native" && mode != "emulate" && mode != "paravirt" && mode != "smpsafe")
                    return timer.wrong("unknown mode '" + mode + "'");
                b.tsc_mode = mode == "emulate"    ? TscMode::always_emulate
                             : mode == "native"   ? TscMode::native
                             : mode == "paravirt" ? TscMode::native_paravirt
                                                  : TscMode::default_;
            } else if (name == "hpet") {
                b.hvm.hpet = timer.attribute_or("present", "yes") == "yes";
            }
        }
        return {};
    }

    /// <cpu>: virtual NUMA. Features are named after libvirt's own CPU models, not after CPUID bits of Xen's.
    Status cpu() {
        const auto cpu = root_.child("cpu");
        if (!cpu) return {};
        const auto numa = cpu->child("numa");
        for (const Element& feature : cpu->children("feature"))
            if (const std::string name = feature.attribute_or("name"); name == "vmx" || name == "svm")
                config_.b_info.nested_hvm = feature.attribute_or("policy", "require") == "require";
        if (!numa) return {};
        const std::vector<Element> cells = numa->children("cell");
        for (const Element& cell : cells) {
            VnodeInfo& node = config_.b_info.vnuma_nodes.emplace_back();
            const auto number_of = static_cast<std::uint32_t>(config_.b_info.vnuma_nodes.size() - 1);
            node.pnode = number_of;
            const std::uint64_t memory = HOSPES_TRY(number<std::uint64_t>(cell, cell.attribute_or("memory")));
            const std::string unit = cell.attribute_or("unit", "KiB");
            const unsigned shift = unit == "MiB" || unit == "M" ? 10 : unit == "GiB" || unit == "G" ? 20 : 0;
            if ((shift == 0 && unit != "KiB" && unit != "k") || memory >> (44 - shift))
                return cell.wrong("no such memory");
            node.memkb = memory << shift;
            auto vcpus = parse_ranges(cell.attribute_or("cpus"));
            if (!vcpus || vcpus->empty()) return cell.wrong("the cell names no vCPUs");
            node.vcpus = *std::move(vcpus);
            node.distances.assign(cells.size(), 20); // libvirt's own defaults
            node.distances[number_of] = 10;
            if (const auto distances = cell.child("distances"))
                for (const Element& sibling : distances->children("sibling")) {
                    const auto other = HOSPES_TRY(number<std::uint32_t>(sibling, sibling.attribute_or("id")));
                    if (other >= cells.size()) return sibling.wrong("there is no such cell");
                    node.distances[other] = HOSPES_TRY(number<std::uint32_t>(sibling, sibling.attribute_or("value")));
                }
        }
        return {};
    }

    Status events() {
        struct Event {
            const char* element;
            ActionOnShutdown DomainConfig::*action;
        };
        for (const Event& event :
             {Event{"on_poweroff", &DomainConfig::on_poweroff}, Event{"on_reboot", &DomainConfig::on_reboot},
              Event{"on_crash", &DomainConfig::on_crash}}) {
            const auto element = root_.child(event.element);
            if (!element) continue;
            std::string text = element->text();
            if (text == "rename-restart") text = "restart_rename";
            for (char& c : text)
                if (c == '-') c = '_';
            const auto action = from_string<ActionOnShutdown>(text);
            if (!action) return element->wrong("unknown action '" + element->text() + "'");
            config_.*event.action = *action;
        }
        return {};
    }

    Element root_;
    DomainConfig config_;
};

} // namespace

Result<XmlImport> domain_from_xml(std::string_view text) {
    const auto document = HOSPES_TRY(xml::Document::parse(text));
    XmlImport out;
    out.config = HOSPES_TRY(Importer(document->root()).run());
    out.ignored = document->unused();
    return out;
}

} // namespace hospes::xl
