#include "conf/haproxy/config.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace roomgate::conf::haproxy {
namespace {

// More defaults on one another than anybody writes.
constexpr int kDeepest = 16;

// Every word that begins a section, in 2.6 and in what came after it.
std::optional<Kind> section_kind(std::string_view word) {
  if (word == "global") return Kind::global;
  if (word == "defaults") return Kind::defaults;
  if (word == "frontend") return Kind::frontend;
  if (word == "backend") return Kind::backend;
  if (word == "listen") return Kind::listen;
  if (word == "peers") return Kind::peers;
  if (word == "resolvers") return Kind::resolvers;
  for (const char* other : {"userlist", "mailers", "cache", "program", "ring", "http-errors", "fcgi-app",
                            "log-forward", "crt-store", "traces", "acme", "log-profile"}) {
    if (word == other) return Kind::other;
  }
  return std::nullopt;
}

}  // namespace

Config::Config(const std::vector<Line>& lines) {
  std::map<std::string, const Section*> named;
  const Section* last = nullptr;
  Section* open = nullptr;
  for (const Line& line : lines) {
    if (line.conditional || line.malformed) {
      stray_.push_back(&line);
      continue;
    }
    const auto kind = section_kind(line.words[0]);
    if (!kind) {
      if (open == nullptr) {
        stray_.push_back(&line);
      } else {
        open->lines.push_back(&line);
      }
      continue;
    }
    Section section{.kind = *kind, .head = &line};
    const bool has_name = line.words.size() > 1 && (*kind != Kind::defaults || line.words[1] != "from");
    if (has_name) section.name = line.words[1];
    section.title = line.words[0] + (section.name.empty() ? "" : " \"" + section.name + "\"");
    section.base = section.is_proxy() ? last : nullptr;
    for (std::size_t i = 1; i + 1 < line.words.size(); ++i) {
      if (line.words[i] != "from") continue;
      const auto found = named.find(line.words[i + 1]);
      section.base = found == named.end() ? nullptr : found->second;
    }
    sections_.push_back(std::move(section));
    open = &sections_.back();
    if (*kind == Kind::defaults) {
      last = open;
      if (!open->name.empty()) named[open->name] = open;
    }
  }
}

const Section* Config::find(std::initializer_list<Kind> kinds, std::string_view name) const {
  for (const Section& section : sections_) {
    if (section.name == name && std::find(kinds.begin(), kinds.end(), section.kind) != kinds.end()) {
      return &section;
    }
  }
  return nullptr;
}

bool begins_with(const Line& line, std::initializer_list<std::string_view> words) {
  return line.words.size() >= words.size() && std::equal(words.begin(), words.end(), line.words.begin());
}

const Line* setting(const Section& section, std::initializer_list<std::string_view> words) {
  int depth = 0;
  for (const Section* at = &section; at != nullptr && depth < kDeepest; at = at->base, ++depth) {
    const Line* found = nullptr;
    for (const Line* line : at->lines) {
      if (begins_with(*line, words)) found = line;
    }
    if (found != nullptr) return found;
  }
  return nullptr;
}

std::vector<const Line*> settings(const Section& section, std::initializer_list<std::string_view> words) {
  std::vector<const Line*> found;
  int depth = 0;
  for (const Section* at = &section; at != nullptr && found.empty() && depth < kDeepest;
       at = at->base, ++depth) {
    for (const Line* line : at->lines) {
      if (begins_with(*line, words)) found.push_back(line);
    }
  }
  return found;
}

std::size_t condition_at(const Line& line, std::size_t from) {
  for (std::size_t i = from; i < line.words.size(); ++i) {
    if (line.words[i] == "if" || line.words[i] == "unless") return i;
  }
  return line.words.size();
}

}  // namespace roomgate::conf::haproxy
