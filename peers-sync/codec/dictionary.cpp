#include "peers-sync/codec/dictionary.hpp"

namespace roomgate::peers_sync::codec {

Reference SendDictionary::refer(std::string_view text) {
  std::string wanted(text);
  if (const auto known = ids_.find(wanted); known != ids_.end()) return {known->second, std::nullopt};
  std::string& place = texts_[next_];
  const std::uint64_t id = next_ + 1;
  next_ = (next_ + 1) % texts_.size();
  if (const auto before = ids_.find(place); before != ids_.end() && before->second == id) ids_.erase(before);
  place = wanted;
  ids_[wanted] = id;
  return {id, std::move(wanted)};
}

std::optional<std::string_view> ReceiveDictionary::resolve(const Reference& reference) {
  if (reference.id == 0 || reference.id > kDictionarySize) return std::nullopt;
  auto& place = texts_[static_cast<std::size_t>(reference.id - 1)];
  if (reference.text) place = reference.text;
  if (!place) return std::nullopt;
  return std::string_view(*place);
}

}  // namespace roomgate::peers_sync::codec
