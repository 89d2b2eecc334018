#include "conf/haproxy/draft.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "conf/binder.hpp"
#include "conf/haproxy/account.hpp"

namespace roomgate::conf::haproxy {
namespace {

constexpr const char* kOrder[] = {"gate",     "listen", "admin",  "rooms", "balance", "regions", "shards",
                                  "discover", "dns",    "health", "peers", "limits",  "timeouts"};
// Values longer than this do not push the comments of their table to the right.
constexpr std::size_t kWidest = 44;

}  // namespace

std::string toml(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      std::array<char, 8> escaped;
      std::snprintf(escaped.data(), escaped.size(), "\\u%04x", static_cast<unsigned>(byte));
      out += escaped.data();
      continue;
    }
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

std::string toml(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) out += (out.size() == 1 ? "" : ", ") + toml(text);
  return out + "]";
}

std::string toml(Duration duration) { return toml(format_duration(duration)); }

void Draft::Table::set(std::string_view key, std::string value, std::string comment) {
  for (Key& each : keys_) {
    if (each.name != key) continue;
    each.value = std::move(value);
    each.comment = std::move(comment);
    return;
  }
  keys_.push_back({std::string(key), std::move(value), std::move(comment)});
}

bool Draft::Table::has(std::string_view key) const {
  return std::any_of(keys_.begin(), keys_.end(), [key](const Key& each) { return each.name == key; });
}

std::string Draft::Table::print(std::set<std::string>& said) const {
  std::string out;
  for (const std::string& words : words_) {
    if (said.insert(header_ + words).second) out += wrapped(printable(words), "# ", "# ");
  }
  if (keys_.empty()) return out;
  out += header_ + "\n";
  std::size_t width = 0;
  std::set<const Key*> saying;
  for (const Key& key : keys_) {
    if (key.comment.empty() || !said.insert(header_ + key.name + key.comment).second) continue;
    saying.insert(&key);
    const std::size_t size = key.name.size() + 3 + key.value.size();
    if (size <= kWidest) width = std::max(width, size);
  }
  for (const Key& key : keys_) {
    const std::string line = key.name + " = " + key.value;
    const bool says = saying.contains(&key);
    const bool beside = std::max(line.size(), width) + 4 + key.comment.size() <= 118;
    if (says && !beside) out += wrapped(printable(key.comment), "# ", "# ");
    out += line;
    if (says && beside) {
      out +=
          std::string(line.size() < width ? width - line.size() : 0, ' ') + "  # " + printable(key.comment);
    }
    out += "\n";
  }
  return out;
}

Draft::Table& Draft::block(const std::string& name) {
  parts_.push_back({name, Table("[[" + name + "]]")});
  return parts_.back().table;
}

Draft::Table& Draft::find(const std::string& name, const std::string& header) {
  for (Part& part : parts_) {
    if (part.name == name) return part.table;
  }
  parts_.push_back({name, Table(header)});
  return parts_.back().table;
}

std::string Draft::print() const {
  std::string out;
  std::set<std::string> said;  // in two hundred blocks, once is enough
  for (const std::string_view name : kOrder) {
    for (const Part& part : parts_) {
      const bool fits = part.name == name || (part.name.starts_with(name) && part.name[name.size()] == '.');
      if (fits && !part.table.empty()) out += "\n" + part.table.print(said);
    }
  }
  return out;
}

}  // namespace roomgate::conf::haproxy
