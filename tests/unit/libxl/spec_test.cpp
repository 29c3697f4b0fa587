// SPDX-License-Identifier: MIT
#include "libxl/device/disk_spec.hpp"

#include <catch2/catch.hpp>

using namespace hospes::xl;

namespace {

DeviceDisk disk(std::string_view spec) {
    auto result = parse_disk(spec);
    if (!result) FAIL(result.problem().text());
    return *std::move(result);
}
std::string bad_disk(std::string_view spec) {
    const auto result = parse_disk(spec);
    return result ? "" : result.problem().cause;
}
DeviceNic nic(std::string_view spec) {
    auto result = parse_nic(spec, {});
    if (!result) FAIL(result.problem().text());
    return *std::move(result);
}

} // namespace

// The examples of xl-disk-configuration(5).
TEST_CASE("disk specifications") {
    for (const char* spec :
         {"/dev/vg/guest-volume,,hda", "/dev/vg/guest-volume,raw,hda,rw",
          "format=raw, vdev=hda, access=rw, target=/dev/vg/guest-volume", "raw:/dev/vg/guest-volume,hda,w"}) {
        INFO(spec);
        const DeviceDisk d = disk(spec);
        CHECK(d.pdev_path == "/dev/vg/guest-volume");
        CHECK(d.vdev == "hda");
        CHECK(d.format == DiskFormat::raw);
        CHECK(d.readwrite == 1);
        CHECK(d.is_cdrom == 0);
    }
    for (const char* spec :
         {"/root/image.iso,,hdc,cdrom", "/root/image.iso,,hdc,,cdrom", "/root/image.iso,raw,hdc,devtype=cdrom",
          "format=raw, vdev=hdc, access=ro, devtype=cdrom, target=/root/image.iso",
          "raw:/root/image.iso,hdc:cdrom,ro"}) {
        INFO(spec);
        const DeviceDisk d = disk(spec);
        CHECK(d.pdev_path == "/root/image.iso");
        CHECK(d.vdev == "hdc");
        CHECK(d.is_cdrom == 1);
        CHECK(d.readwrite == 0);
    }
    CHECK(disk("phy:/dev/x,xvda,w").backend == DiskBackend::unknown); // decided by what is there
    CHECK(disk("tap:qcow2:/f,xvdb,r").format == DiskFormat::qcow2);
    CHECK(disk("/f,QCOW2,xvdb").format == DiskFormat::qcow2);
    CHECK(disk("vdev=xvda,target=/a,b=c,d").pdev_path == "/a,b=c,d");
    CHECK(disk("nbd:host:port,xvda,w").script == "block-nbd");
    for (const char* spec : {",,hdc,cdrom", "vdev=hdc,cdrom", ",hdc:cdrom,r"})
        CHECK(disk(spec).format == DiskFormat::empty);
    CHECK(disk("tap2:tapdisk:aio:/t,xvdh,w").pdev_path == "/t");
    CHECK(disk("vdev=hda,target= /a b ").pdev_path == " /a b "); // a target keeps its blanks
}

TEST_CASE("bad disk specifications say why") {
    CHECK(bad_disk("/f,raw") == "no virtual device is named");
    CHECK(bad_disk("vdev=xvda") == "no target is named");
    CHECK(bad_disk("/f,zip,xvda") == "unknown format 'zip'");
    CHECK(bad_disk("/f,raw,foo") == "'foo' is not a device name");
    CHECK(bad_disk("/f,raw,xvda,x") == "unknown access 'x'");
    CHECK(bad_disk("/f,raw,xvda,w,more") == "too many fields");
    CHECK(bad_disk("/f,raw,xvda,vdev=xvdb") == "the vdev is given twice");
    CHECK(bad_disk("/f,raw,xvda,w,format=qcow") == "the format is given twice");
    CHECK(bad_disk("/f,raw,xvda,colo-port=0") == "'0' is not a port");
    CHECK(bad_disk("/f,raw,xvda,w,backendtype=tap9") == "unknown backendtype 'tap9'");
}

// xen-vbd-interface(7).
TEST_CASE("virtual device numbers") {
    CHECK(vdev_number("xvda") == 51712U);
    CHECK(vdev_number("xvda1") == 51713U);
    CHECK(vdev_number("xvdp15") == (202U << 8 | 15 << 4 | 15));
    CHECK(vdev_number("xvdq") == (1U << 28 | 16 << 8));
    CHECK(vdev_number("xvdaa") == (1U << 28 | 26 << 8));
    CHECK(vdev_number("hda") == 768U);
    CHECK(vdev_number("hdb3") == 768U + 64 + 3);
    CHECK(vdev_number("hdc") == 22U << 8);
    CHECK(vdev_number("sda1") == 2049U);
    CHECK(vdev_number("d0p1") == 51713U);
    CHECK(vdev_number("51712") == 51712U);
    for (const char* wrong : {"", "xvd", "hde", "sda16", "xvda0", "xvda256", "floppy"}) {
        INFO(wrong);
        CHECK_FALSE(vdev_number(wrong));
    }
}

TEST_CASE("vif specifications") {
    const DeviceNic n = nic("mac=00:16:3e:01:02:03, bridge=br1,script=vif-x,model=e1000,vifname=g0,rate=10Mb/s");
    CHECK(to_string(n.mac) == "00:16:3e:01:02:03");
    CHECK(n.bridge == "br1");
    CHECK(n.ifname == "g0");
    CHECK(n.rate_interval_usecs == 50000);
    CHECK(n.rate_bytes_per_interval == 62500);
    CHECK(nic("").bridge == "xenbr0");
    CHECK(nic("rate=1MB/s@20ms").rate_bytes_per_interval == 20000);
    CHECK(nic("type=ioemu").nictype == NicType::vif_ioemu);
    for (const char* wrong : {"mac=1", "rate=10", "rate=0Mb/s", "speed=3", "bridge", "mtu=x", "type=tap"}) {
        INFO(wrong);
        CHECK_FALSE(parse_nic(wrong, {}).ok());
    }
}
