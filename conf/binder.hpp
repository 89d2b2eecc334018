// One list of settings per program, used twice: a describe() function names every key once, with the field it
// fills, what is allowed and a help text; a Binder walks it either to read a file or to write the reference
// (reference.toml). Start-up and reload only, one thread.
//
//   void describe(Binder& b, Gate& gate) {
//     b.table("rooms", "How the room is found in a request.");
//     b.key("idle", gate.rooms.idle, between(seconds(1), hours(24)), "an entry nobody holds ...");
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "conf/tree.hpp"

namespace roomgate::conf {

// What a value may be: a check, and the same in words for the error and the reference.
template <class T>
struct Allowed {
  std::string words;
  std::function<bool(const T&)> check;
};

Allowed<std::int64_t> between(std::int64_t low, std::int64_t high);
Allowed<double> between(double low, double high);
Allowed<Duration> between(Duration low, Duration high);
Allowed<std::string> one_of(std::vector<std::string> values);
Allowed<std::int64_t> one_of_numbers(std::vector<std::int64_t> values);
Allowed<std::string> not_empty();
Allowed<std::string> address_and_port();  // 192.0.2.1:80, [::]:443
Allowed<std::string> address_and_port_or_empty();
Allowed<std::string> ip_with_optional_port();  // 192.0.2.1, [::1]:5353
Allowed<std::string> network_or_address();     // 10.0.0.0/8, 192.0.2.1
template <class T>
Allowed<T> anything() {
  return {"", [](const T&) { return true; }};
}

// How often somebody may do something: "300/s burst 3000", "6/m burst 10"; "off": as often as they like.
struct Rate {
  std::int64_t count = 0;  // 0: off
  Duration per = std::chrono::seconds(1);
  std::int64_t burst = 0;

  double per_second() const {
    return static_cast<double>(count) / std::chrono::duration<double>(per).count();
  }
};
Result<Rate, std::string> parse_rate(std::string_view text);
std::string format_rate(const Rate& rate);

// "250ms", "10s", "5m", "2h"; whole numbers.
Result<Duration, std::string> parse_duration(std::string_view text);
std::string format_duration(Duration duration);

class Binder {
 public:
  // Reading: fills fields from `root`; mistakes are collected, fields of wrong keys keep their defaults.
  Binder(const Node& root, std::string file);
  // Writing the reference.
  Binder() = default;

  // Keys that follow are in [name]. "" is the top.
  void table(std::string name, std::string_view help);

  void key(std::string_view name, bool& field, std::string_view help);
  void key(std::string_view name, std::int64_t& field, const Allowed<std::int64_t>& allowed,
           std::string_view help);
  void key(std::string_view name, double& field, const Allowed<double>& allowed, std::string_view help);
  void key(std::string_view name, std::string& field, const Allowed<std::string>& allowed,
           std::string_view help);
  void key(std::string_view name, Duration& field, const Allowed<Duration>& allowed, std::string_view help);
  void key(std::string_view name, Rate& field, std::string_view help);
  void key(std::string_view name, std::vector<std::string>& field, const Allowed<std::string>& each,
           std::string_view help);

  // [[name]] blocks, each filling a new Item; `describe_item(Binder&, Item&)` lists its keys. The reference
  // shows one.
  template <class Item, class Describe>
  void blocks(std::string name, std::vector<Item>& field, std::string_view help, Describe describe_item) {
    const std::size_t count = begin_blocks(name, help);
    if (reading()) field.clear();
    for (std::size_t i = 0; i < count; ++i) {
      Item item{};
      if (enter_block(name, i)) describe_item(*this, item);
      leave_block();
      if (reading()) field.push_back(std::move(item));
    }
  }

  // [name.KEY] tables, each filling an Item under the KEY that the file chose. The reference shows one, as
  // `example`.
  template <class Item, class Describe>
  void named(std::string name, std::map<std::string, Item>& field, std::string_view help,
             std::string_view example, Describe describe_item) {
    const std::vector<std::string> keys = begin_named(name, help, example);
    for (const std::string& key : keys) {
      Item item{};
      if (enter_named(name, key)) describe_item(*this, item);
      leave_block();
      if (reading()) field.insert_or_assign(key, std::move(item));
    }
  }

  // The key stands in the file; false when writing the reference.
  bool has(std::string_view name) { return reading() && find(name) != nullptr; }

  // The key must stand in the file.
  void required(std::string_view name);

  // A mistake found by a check across keys; `key` says at which line it is shown.
  void reject(std::string_view key, std::string text);

  // After describe(): keys nobody asked for are mistakes too. Sorted by line.
  std::vector<Mistake> mistakes();
  std::string reference() const { return text_; }
  bool reading() const { return root_ != nullptr; }

 private:
  const Node* find(std::string_view name);  // marks it as known
  void wrong(std::string_view name, const Node& node, std::string text);
  void wrong_type(std::string_view name, const Node& node, std::string_view wanted, std::string_view words);
  void write(std::string_view name, const std::string& value, std::string_view words, std::string_view help);
  std::string full_name(std::string_view name) const;
  std::size_t begin_blocks(const std::string& name, std::string_view help);
  bool enter_block(const std::string& name, std::size_t index);
  std::vector<std::string> begin_named(const std::string& name, std::string_view help,
                                       std::string_view example);
  bool enter_named(const std::string& name, const std::string& key);
  void leave_block();
  void collect_unknown(const Node& node, const std::string& path);

  const Node* root_ = nullptr;
  std::string file_;
  std::string table_;  // "rooms", or "shards[0]" inside a block
  const Node* table_node_ = nullptr;
  std::string outer_table_;
  const Node* outer_node_ = nullptr;
  std::vector<std::string> known_;  // full paths, for telling unknown keys
  std::vector<Mistake> mistakes_;
  std::string text_;
};

// A parsed file as settings: all mistakes at once, each as a line for the operator. Uses describe(Binder&,
// Settings&).
template <class Settings>
Result<Settings, std::vector<Mistake>> read_settings(const Result<Node, Mistake>& root,
                                                     const std::string& file) {
  if (!root) return fail(std::vector<Mistake>{root.error()});
  Settings settings;
  Binder binder(*root, file);
  describe(binder, settings);
  if (auto mistakes = binder.mistakes(); !mistakes.empty()) return fail(std::move(mistakes));
  return settings;
}

template <class Settings>
std::string write_reference() {
  Settings settings;
  Binder binder;
  describe(binder, settings);
  return binder.reference();
}

}  // namespace roomgate::conf
