// A HAProxy configuration as sections: which lines belong together, and which `defaults` a section takes what
// it does not say itself from. Views into the lines it was made of; any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "conf/haproxy/lines.hpp"

namespace roomgate::conf::haproxy {

enum class Kind : std::uint8_t { global, defaults, frontend, backend, listen, peers, resolvers, other };

struct Section {
  Kind kind = Kind::other;
  std::string title;  // `frontend "web"`, `global`
  std::string name;
  const Line* head = nullptr;
  std::vector<const Line*> lines;
  const Section* base = nullptr;  // its defaults; only ones that stand before it, so there is no circle

  bool is_proxy() const { return kind == Kind::frontend || kind == Kind::backend || kind == Kind::listen; }
};

class Config {
 public:
  explicit Config(const std::vector<Line>& lines);
  Config(const Config&) = delete;
  Config& operator=(const Config&) = delete;

  const std::deque<Section>& sections() const { return sections_; }
  // Lines before the first section, and those of conditions, which nobody evaluates here.
  const std::vector<const Line*>& stray() const { return stray_; }
  const Section* find(std::initializer_list<Kind> kinds, std::string_view name) const;

 private:
  std::deque<Section> sections_;
  std::vector<const Line*> stray_;
};

bool begins_with(const Line& line, std::initializer_list<std::string_view> words);

// The line that counts: the last one of the section, else of its defaults. nullptr: none.
const Line* setting(const Section& section, std::initializer_list<std::string_view> words);
// All of the section that begin so, in order; where it has none, those of its defaults.
std::vector<const Line*> settings(const Section& section, std::initializer_list<std::string_view> words);

// Where `if` or `unless` begins, else the number of words.
std::size_t condition_at(const Line& line, std::size_t from = 0);

}  // namespace roomgate::conf::haproxy
