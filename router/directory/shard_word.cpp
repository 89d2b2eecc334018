#include "router/directory/shard_word.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/address.hpp"

namespace roomgate::router::directory {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxAddresses = 32;
constexpr std::size_t kMaxText = 256;

// It may go into headers and log lines.
bool is_plain(std::string_view text) {
  return text.size() <= kMaxText &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
}

// It goes into a request line as it is.
bool is_path(std::string_view text) {
  return text.starts_with('/') &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

// False: there is one, and it is no such text.
bool read_text(const json::object& object, std::string_view name, std::string& into) {
  const json::value* value = object.if_contains({name.data(), name.size()});
  if (value == nullptr) return true;
  const json::string* text = value->if_string();
  if (text == nullptr || !is_plain({text->data(), text->size()})) return false;
  into.assign(text->data(), text->size());
  return true;
}

bool read_flag(const json::object& object, std::string_view name, bool& into) {
  const json::value* value = object.if_contains({name.data(), name.size()});
  if (value == nullptr) return true;
  if (!value->is_bool()) return false;
  into = value->get_bool();
  return true;
}

bool read_addresses(const json::object& object, std::vector<std::string>& into) {
  const json::value* value = object.if_contains("addresses");
  const json::array* list = value == nullptr ? nullptr : value->if_array();
  if (list == nullptr || list->empty() || list->size() > kMaxAddresses) return false;
  for (const json::value& each : *list) {
    const json::string* text = each.if_string();
    if (text == nullptr || !Address::parse({text->data(), text->size()})) return false;
    into.emplace_back(text->data(), text->size());
  }
  return true;
}

bool read_tls(const json::object& object, std::optional<tls::ClientOptions>& into) {
  const json::value* value = object.if_contains("tls");
  if (value == nullptr) return true;
  const json::object* tls = value->if_object();
  if (tls == nullptr) return false;
  into.emplace();
  return read_flag(*tls, "verify", into->verify) && read_text(*tls, "sni", into->sni);
}

}  // namespace

bool is_shard_name(std::string_view name) {
  constexpr std::string_view kSet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return !name.empty() && name.size() <= 64 && name.find_first_not_of(kSet) == name.npos;
}

std::string encode_shard(const PeerShard& shard) {
  if (shard.addresses.empty()) return {};
  json::object object;
  object["addresses"] = json::array(shard.addresses.begin(), shard.addresses.end());
  const auto add = [&object](std::string_view name, const std::string& text) {
    if (!text.empty()) object[{name.data(), name.size()}] = text;
  };
  add("announce", shard.announce);
  add("region", shard.kind.region);
  add("release", shard.kind.release);
  add("census", shard.kind.census);
  if (!shard.kind.check) object["check"] = false;
  if (const auto& tls = shard.kind.tls) {
    json::object how{{"verify", tls->verify}};
    if (!tls->sni.empty()) how["sni"] = tls->sni;
    object["tls"] = std::move(how);
  }
  std::string value = json::serialize(object);
  return value.size() <= kMaxShardWord && decode_shard(shard.name, value) ? value : std::string();
}

std::optional<PeerShard> decode_shard(std::string_view name, std::string_view value) {
  if (!is_shard_name(name) || value.size() > kMaxShardWord) return std::nullopt;
  json::error_code error;
  const json::value parsed = json::parse({value.data(), value.size()}, error);
  const json::object* object = error ? nullptr : parsed.if_object();
  if (object == nullptr) return std::nullopt;
  PeerShard shard{.name = std::string(name)};
  const bool good =
      read_addresses(*object, shard.addresses) && read_text(*object, "announce", shard.announce) &&
      read_text(*object, "region", shard.kind.region) && read_text(*object, "release", shard.kind.release) &&
      read_text(*object, "census", shard.kind.census) && read_flag(*object, "check", shard.kind.check) &&
      read_tls(*object, shard.kind.tls);
  if (!good || (!shard.kind.census.empty() && !is_path(shard.kind.census))) return std::nullopt;
  return shard;
}

bool ShardWords::hear(std::string_view name, std::string_view value, std::string_view by) {
  if (!is_shard_name(name) || value.size() > kMaxShardWord) return false;
  auto place = heard_.find(name);
  if (place == heard_.end()) {
    if (heard_.size() >= kMaxPeerShards) return false;
    place = heard_.try_emplace(std::string(name)).first;
  }
  place->second.by = by;
  if (place->second.value == value) return false;
  place->second.value = value;
  return true;
}

std::vector<PeerShard> ShardWords::of_others() const {
  std::vector<PeerShard> out;
  for (const auto& [name, heard] : heard_) {
    if (heard.value.empty()) continue;
    if (auto shard = decode_shard(name, heard.value)) out.push_back(std::move(*shard));
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> ShardWords::to_say(const std::vector<PeerShard>& own) {
  std::map<std::string_view, std::string> wanted;
  for (const PeerShard& shard : own) {
    if (std::string value = encode_shard(shard); !value.empty()) wanted[shard.name] = std::move(value);
  }
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [name, value] : wanted) {
    const auto said = heard_.find(name);
    // Where two gates see one shard differently, both go by their own: if each insisted, this would not end.
    const bool open = said == heard_.end() || said->second.value.empty() || said->second.by == gate_;
    if (open && (said == heard_.end() || said->second.value != value)) out.emplace_back(name, value);
  }
  for (const auto& [name, heard] : heard_) {
    if (heard.by == gate_ && !heard.value.empty() && !wanted.contains(name)) out.emplace_back(name, "");
  }
  for (const auto& [name, value] : out) (void)hear(name, value, gate_);
  return out;
}

}  // namespace roomgate::router::directory
