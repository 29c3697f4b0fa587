// SPDX-License-Identifier: MIT
#include <yajl/yajl_tree.h>

#include <algorithm>
#include <charconv>
#include <concepts>
#include <memory>

#include "libxl/types/json.hpp"

namespace hospes::xl {
namespace {

/// Walks the parsed tree into the model. Unknown members are ignored, as libxl does, so that
/// configurations written by newer or older versions can be read; a member of the wrong kind is an
/// error that names its path.
class Reader {
  public:
    [[nodiscard]] bool failed() const { return !error_.what.empty(); }
    [[nodiscard]] JsonError error() const { return error_; }

    template <typename T> void field(yajl_val map, const char* name, T& out) {
        const yajl_val value = member(map, name);
        if (!value || failed()) return;
        const size_t length = path_.size();
        path_ += path_.empty() ? name : std::string(".") + name;
        read(value, out);
        path_.resize(length);
    }
    template <Reflected T> void read(yajl_val value, T& out) {
        if (expect(YAJL_IS_OBJECT(value), "an object"))
            T::each_field(out, [&](const char* name, auto& item) { field(value, name, item); });
    }

  private:
    static yajl_val member(yajl_val map, std::string_view name) {
        if (!YAJL_IS_OBJECT(map)) return nullptr;
        for (size_t i = 0; i < map->u.object.len; ++i)
            if (name == map->u.object.keys[i]) return map->u.object.values[i];
        return nullptr;
    }
    bool expect(bool good, const char* wanted) {
        if (!good && !failed()) error_ = {path_.empty() ? "top level" : path_, std::string("expected ") + wanted};
        return good;
    }
    bool text(yajl_val value, std::string_view& out) {
        if (!expect(YAJL_IS_STRING(value), "a string")) return false;
        out = YAJL_GET_STRING(value);
        return true;
    }

    void read(yajl_val value, std::string& out) {
        std::string_view view;
        if (text(value, view)) out = view;
    }
    void read(yajl_val value, bool& out) {
        if (expect(YAJL_IS_TRUE(value) || YAJL_IS_FALSE(value), "true or false")) out = YAJL_IS_TRUE(value);
    }
    template <std::integral T>
    requires(!std::same_as<T, bool>) void read(yajl_val value, T& out) {
        if (!expect(YAJL_IS_NUMBER(value), "an integer")) return;
        const std::string_view digits = YAJL_GET_NUMBER(value);
        const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
        expect(status == std::errc() && end == digits.data() + digits.size(), "an integer in range");
    }
    template <typename T, T Unset> void read(yajl_val value, WithDefault<T, Unset>& out) { read(value, out.value); }
    template <ReflectedEnum E> void read(yajl_val value, E& out) {
        std::string_view view;
        if (!text(value, view)) return;
        const std::optional<E> parsed = from_string<E>(view);
        if (expect(parsed.has_value(), "one of the known names")) out = *parsed;
    }
    void read(yajl_val value, DefBool& out) {
        std::string_view view;
        if (!text(value, view) || !expect(view == "True" || view == "False" || view == "<default>", "a defbool"))
            return;
        out = view == "<default>" ? DefBool() : DefBool(view == "True");
    }
    template <typename T>
    requires(std::same_as<T, Uuid> || std::same_as<T, Mac>) void read(yajl_val value, T& out) {
        std::string_view view;
        if (text(value, view)) expect(parse(view, out), "a well-formed address");
    }
    void read(yajl_val value, GenerationId& out) {
        std::vector<std::uint8_t> bytes;
        read(value, bytes);
        if (failed() || !expect(bytes.size() == out.bytes.size(), "16 numbers")) return;
        std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
    }
    void read(yajl_val value, CpuPolicy& out) {
        if (YAJL_IS_ARRAY(value)) return read(value, out.cpuid);
        if (!expect(YAJL_IS_OBJECT(value), "an object or an array")) return;
        field(value, "cpuid", out.cpuid);
        field(value, "msr", out.msr);
    }
    void read(yajl_val value, Bitmap& out) {
        std::vector<unsigned> members;
        read(value, members);
        for (const unsigned bit : members)
            if (expect(bit < 65536, "a number below 65536")) out.set(bit);
    }
    void read(yajl_val value, KeyValueList& out) {
        if (!expect(YAJL_IS_OBJECT(value), "an object")) return;
        for (size_t i = 0; i < value->u.object.len && !failed(); ++i) {
            std::string item;
            read(value->u.object.values[i], item);
            out.emplace_back(value->u.object.keys[i], std::move(item));
        }
    }
    template <typename T> void read(yajl_val value, std::vector<T>& out) {
        if (!expect(YAJL_IS_ARRAY(value), "an array")) return;
        for (size_t i = 0; i < value->u.array.len && !failed(); ++i)
            read(value->u.array.values[i], out.emplace_back());
    }
    void read(yajl_val value, BuildInfo& out) {
        if (!expect(YAJL_IS_OBJECT(value), "an object")) return;
        BuildInfo::each_part(
            out, [&](const char* name, auto& item) { field(value, name, item); },
            [&](BuildInfo& self) { read_union(value, self); });
    }
    void read_union(yajl_val value, BuildInfo& out) {
        for (const auto& entry : EnumTable<DomainType>::entries)
            if (member(value, "type." + std::string(entry.name))) out.type = entry.value;
        field(value, "type.hvm", out.hvm);
        field(value, "type.pv", out.pv);
        field(value, "type.pvh", out.pvh);
    }
    void read(yajl_val value, DeviceChannel& out) {
        field(value, "backend_domid", out.backend_domid);
        field(value, "backend_domname", out.backend_domname);
        field(value, "devid", out.devid);
        field(value, "name", out.name);
        for (const auto& entry : EnumTable<ChannelConnection>::entries) {
            const yajl_val connection = member(value, "connection." + std::string(entry.name));
            if (!connection) continue;
            out.connection = entry.value;
            field(connection, "path", out.socket_path);
        }
    }
    void read(yajl_val value, DeviceUsbDev& out) {
        field(value, "ctrl", out.ctrl);
        field(value, "port", out.port);
        if (const yajl_val host = member(value, "type.hostdev")) {
            field(host, "hostbus", out.hostbus);
            field(host, "hostaddr", out.hostaddr);
        }
    }

    std::string path_;
    JsonError error_;
};

} // namespace

std::variant<DomainConfig, JsonError> domain_config_from_json(std::string_view text) {
    char message[256] = "";
    const std::string terminated(text); // yajl wants a C string
    const std::unique_ptr<yajl_val_s, decltype(&yajl_tree_free)> tree(
        yajl_tree_parse(terminated.c_str(), message, sizeof(message)), &yajl_tree_free);
    if (!tree) return JsonError{"syntax", message};
    Reader reader;
    DomainConfig config;
    reader.read(tree.get(), config);
    if (reader.failed()) return reader.error();
    return config;
}

} // namespace hospes::xl
