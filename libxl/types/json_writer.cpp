// SPDX-License-Identifier: MIT
#include <yajl/yajl_gen.h>

#include <concepts>
#include <memory>

#include "libxl/types/json.hpp"

namespace hospes::xl {
namespace {

class Writer {
  public:
    explicit Writer(bool pretty) : gen_(yajl_gen_alloc(nullptr), &yajl_gen_free) {
        yajl_gen_config(gen_.get(), yajl_gen_beautify, pretty ? 1 : 0);
        yajl_gen_config(gen_.get(), yajl_gen_indent_string, "    ");
    }
    [[nodiscard]] std::string text() const {
        const unsigned char* buffer = nullptr;
        size_t length = 0;
        yajl_gen_get_buf(gen_.get(), &buffer, &length);
        return {reinterpret_cast<const char*>(buffer), length};
    }

    void write(const std::string& value) { string(value); }
    void write(std::string_view value) { string(value); }
    void write(bool value) { yajl_gen_bool(gen_.get(), value ? 1 : 0); }
    template <std::integral T>
    requires(!std::same_as<T, bool>) void write(T value) {
        // Through text: yajl's integer call is signed and would turn LIBXL_MEMKB_DEFAULT negative.
        const std::string digits = std::to_string(value);
        yajl_gen_number(gen_.get(), digits.data(), digits.size());
    }
    template <typename T, T Unset> void write(const WithDefault<T, Unset>& value) { write(value.value); }
    template <ReflectedEnum E> void write(E value) { string(to_string(value)); }
    void write(DefBool value) { string(value.is_default() ? "<default>" : value.value_or(false) ? "True" : "False"); }
    void write(const Uuid& value) { string(to_string(value)); }
    void write(const Mac& value) { string(to_string(value)); }
    void write(const GenerationId& value) { write(std::vector<unsigned>(value.bytes.begin(), value.bytes.end())); }
    void write(const CpuPolicy& value) { // both lists, even when one is empty
        yajl_gen_map_open(gen_.get());
        string("cpuid");
        write(value.cpuid);
        string("msr");
        write(value.msr);
        yajl_gen_map_close(gen_.get());
    }
    void write(const Bitmap& value) { write(value.members()); }
    void write(const KeyValueList& list) {
        yajl_gen_map_open(gen_.get());
        for (const auto& [key, value] : list) {
            string(key);
            string(value);
        }
        yajl_gen_map_close(gen_.get());
    }
    template <typename T> void write(const std::vector<T>& list) {
        yajl_gen_array_open(gen_.get());
        for (const T& item : list)
            write(item);
        yajl_gen_array_close(gen_.get());
    }
    template <Reflected T> void write(const T& object) {
        yajl_gen_map_open(gen_.get());
        T::each_field(object, fields());
        yajl_gen_map_close(gen_.get());
    }
    void write(const BuildInfo& info) {
        yajl_gen_map_open(gen_.get());
        BuildInfo::each_part(info, fields(), [this](const BuildInfo& self) { write_union(self); });
        yajl_gen_map_close(gen_.get());
    }
    void write(const DeviceChannel& channel) {
        yajl_gen_map_open(gen_.get());
        auto field = fields();
        field("backend_domid", channel.backend_domid);
        field("backend_domname", channel.backend_domname);
        field("devid", channel.devid);
        field("name", channel.name);
        string("connection." + std::string(to_string(channel.connection)));
        yajl_gen_map_open(gen_.get());
        if (channel.connection == ChannelConnection::socket) field("path", channel.socket_path);
        yajl_gen_map_close(gen_.get());
        yajl_gen_map_close(gen_.get());
    }
    void write(const DeviceUsbDev& device) {
        yajl_gen_map_open(gen_.get());
        auto field = fields();
        field("ctrl", device.ctrl);
        field("port", device.port);
        string("type.hostdev");
        yajl_gen_map_open(gen_.get());
        field("hostbus", device.hostbus);
        field("hostaddr", device.hostaddr);
        yajl_gen_map_close(gen_.get());
        yajl_gen_map_close(gen_.get());
    }

  private:
    template <typename T> static bool is_default(const T& value) {
        if constexpr (requires { value.is_default(); })
            return value.is_default();
        else if constexpr (requires { value.is_nil(); })
            return value.is_nil();
        else if constexpr (requires { value.empty(); })
            return value.empty();
        else if constexpr (std::integral<T>)
            return value == 0;
        else if constexpr (ReflectedEnum<T>)
            return value == EnumTable<T>::entries[0].value; // each table starts with the IDL's initial value
        else
            return false; // aggregates are always written
    }
    struct Fields {
        Writer& writer;
        template <typename T> void operator()(const char* name, const T& value) const {
            if (is_default(value)) return;
            writer.string(name);
            writer.write(value);
        }
    };
    Fields fields() { return {*this}; }
    void write_union(const BuildInfo& info) {
        string("type." + std::string(to_string(info.type)));
        if (info.type == DomainType::hvm) return write(info.hvm);
        if (info.type == DomainType::pv) return write(info.pv);
        if (info.type == DomainType::pvh) return write(info.pvh);
        yajl_gen_map_open(gen_.get());
        yajl_gen_map_close(gen_.get());
    }
    void string(std::string_view value) {
        yajl_gen_string(gen_.get(), reinterpret_cast<const unsigned char*>(value.data()), value.size());
    }

    std::unique_ptr<yajl_gen_t, decltype(&yajl_gen_free)> gen_;
};

template <typename T> std::string written(const T& value, bool pretty) {
    Writer writer(pretty);
    writer.write(value);
    return writer.text();
}

} // namespace

std::string to_json(const DomainConfig& config, bool pretty) { return written(config, pretty); }
std::string to_json(const DeviceDisk& disk, bool pretty) { return written(disk, pretty); }
std::string to_json(const DeviceNic& nic, bool pretty) { return written(nic, pretty); }

} // namespace hospes::xl
