// SPDX-License-Identifier: MIT
// Virtual displays and sound cards: the two devices with a structure of their own.
#include "xl/config/key_makers.hpp"

namespace hospes::cfg {
namespace {

/// Takes the text before `separator` off `rest`.
std::string_view take_until(std::string_view& rest, char separator) {
    const auto end = rest.find(separator);
    const std::string_view item = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    return xl::trim(item);
}

/// "ID:WxH;ID:WxH..."
bool parse_connectors(std::string_view text, std::vector<xl::ConnectorParam>& out) {
    while (!text.empty()) {
        std::string_view item = take_until(text, ';');
        xl::ConnectorParam connector;
        connector.unique_id = take_until(item, ':');
        const auto width = xl::to_number<std::uint32_t>(take_until(item, 'x'));
        const auto height = xl::to_number<std::uint32_t>(item);
        if (connector.unique_id.empty() || !width || !height) return false;
        connector.width = *width;
        connector.height = *height;
        out.push_back(std::move(connector));
    }
    return true;
}

Outcome read_vdispls(Draft& d, const Value& value) {
    return each_spec(value, [&](const Value& item, const std::string& spec) -> Outcome {
        xl::DeviceVdispl display;
        display.devid = static_cast<int>(d.config.vdispls.size());
        const auto take = [&](std::string_view key, std::string_view text) {
            if (key == "be-alloc") return set_flag(text, display.be_alloc);
            if (key == "connectors") return parse_connectors(text, display.connectors);
            return set_text({{"backend", &display.backend_domname}}, key, text);
        };
        if (Outcome bad = each_pair(item, spec, take)) return bad;
        d.config.vdispls.push_back(std::move(display));
        return {};
    });
}

bool parse_rates(std::string_view text, std::vector<std::uint32_t>& out) {
    while (!text.empty()) {
        const auto rate = xl::to_number<std::uint32_t>(take_until(text, ';'));
        if (!rate) return false;
        out.push_back(*rate);
    }
    return true;
}
bool parse_formats(std::string_view text, std::vector<xl::VsndPcmFormat>& out) {
    while (!text.empty()) {
        std::string name(take_until(text, ';'));
        // The manual page calls them float_le and float64_le, libxl f32_le and f64_le.
        if (name.starts_with("float64_"))
            name.replace(0, 7, "f64");
        else if (name.starts_with("float_"))
            name.replace(0, 5, "f32");
        const auto format = xl::from_string<xl::VsndPcmFormat>(name);
        if (!format || *format == xl::VsndPcmFormat::none) return false;
        out.push_back(*format);
    }
    return true;
}

/// What card, device and stream have in common.
bool set_params(xl::VsndParams& params, std::string_view key, std::string_view text) {
    if (key == "sample-rates") return parse_rates(text, params.sample_rates);
    if (key == "sample-formats") return parse_formats(text, params.sample_formats);
    if (key == "channels-min") return set_number(text, params.channels_min);
    if (key == "channels-max") return set_number(text, params.channels_max);
    return key == "buffer-size" && set_number(text, params.buffer_size);
}

Outcome read_sound_item(xl::DeviceVsnd& card, const Value& item, std::string_view spec) {
    std::string_view rest = spec;
    const std::string_view what = xl::next_item(rest);
    if (what == "CARD" || what == "card")
        return each_pair(item, rest, [&](std::string_view key, std::string_view text) {
            return set_params(card.params, key, text) || set_text({{"backend", &card.backend_domname},
                                                                   {"short-name", &card.short_name},
                                                                   {"long-name", &card.long_name}},
                                                                  key, text);
        });
    if (what == "PCM" || what == "pcm") {
        xl::VsndPcm& pcm = card.pcms.emplace_back();
        return each_pair(item, rest, [&](std::string_view key, std::string_view text) {
            return set_params(pcm.params, key, text) || set_text({{"name", &pcm.name}}, key, text);
        });
    }
    if (what != "STREAM" && what != "stream")
        return wrong(item, "'" + std::string(what) + "' is no part of a sound card", "one of CARD, PCM, STREAM");
    if (card.pcms.empty()) card.pcms.emplace_back();
    xl::VsndStream& stream = card.pcms.back().streams.emplace_back();
    return each_pair(item, rest, [&](std::string_view key, std::string_view text) {
        if (key == "type") return set_choice(text, stream.type) && stream.type != xl::VsndStreamType::none;
        // The manual page's example says id.
        return set_params(stream.params, key, text) ||
               set_text({{"unique-id", &stream.unique_id}, {"id", &stream.unique_id}}, key, text);
    });
}

Outcome read_vsnds(Draft& d, const Value& value) {
    if (!value.is_list()) return wrong(value, "a list of sound cards is wanted", "vsnd = [ [ \"CARD\", ... ] ]");
    for (const Value& card_value : value.list()) {
        if (!card_value.is_list())
            return wrong(card_value, "a sound card is a list of strings", "[ \"CARD, ...\", \"PCM, ...\" ]");
        xl::DeviceVsnd card;
        card.devid = static_cast<int>(d.config.vsnds.size());
        const auto one = [&](const Value& item, const std::string& spec) { return read_sound_item(card, item, spec); };
        if (Outcome bad = each_spec(card_value, one)) return bad;
        d.config.vsnds.push_back(std::move(card));
    }
    return {};
}

constexpr Key keys[] = {{"vdispl", read_vdispls, Effect::none}, {"vsnd", read_vsnds, Effect::none}};

} // namespace

std::span<const Key> media_keys() { return keys; }

} // namespace hospes::cfg
