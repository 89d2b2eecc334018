#include "peers-sync/claim/words.hpp"

#include <tuple>

namespace roomgate::peers_sync::claim {

const Words::Known* Words::find(std::string_view name) const {
  const auto at = index_.find(name);
  return at == index_.end() ? nullptr : &words_[at->second];
}

bool Words::newer(const Word& word) const {
  const Known* known = find(word.name);
  if (known == nullptr) return words_.size() < kMax;
  // The value last: only a name that two processes have could say two values of one version.
  const Word& old = known->word;
  return std::tie(word.version, word.by, word.value) > std::tie(old.version, old.by, old.value);
}

const Words::Known* Words::take(const Word& word, std::uint32_t source, std::uint64_t number) {
  if (!newer(word)) return nullptr;
  const auto [at, fresh] = index_.try_emplace(word.name, static_cast<WordId>(words_.size()));
  if (fresh) words_.emplace_back();
  Known& known = words_[at->second];
  known = {.word = word, .source = source, .number = number, .change = ++last_change_};
  changes_.add({.number = known.change, .what = at->second});
  if (!fresh) {
    changes_.died([&](const LogItem& item) { return words_[item.what].change == item.number; });
  }
  return &known;
}

}  // namespace roomgate::peers_sync::claim
