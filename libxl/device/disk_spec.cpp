// SPDX-License-Identifier: MIT
#include "libxl/device/disk_spec.hpp"

#include <cerrno>

#include "libxl/device/spec_text.hpp"

namespace hospes::xl {
namespace {

class DiskParser {
  public:
    explicit DiskParser(std::string_view spec) : spec_(spec), rest_(spec) { disk_.readwrite = 1; }

    Result<DeviceDisk> run() {
        HOSPES_TRY(prefixes());
        while (!rest_.empty()) {
            // target= takes the rest of the line, commas and blanks and all.
            if (const auto start = rest_.find_first_not_of(" \t");
                start != std::string_view::npos && rest_.substr(start).starts_with("target=")) {
                HOSPES_TRY(set_target(rest_.substr(start + 7)));
                rest_ = {};
                break;
            }
            const std::string_view item = next_item(rest_);
            HOSPES_TRY(is_keyword(item) ? keyword(item) : positional(item));
        }
        return finish();
    }

  private:
    [[nodiscard]] Error fail(std::string why, std::string hint = {}) const {
        return error("disk '" + std::string(spec_) + "'", 0, std::move(why), std::move(hint));
    }

    /// Deprecated forms: "phy:", "file:", "tap:", "tap2:", "aio:", "qcow2:"... and block scripts
    /// named by a prefix.
    Status prefixes() {
        const auto strip = [this](std::string_view prefix) {
            if (!trim(rest_).starts_with(prefix)) return false;
            rest_ = trim(rest_).substr(prefix.size());
            old_form_ = true; // it has no format field: target, vdev, access
            return true;
        };
        // These say how xend would have opened it, which is decided otherwise today.
        for (bool again = true; again;) {
            again = false;
            for (const std::string_view ignored : {"tapdisk:", "tap2:", "tap:", "aio:", "ioemu:", "file:", "phy:"})
                again = strip(ignored) || again;
        }
        for (const std::string_view format : {"raw:", "qcow2:", "qcow:", "vhd:"})
            if (disk_.format == DiskFormat::unknown && strip(format))
                HOSPES_TRY(set_format(format.substr(0, format.size() - 1)));
        for (const std::string_view script : {"iscsi:", "nbd:", "enbd:", "drbd:"})
            if (disk_.script.empty() && strip(script))
                disk_.script = "block-" + std::string(script.substr(0, script.size() - 1));
        if (old_form_ && disk_.format == DiskFormat::unknown) disk_.format = DiskFormat::raw;
        return {};
    }

    static bool is_flag(std::string_view item) {
        for (const std::string_view flag : {"cdrom", "removable", "direct-io-safe", "discard", "no-discard", "colo",
                                            "colo-restore", "trusted", "untrusted"})
            if (item == flag) return true;
        return false;
    }
    static bool is_keyword(std::string_view item) {
        const auto equals = item.find('=');
        if (equals == std::string_view::npos) return is_flag(item);
        const std::string_view key = trim(item.substr(0, equals));
        for (const std::string_view known :
             {"format", "vdev", "access", "devtype", "backendtype", "backend", "script", "specification", "transport",
              "irq", "base", "colo-host", "colo-port", "colo-export", "active-disk", "hidden-disk"})
            if (key == known) return true;
        return false;
    }

