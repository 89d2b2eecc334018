// What operators said and what shards are (docs/agreement.md 6): a name, a value, a version; the higher
// version counts, then the higher name of who said it. Owned by the book.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "peers-sync/claim/log.hpp"
#include "peers-sync/types.hpp"

namespace roomgate::peers_sync::claim {

using WordId = std::uint32_t;

class Words {
 public:
  static constexpr std::size_t kMax = 200'000;

  struct Known {
    Word word;
    std::uint32_t source = 0;  // life whose log has it, and its number there
    std::uint64_t number = 0;
    std::uint64_t change = 0;
  };

  const Known* find(std::string_view name) const;
  const Known& at(WordId id) const { return words_[id]; }
  std::size_t size() const { return words_.size(); }
  // Whether it would count.
  bool newer(const Word& word) const;
  // nullptr: known, older, or too many.
  const Known* take(const Word& word, std::uint32_t source, std::uint64_t number);
  WordId id_of(const Known& known) const { return index_.find(known.word.name)->second; }
  void set_source(WordId id, std::uint32_t source, std::uint64_t number) {
    words_[id].source = source;
    words_[id].number = number;
  }

  // In the order of their last change, for lessons.
  template <typename Visit>
  void changed_since(std::uint64_t position, const Visit& visit) const {
    changes_.after(position, [&](const LogItem& item) {
      return words_[item.what].change != item.number || visit(words_[item.what]);
    });
  }
  std::uint64_t last_change() const { return last_change_; }

 private:
  std::deque<Known> words_;
  std::map<std::string, WordId, std::less<>> index_;
  Log changes_;
  std::uint64_t last_change_ = 0;
};

}  // namespace roomgate::peers_sync::claim
