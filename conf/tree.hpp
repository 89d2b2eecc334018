// A settings file as a plain tree that knows the line of everything in it, so that each mistake can be
// pointed at. Start-up only; no thread rules.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace roomgate::conf {

struct Node {
  using List = std::vector<Node>;
  using Table = std::map<std::string, Node>;
  std::variant<bool, std::int64_t, double, std::string, List, Table> value;
  int line = 0;
};

// "FILE:LINE: key: what is wrong and what is allowed", for the person who can mend it.
struct Mistake {
  std::string file;
  int line = 0;
  std::string key;
  std::string text;

  std::string to_string() const;
};

Result<Node, Mistake> parse_toml(const std::string& text, const std::string& file);
Result<Node, Mistake> read_toml_file(const std::string& file);

}  // namespace roomgate::conf