    Status keyword(std::string_view item) {
        const auto equals = item.find('=');
        const std::string_view key = trim(item.substr(0, equals));
        const std::string_view value = equals == std::string_view::npos ? "" : trim(item.substr(equals + 1));
        if (key == "format") return set_format(value);
        if (key == "vdev") return set_vdev(value);
        if (key == "access") return set_access(value);
        if (key == "backend") {
            disk_.backend_domname = value;
        } else if (key == "script") {
            disk_.script = value;
        } else if (key == "backendtype") {
            const auto type = from_string<DiskBackend>(value);
            if (!type || *type == DiskBackend::unknown)
                return fail("unknown backendtype '" + std::string(value) + "'", "one of phy, qdisk, standalone");
            disk_.backend = *type;
        } else if (key == "specification") {
            const auto type = from_string<DiskSpecification>(value);
            if (!type) return fail("unknown specification '" + std::string(value) + "'", "one of xen, virtio");
            disk_.specification = *type;
        } else if (key == "devtype") {
            if (value != "cdrom" && value != "disk")
                return fail("unknown devtype '" + std::string(value) + "'", "one of disk, cdrom");
            set_cdrom(value == "cdrom");
        } else if (key.starts_with("colo-") || key == "active-disk" || key == "hidden-disk") {
            return colo(key, value);
        } else {
            set_flag(key);
        }
        return {};
    }

    Status colo(std::string_view key, std::string_view value) {
        if (key == "colo-restore") {
            disk_.colo_restore_enable = true;
        } else if (key == "colo-port") {
            const auto port = to_number<int>(value);
            if (!port || *port < 1 || *port > 65535) return fail("'" + std::string(value) + "' is not a port");
            disk_.colo_port = *port;
        } else {
            (key == "colo-host"     ? disk_.colo_host
             : key == "colo-export" ? disk_.colo_export
             : key == "active-disk" ? disk_.active_disk
                                    : disk_.hidden_disk) = value;
        }
        return {};
    }
    void set_flag(std::string_view flag) {
        if (flag == "cdrom")
            set_cdrom(true);
        else if (flag == "removable")
            disk_.removable = 1;
        else if (flag == "direct-io-safe")
            disk_.direct_io_safe = true;
        else if (flag == "discard" || flag == "no-discard")
            disk_.discard_enable = flag == "discard";
        else if (flag == "trusted" || flag == "untrusted")
            disk_.trusted = flag == "trusted";
        else if (flag == "colo")
            disk_.colo_enable = true;
    }

    Status positional(std::string_view item) {
        // Order: target, format, vdev, access; the old form leaves the format out.
        // xend's empty CD drive, ",hdc:cdrom,r", is of the old form too.
        if (position_ == 1 && !have_target_ && item.find(':') != std::string_view::npos) old_form_ = true;
        const unsigned at = position_++, field = at + (old_form_ && at > 0 ? 1 : 0);
        switch (field) {
        case 0: return item.empty() ? Status() : set_target(item);
        case 1: return item.empty() ? Status() : set_format(item);
        case 2: return item.empty() ? Status() : set_vdev(item);
        case 3: return item.empty() ? Status() : set_access(item);
        default: return fail("too many fields", "TARGET,FORMAT,VDEV,ACCESS, then key=value options");
        }
    }

    /// Each field may be given once, by position or by name.
    Status once(bool& seen, const char* what) const {
        if (seen) return fail(std::string("the ") + what + " is given twice");
        seen = true;
        return {};
    }
    Status set_target(std::string_view text) {
        HOSPES_TRY(once(have_target_, "target"));
        disk_.pdev_path = text;
        return {};
    }
    Status set_format(std::string_view text) {
        HOSPES_TRY(once(have_format_, "format"));
        const auto format = from_string<DiskFormat>(text);
        if (!format || *format == DiskFormat::unknown)
            return fail("unknown format '" + std::string(text) + "'", "one of raw, qcow, qcow2, vhd, qed");
        disk_.format = *format;
        return {};
    }
    Status set_vdev(std::string_view text) {
        HOSPES_TRY(once(have_vdev_, "vdev"));
        if (const auto colon = text.find(':'); colon != std::string_view::npos) {
            if (text.substr(colon) == ":cdrom") set_cdrom(true);
            text = text.substr(0, colon);
        }
        if (!vdev_number(text))
            return fail("'" + std::string(text) + "' is not a device name", "for example xvda, hda, sda1");
        disk_.vdev = text;
        return {};
    }
    Status set_access(std::string_view text) {
        HOSPES_TRY(once(have_access_, "access"));
        if (text == "r" || text == "ro")
            disk_.readwrite = 0;
        else if (text == "w" || text == "rw" || text == "w!" || text == "!")
            disk_.readwrite = 1;
        else
            return fail("unknown access '" + std::string(text) + "'", "r or rw");
        return {};
    }
    void set_cdrom(bool cdrom) {
        disk_.is_cdrom = cdrom;
        if (cdrom) {
            disk_.readwrite = 0;
            disk_.removable = 1;
        }
    }

