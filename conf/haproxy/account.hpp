// What became of each line of the configuration: carried over, left out, or both in parts. At the end every
// line is one of these, and what was left out is printed as comments. Start-up only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "conf/haproxy/config.hpp"

namespace roomgate::conf::haproxy {

// lost: HAProxy did something that the gate now does not. needless: the gate does it anyway, or has no use
// for it.
enum class Left : std::uint8_t { lost, needless };

class Account {
 public:
  void carried(const Line& line) { fates_[&line]; }
  void left(const Line& line, Left how, std::string why) { fates_[&line].push_back({how, std::move(why)}); }
  bool knows(const Line& line) const { return fates_.contains(&line); }

  // All that was left out in this way, grouped by reason, as comments; empty: nothing was.
  std::string print(Left how) const;
  std::size_t count(Left how) const;

 private:
  struct Fate {
    Left how;
    std::string why;
  };
  std::map<const Line*, std::vector<Fate>> fates_;
};

// What is known of lines that nothing was made of, by their first words.
struct Known {
  Left how;
  std::string why;
};
Known known_reason(const Line& line);

// Text of the file within a comment: no control characters, valid UTF-8.
std::string printable(std::string_view text);
// Comment lines of at most `width`, each begun with `first` or `next`.
std::string wrapped(std::string_view text, std::string_view first, std::string_view next,
                    std::size_t width = 100);

}  // namespace roomgate::conf::haproxy
