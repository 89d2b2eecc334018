#include "peers-sync/redis/entry.hpp"

#include <charconv>

namespace roomgate::peers_sync::redis {
namespace {

std::optional<std::string_view> take_word(std::string_view& text) {
  const auto end = text.find(' ');
  if (end == text.npos || end == 0) return std::nullopt;
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end + 1);
  return word;
}

template <class Number>
bool take_number(std::string_view& text, Number& number) {
  const auto word = take_word(text);
  if (!word) return false;
  const auto [end, error] = std::from_chars(word->data(), word->data() + word->size(), number);
  return error == std::errc() && end == word->data() + word->size() && number >= 0;
}

}  // namespace

std::string pack(const Entry& entry) {
  return std::to_string(entry.generation) + " " + entry.shard + " " + std::to_string(entry.created) + " " +
         std::to_string(entry.idle) + " " + (entry.provisional ? "1" : "0") + " " +
         std::to_string(entry.placed) + " " + entry.region;
}

std::optional<Entry> unpack(std::string_view text) {
  Entry entry;
  int provisional = 0;
  if (!take_number(text, entry.generation)) return std::nullopt;
  const auto shard = take_word(text);
  if (!shard || !take_number(text, entry.created) || !take_number(text, entry.idle) ||
      !take_number(text, provisional) || !take_number(text, entry.placed)) {
    return std::nullopt;
  }
  entry.shard = *shard;
  entry.provisional = provisional != 0;
  entry.region = text;
  return entry;
}

}  // namespace roomgate::peers_sync::redis