    Result<DeviceDisk> finish() {
        if (disk_.is_cdrom) disk_.readwrite = 0;
        if (disk_.vdev.empty()) return fail("no virtual device is named", "add vdev=xvda");
        if (disk_.format == DiskFormat::unknown) disk_.format = DiskFormat::raw;
        if (disk_.pdev_path.empty() && disk_.is_cdrom) disk_.format = DiskFormat::empty;
        if (disk_.pdev_path.empty() && !disk_.is_cdrom)
            return fail("no target is named", "the file or block device comes first, or as target=PATH");
        return std::move(disk_);
    }

    std::string_view spec_, rest_;
    DeviceDisk disk_;
    unsigned position_ = 0;
    bool old_form_ = false, have_target_ = false, have_format_ = false, have_vdev_ = false, have_access_ = false;
};

/// "sdXN": letters count the disk in base 26 from 'a', digits the partition.
bool split_vdev(std::string_view vdev, std::string_view prefix, unsigned& disk, unsigned& partition) {
    if (!vdev.starts_with(prefix)) return false;
    vdev.remove_prefix(prefix.size());
    std::size_t letters = 0;
    disk = 0;
    while (letters < vdev.size() && vdev[letters] >= 'a' && vdev[letters] <= 'z') {
        disk = disk * 26 + static_cast<unsigned>(vdev[letters++] - 'a') + 1;
        if (disk > (1U << 20)) return false;
    }
    if (letters == 0) return false;
    --disk;
    const std::string_view digits = vdev.substr(letters);
    partition = 0;
    if (digits.empty()) return true;
    const auto number = to_number<unsigned>(digits);
    if (!number || digits.starts_with("0")) return false;
    partition = *number;
    return partition < 256;
}

} // namespace

std::optional<std::uint32_t> vdev_number(std::string_view vdev) {
    unsigned disk = 0, partition = 0;
    if (split_vdev(vdev, "xvd", disk, partition)) {
        if (disk < 16 && partition < 16)
            return 202U << 8 | disk << 4 | partition; // the old major; more disks or partitions use bit 28
        return disk < (1U << 20) ? std::optional(1U << 28 | disk << 8 | partition) : std::nullopt;
    }
    if (split_vdev(vdev, "hd", disk, partition))
        return disk < 4 && partition < 64 ? std::optional((disk < 2 ? 3U : 22U) << 8 | (disk & 1) << 6 | partition)
                                          : std::nullopt;
    if (split_vdev(vdev, "sd", disk, partition))
        return disk < 16 && partition < 16 ? std::optional(8U << 8 | disk << 4 | partition) : std::nullopt;
    if (vdev.size() > 1 && vdev[0] == 'd') { // "dNpM"
        const auto p = vdev.find('p');
        const auto d = to_number<unsigned>(vdev.substr(1, p == std::string_view::npos ? p : p - 1));
        const auto part = p == std::string_view::npos ? std::optional(0U) : to_number<unsigned>(vdev.substr(p + 1));
        if (!d || !part || *d >= (1U << 20) || *part >= 256) return std::nullopt;
        return *d < 16 && *part < 16 ? 202U << 8 | *d << 4 | *part : 1U << 28 | *d << 8 | *part;
    }
    return to_number<std::uint32_t>(vdev);
}

Result<DeviceDisk> parse_disk(std::string_view spec) { return DiskParser(spec).run(); }

} // namespace hospes::xl
