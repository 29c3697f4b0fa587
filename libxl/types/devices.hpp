// SPDX-License-Identifier: MIT
// Device configuration, named and ordered as libxl_device_* in libxen-dev's _libxl_types.h (4.17).
#pragma once

#include "libxl/types/basic.hpp"
#include "libxl/types/enums.hpp"

namespace hospes::xl {

struct VncInfo {
    DefBool enable;
    std::string listen; ///< "address:port"
    std::string passwd;
    int display = 0;
    DefBool findunused;
    HOSPES_FIELDS(enable, listen, passwd, display, findunused)
};

struct SpiceInfo {
    DefBool enable;
    int port = 0, tls_port = 0;
    std::string host;
    DefBool disable_ticketing;
    std::string passwd;
    DefBool agent_mouse, vdagent, clipboard_sharing;
    int usbredirection = 0;
    std::string image_compression, streaming_video;
    HOSPES_FIELDS(enable, port, tls_port, host, disable_ticketing, passwd, agent_mouse, vdagent, clipboard_sharing,
                  usbredirection, image_compression, streaming_video)
};

struct SdlInfo {
    DefBool enable, opengl;
    std::string display, xauthority;
    HOSPES_FIELDS(enable, opengl, display, xauthority)
};

struct DeviceVfb {
    std::uint32_t backend_domid = 0;
    std::string backend_domname;
    DeviceId devid;
    VncInfo vnc;
    SdlInfo sdl;
    std::string keymap;
    HOSPES_FIELDS(backend_domid, backend_domname, devid, vnc, sdl, keymap)
};

struct DeviceVkb {
    std::uint32_t backend_domid = 0;
    std::string backend_domname;
    DeviceId devid;
    VkbBackend backend_type = VkbBackend::unknown;
    std::string unique_id;
    bool feature_disable_keyboard = false, feature_disable_pointer = false, feature_abs_pointer = false,
         feature_raw_pointer = false, feature_multi_touch = false;
    std::uint32_t width = 0, height = 0, multi_touch_width = 0, multi_touch_height = 0, multi_touch_num_contacts = 0;
    HOSPES_FIELDS(backend_domid, backend_domname, devid, backend_type, unique_id, feature_disable_keyboard,
                  feature_disable_pointer, feature_abs_pointer, feature_raw_pointer, feature_multi_touch, width, height,
                  multi_touch_width, multi_touch_height, multi_touch_num_contacts)
};

struct DeviceDisk {
    std::uint32_t backend_domid = 0;
    std::string backend_domname;
    std::string pdev_path; ///< what the backend opens
    std::string vdev;      ///< xvda, hda, sda1...
    DiskBackend backend = DiskBackend::unknown;
    DiskFormat format = DiskFormat::unknown;
    std::string script;
    int removable = 0, readwrite = 0, is_cdrom = 0;
    bool direct_io_safe = false;
    DefBool discard_enable;
    DiskSpecification specification = DiskSpecification::unknown;
    DiskTransport transport = DiskTransport::unknown;
    std::uint32_t irq = 0;
    std::uint64_t base = 0;
    DefBool colo_enable, colo_restore_enable;
    std::string colo_host;
    int colo_port = 0;
    std::string colo_export, active_disk, hidden_disk;
    DefBool trusted;
    HOSPES_FIELDS(backend_domid, backend_domname, pdev_path, vdev, backend, format, script, removable, readwrite,
                  is_cdrom, direct_io_safe, discard_enable, specification, transport, irq, base, colo_enable,
                  colo_restore_enable, colo_host, colo_port, colo_export, active_disk, hidden_disk, trusted)
};

/// The ~50 COLO fields of libxl_device_nic are not modelled: replication is not supported.
struct DeviceNic {
    std::uint32_t backend_domid = 0;
    std::string backend_domname;
    DeviceId devid;
    int mtu = 0;
    std::string model;
    Mac mac;
    std::string ip, bridge, ifname, script;
    NicType nictype = NicType::unknown;
    std::uint64_t rate_bytes_per_interval = 0;
    std::uint32_t rate_interval_usecs = 0;
    std::string gatewaydev;
    DefBool trusted;
    HOSPES_FIELDS(backend_domid, backend_domname, devid, mtu, model, mac, ip, bridge, ifname, script, nictype,
                  rate_bytes_per_interval, rate_interval_usecs, gatewaydev, trusted)
};

struct DevicePci {
    std::uint8_t func = 0, dev = 0, bus = 0;
    int domain = 0;
    std::uint32_t vdevfn = 0, vfunc_mask = 0;
    bool msitranslate = false, power_mgmt = false, permissive = false, seize = false;
    RdmReservePolicy rdm_policy = RdmReservePolicy::invalid;
    std::string name;
    HOSPES_FIELDS(func, dev, bus, domain, vdevfn, vfunc_mask, msitranslate, power_mgmt, permissive, seize, rdm_policy,
                  name)
};

struct DeviceRdm {
    std::uint64_t start = 0, size = 0;
    RdmReservePolicy policy = RdmReservePolicy::invalid;
    HOSPES_FIELDS(start, size, policy)
};

struct DeviceDt {
    std::string path;
    HOSPES_FIELDS(path)
};

struct DeviceVtpm {
    std::uint32_t backend_domid = 0;
    std::string backend_domname;
    DeviceId devid;
    Uuid uuid;
    HOSPES_FIELDS(backend_domid, backend_domname, devid, uuid)
};

struct DeviceP9 {
    std::uint32_t backend_domid = 0;
    std::string backend_domname, tag, path, security_model;
    DeviceId devid;
    HOSPES_FIELDS(backend_domid, backend_domname, tag, path, security_model, devid)
};

struct DevicePvCallsIf {
    std::uint32_t backend_domid = 0;
    std::string backend_domname;
    DeviceId devid;
    HOSPES_FIELDS(backend_domid, backend_domname, devid)
};

struct ConnectorParam {
    std::string unique_id;
    std::uint32_t width = 0, height = 0;
    HOSPES_FIELDS(unique_id, width, height)
};
struct DeviceVdispl {
    std::uint32_t backend_domid = 0;
    std::string backend_domname;
    DeviceId devid;
    bool be_alloc = false;
    std::vector<ConnectorParam> connectors;
    HOSPES_FIELDS(backend_domid, backend_domname, devid, be_alloc, connectors)
};

struct VsndParams {
    std::vector<std::uint32_t> sample_rates;
    std::vector<VsndPcmFormat> sample_formats;
    std::uint32_t channels_min = 0, channels_max = 0, buffer_size = 0;
    HOSPES_FIELDS(sample_rates, sample_formats, channels_min, channels_max, buffer_size)
};
struct VsndStream {
    std::string unique_id;
    VsndStreamType type = VsndStreamType::none;
    VsndParams params;
    HOSPES_FIELDS(unique_id, type, params)
};
struct VsndPcm {
    std::string name;
    VsndParams params;
    std::vector<VsndStream> streams;
    HOSPES_FIELDS(name, params, streams)
};
struct DeviceVsnd {
    std::uint32_t backend_domid = 0;
    std::string backend_domname;
    DeviceId devid;
    std::string short_name, long_name;
    VsndParams params;
    std::vector<VsndPcm> pcms;
    HOSPES_FIELDS(backend_domid, backend_domname, devid, short_name, long_name, params, pcms)
};

/// JSON of the connection is libxl's keyed union: "connection.socket": {"path": ...}.
struct DeviceChannel {
    std::uint32_t backend_domid = 0;
    std::string backend_domname;
    DeviceId devid;
    std::string name;
    ChannelConnection connection = ChannelConnection::unknown;
    std::string socket_path; ///< connection == socket
};

struct DeviceUsbCtrl {
    UsbCtrlType type = UsbCtrlType::auto_;
    DeviceId devid;
    int version = 0, ports = 0;
    std::uint32_t backend_domid = 0;
    std::string backend_domname;
    HOSPES_FIELDS(type, devid, version, ports, backend_domid, backend_domname)
};

struct DeviceUsbDev {
    DeviceId ctrl;
    int port = 0;
    UsbDevType type = UsbDevType::hostdev;
    std::uint8_t hostbus = 0, hostaddr = 0; ///< JSON "type.hostdev"
};

} // namespace hospes::xl
