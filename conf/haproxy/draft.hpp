// The roomgate.toml that is being written: tables and blocks of keys, each with a comment where a person
// should know why. Printed in the order of the reference, whatever order it was filled in. Start-up only.
#pragma once

#include <list>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace roomgate::conf::haproxy {

std::string toml(std::string_view text);
std::string toml(const std::vector<std::string>& texts);
std::string toml(Duration duration);
inline std::string toml(const char* text) { return toml(std::string_view(text)); }
inline std::string toml(const std::string& text) { return toml(std::string_view(text)); }

class Draft {
 public:
  class Table {
   public:
    explicit Table(std::string header) : header_(std::move(header)) {}

    // `value` is TOML already. A key that is there gets the new value.
    void set(std::string_view key, std::string value, std::string comment = "");
    bool has(std::string_view key) const;
    void say(std::string_view comment) { words_.emplace_back(comment); }
    bool empty() const { return keys_.empty() && words_.empty(); }
    // What is in `said` already is not said again.
    std::string print(std::set<std::string>& said) const;

   private:
    struct Key {
      std::string name;
      std::string value;
      std::string comment;
    };
    std::string header_;
    std::vector<std::string> words_;
    std::vector<Key> keys_;
  };

  Table& table(const std::string& name) { return find(name, "[" + name + "]"); }
  Table& block(const std::string& name);  // one more [[name]]
  std::string print() const;

 private:
  struct Part {
    std::string name;
    Table table;
  };
  Table& find(const std::string& name, const std::string& header);

  std::list<Part> parts_;
};

}  // namespace roomgate::conf::haproxy
