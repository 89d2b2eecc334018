#include "sfu/bridge/control/codec.hpp"

#include <array>
#include <boost/json.hpp>
#include <limits>
#include <optional>
#include <type_traits>

namespace roomgate::sfu::bridge {
namespace {

namespace json = boost::json;

// Every message and every value inside one lists its fields once; Writer and Reader both walk that list.
template <class A, class M>
void fields_of(A& archive, M& m) {
  using T = std::remove_const_t<M>;
  if constexpr (std::is_same_v<T, Layer>) {
    archive("ssrc", m.ssrc)("rtx", m.rtx);
  } else if constexpr (std::is_same_v<T, Source>) {
    archive("name", m.name)("media", m.media)("video_type", m.video_type)("layers", m.layers);
  } else if constexpr (std::is_same_v<T, Fingerprint>) {
    archive("hash", m.hash)("value", m.value);
  } else if constexpr (std::is_same_v<T, Candidate>) {
    archive("ip", m.ip)("port", m.port)("priority", m.priority)("foundation", m.foundation);
  } else if constexpr (std::is_same_v<T, Features>) {
    archive("transport_cc", m.transport_cc)("source_names", m.source_names)("opus_red", m.opus_red)(
        "ssrc_rewriting", m.ssrc_rewriting);
  } else if constexpr (std::is_same_v<T, Stress>) {
    archive("stress", m.stress)("conferences", m.conferences)("endpoints", m.endpoints);
  } else {
    if constexpr (requires { m.request; }) archive("request", m.request);
    archive("conference", m.conference)("endpoint", m.endpoint);
    if constexpr (std::is_same_v<T, Allocate>) archive("region", m.region);
    if constexpr (std::is_same_v<T, SetTransport>) {
      archive("ufrag", m.ufrag)("pwd", m.pwd)("fingerprint", m.fingerprint)("features", m.features);
    }
    if constexpr (std::is_same_v<T, SetSources>) archive("sources", m.sources);
    if constexpr (std::is_same_v<T, ChannelFrame>) archive("text", m.text);
    if constexpr (std::is_same_v<T, Allocated>) {
      archive("ufrag", m.ufrag)("pwd", m.pwd)("fingerprint", m.fingerprint)("candidates", m.candidates);
      archive("channel_secret", m.channel_secret)("bridge", m.bridge)("bridge_region", m.bridge_region);
      archive("audio_ssrc", m.audio_ssrc)("video_ssrc", m.video_ssrc);
    }
    if constexpr (std::is_same_v<T, EndpointChanged>) archive("state", m.state);
    if constexpr (requires { m.reason; }) archive("reason", m.reason);
  }
}

template <class E>
struct EnumNames;
template <>
struct EnumNames<Media> {
  static constexpr std::array<std::string_view, 2> kNames = {"audio", "video"};
};
template <>
struct EnumNames<VideoType> {
  static constexpr std::array<std::string_view, 3> kNames = {"camera", "desktop", "none"};
};
template <>
struct EnumNames<EndpointState> {
  static constexpr std::array<std::string_view, 3> kNames = {"connected", "interrupted", "failed"};
};

class Writer {
 public:
  explicit Writer(json::object& out) : out_(out) {}

  template <class T>
  Writer& operator()(std::string_view key, const T& value) {
    out_[key] = to_json(value);
    return *this;
  }

 private:
  template <class T>
  static json::value to_json(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      return json::value(EnumNames<T>::kNames[static_cast<std::size_t>(value)]);
    } else if constexpr (std::is_arithmetic_v<T>) {
      return json::value(value);
    } else if constexpr (std::is_same_v<T, std::string>) {
      return json::value(std::string_view(value));
    } else {
      json::object object;
      Writer writer(object);
      fields_of(writer, value);
      return object;
    }
  }
  template <class T>
  static json::value to_json(const std::vector<T>& values) {
    json::array array;
    for (const T& value : values) array.push_back(to_json(value));
    return array;
  }

  json::object& out_;
};

class Reader {
 public:
  Reader(const json::object& in, const CodecLimits& limits) : in_(in), limits_(limits) {}

  template <class T>
  Reader& operator()(std::string_view key, T& value) {
    const json::value* found = in_.if_contains(key);
    if (found == nullptr || !read(*found, value)) failed_ = true;
    return *this;
  }
  bool failed() const { return failed_; }

 private:
  template <class T>
  bool read(const json::value& from, T& to) {
    if constexpr (std::is_enum_v<T>) {
      if (!from.is_string()) return false;
      const std::string_view name = from.get_string();
      for (std::size_t i = 0; i < EnumNames<T>::kNames.size(); ++i) {
        if (EnumNames<T>::kNames[i] == name) {
          to = static_cast<T>(i);
          return true;
        }
      }
      return false;
    } else if constexpr (std::is_same_v<T, bool>) {
      if (!from.is_bool()) return false;
      to = from.get_bool();
      return true;
    } else if constexpr (std::is_floating_point_v<T>) {
      if (!from.is_number()) return false;
      to = from.to_number<T>();
      return true;
    } else if constexpr (std::is_unsigned_v<T>) {
      // Whole numbers only: 1.5, -1 and 1e3 are refused, not rounded.
      const std::optional<std::uint64_t> number = unsigned_of(from);
      if (!number || *number > std::numeric_limits<T>::max()) return false;
      to = static_cast<T>(*number);
      return true;
    } else if constexpr (std::is_same_v<T, std::string>) {
      if (!from.is_string() || from.get_string().size() > limits_.max_string) return false;
      to.assign(from.get_string().data(), from.get_string().size());
      return true;
    } else {
      if (!from.is_object()) return false;
      Reader reader(from.get_object(), limits_);
      fields_of(reader, to);
      return !reader.failed();
    }
  }
  template <class T>
  bool read(const json::value& from, std::vector<T>& to) {
    if (!from.is_array() || from.get_array().size() > limits_.max_items) return false;
    for (const json::value& item : from.get_array()) {
      if (!read(item, to.emplace_back())) return false;
    }
    return true;
  }
  static std::optional<std::uint64_t> unsigned_of(const json::value& from) {
    if (from.is_uint64()) return from.get_uint64();
    if (from.is_int64() && from.get_int64() >= 0) return static_cast<std::uint64_t>(from.get_int64());
    return std::nullopt;
  }

  const json::object& in_;
  const CodecLimits& limits_;
  bool failed_ = false;
};

// In the order of the variants.
constexpr std::array<std::string_view, std::variant_size_v<Command>> kCommandNames = {
    "allocate",       "set_transport",  "set_sources",  "expire",
    "channel_opened", "channel_closed", "channel_frame"};
constexpr std::array<std::string_view, std::variant_size_v<Event>> kEventNames = {
    "allocated",        "allocate_failed", "endpoint_changed", "restart_wanted",
    "dominant_speaker", "stress",          "channel_frame"};

template <class Variant>
std::string encode_message(const Variant& message, std::string_view type) {
  json::object object;
  object["v"] = kControlVersion;
  object["type"] = type;
  std::visit(
      [&object](const auto& m) {
        Writer writer(object);
        fields_of(writer, m);
      },
      message);
  return json::serialize(object);
}

// The alternative of that index, default-made.
template <class Variant, std::size_t I = 0>
Variant make_alternative(std::size_t index) {
  if constexpr (I + 1 < std::variant_size_v<Variant>) {
    if (index != I) return make_alternative<Variant, I + 1>(index);
  }
  return Variant(std::in_place_index<I>);
}

template <class Variant, std::size_t N>
Result<Variant, CodecError> decode_message(std::string_view text,
                                           const std::array<std::string_view, N>& names,
                                           const CodecLimits& limits) {
  if (text.size() > limits.max_text) return fail(CodecError::too_large);
  json::error_code error;
  json::parse_options options;
  options.max_depth = 8;
  const json::value parsed = json::parse(json::string_view(text.data(), text.size()), error, {}, options);
  if (error || !parsed.is_object()) return fail(CodecError::not_json);

  const json::object& object = parsed.get_object();
  const json::value* version = object.if_contains("v");
  if (version == nullptr || !version->is_int64() || version->get_int64() != kControlVersion) {
    return fail(CodecError::version);
  }
  const json::value* type = object.if_contains("type");
  if (type == nullptr || !type->is_string()) return fail(CodecError::unknown_message);
  const std::string_view name = type->get_string();
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] != name) continue;
    Variant message = make_alternative<Variant>(i);
    Reader reader(object, limits);
    std::visit([&reader](auto& m) { fields_of(reader, m); }, message);
    if (reader.failed()) return fail(CodecError::bad_field);
    return message;
  }
  return fail(CodecError::unknown_message);
}

}  // namespace

std::string_view name_of(CodecError error) {
  switch (error) {
    case CodecError::too_large: return "too_large";
    case CodecError::not_json: return "not_json";
    case CodecError::version: return "version";
    case CodecError::unknown_message: return "unknown_message";
    case CodecError::bad_field: return "bad_field";
  }
  return "unknown";
}

std::string encode(const Command& command) { return encode_message(command, kCommandNames[command.index()]); }
std::string encode(const Event& event) { return encode_message(event, kEventNames[event.index()]); }

Result<Command, CodecError> decode_command(std::string_view text, const CodecLimits& limits) {
  return decode_message<Command>(text, kCommandNames, limits);
}
Result<Event, CodecError> decode_event(std::string_view text, const CodecLimits& limits) {
  return decode_message<Event>(text, kEventNames, limits);
}

}  // namespace roomgate::sfu::bridge
