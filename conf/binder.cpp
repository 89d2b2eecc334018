#include "conf/binder.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>

#include "base/address.hpp"
#include "base/network.hpp"

namespace roomgate::conf {
namespace {

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

std::string_view type_name(const Node& node) {
  switch (node.value.index()) {
    case 0: return "true or false";
    case 1: return "a whole number";
    case 2: return "a number";
    case 3: return "a text";
    case 4: return "a list";
    default: return "a table";
  }
}

// Edit distance, for "did you mean"; both texts are short.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

// "shards[3].name" -> "shards.name": blocks share their keys.
std::string without_index(const std::string& path) {
  std::string out;
  bool inside = false;
  for (char c : path) {
    if (c == '[') inside = true;
    if (!inside) out.push_back(c);
    if (c == ']') inside = false;
  }
  return out;
}

}  // namespace

Allowed<std::int64_t> between(std::int64_t low, std::int64_t high) {
  return {std::to_string(low) + " to " + std::to_string(high),
          [low, high](const std::int64_t& v) { return v >= low && v <= high; }};
}

Allowed<double> between(double low, double high) {
  std::array<char, 64> words;
  std::snprintf(words.data(), words.size(), "%g to %g", low, high);
  return {words.data(), [low, high](const double& v) { return v >= low && v <= high; }};
}

Allowed<Duration> between(Duration low, Duration high) {
  return {format_duration(low) + " to " + format_duration(high),
          [low, high](const Duration& v) { return v >= low && v <= high; }};
}

Allowed<std::string> one_of(std::vector<std::string> values) {
  std::string words;
  for (const std::string& value : values) words += (words.empty() ? "" : ", ") + quote(value);
  return {words, [values = std::move(values)](const std::string& v) {
            return std::find(values.begin(), values.end(), v) != values.end();
          }};
}

Allowed<std::int64_t> one_of_numbers(std::vector<std::int64_t> values) {
  std::string words;
  for (const std::int64_t value : values) words += (words.empty() ? "" : ", ") + std::to_string(value);
  return {words, [values = std::move(values)](const std::int64_t& value) {
            return std::find(values.begin(), values.end(), value) != values.end();
          }};
}

Allowed<std::string> ip_with_optional_port() {
  return {"ADDRESS or ADDRESS:PORT", [](const std::string& v) { return Address::parse(v, 0).has_value(); }};
}

Allowed<std::string> not_empty() {
  return {"a text that is not empty", [](const std::string& v) { return !v.empty(); }};
}

Allowed<std::string> address_and_port() {
  return {"ADDRESS:PORT, such as \"192.0.2.1:443\" or \"[::]:443\"",
          [](const std::string& v) { return Address::parse(v).has_value(); }};
}

Allowed<std::string> address_and_port_or_empty() {
  return {"ADDRESS:PORT, such as \"192.0.2.1:443\" or \"[::]:443\", or \"\"",
          [](const std::string& v) { return v.empty() || Address::parse(v).has_value(); }};
}

Allowed<std::string> network_or_address() {
  return {"an address or a network, such as \"10.0.0.0/8\"",
          [](const std::string& v) { return Networks::parse({v}).has_value(); }};
}

Result<Duration, std::string> parse_duration(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  constexpr std::int64_t kLargest =
      std::int64_t{366} * 24 * 3600;  // a year in seconds: no overflow in any unit
  if (error == std::errc{} && count >= 0 && count <= kLargest * 1000) {
    if (unit == "ms") return Duration(std::chrono::milliseconds(count));
    if (count <= kLargest) {
      if (unit == "s") return Duration(std::chrono::seconds(count));
      if (unit == "m" && count <= kLargest / 60) return Duration(std::chrono::minutes(count));
      if (unit == "h" && count <= kLargest / 3600) return Duration(std::chrono::hours(count));
    }
  }
  return fail(std::string("a duration is a whole number with ms, s, m or h, such as \"10s\""));
}

std::string format_duration(Duration duration) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  if (ms % 3'600'000 == 0 && ms > 0) return std::to_string(ms / 3'600'000) + "h";
  if (ms % 60'000 == 0 && ms > 0) return std::to_string(ms / 60'000) + "m";
  if (ms % 1000 == 0) return std::to_string(ms / 1000) + "s";
  return std::to_string(ms) + "ms";
}

namespace {

constexpr std::int64_t kMostPerTime = 1'000'000;
constexpr std::int64_t kLargestBurst = 100'000'000;
constexpr std::string_view kRateWords = "\"N/s burst M\", \"N/m burst M\" or \"off\"";

// A whole number at the beginning of `text`, which keeps what follows it.
std::optional<std::int64_t> take_number(std::string_view& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

}  // namespace

Result<Rate, std::string> parse_rate(std::string_view text) {
  if (text == "off") return Rate{};
  const auto wrong = [] { return fail("a rate is " + std::string(kRateWords)); };
  Rate rate;
  const auto count = take_number(text);
  if (!count || text.size() < 2 || text[0] != '/') return wrong();
  rate.count = *count;
  if (text[1] == 'm') {
    rate.per = std::chrono::minutes(1);
  } else if (text[1] != 's') {
    return wrong();
  }
  text.remove_prefix(2);
  constexpr std::string_view kBurst = " burst ";
  if (!text.starts_with(kBurst)) return wrong();
  text.remove_prefix(kBurst.size());
  const auto burst = take_number(text);
  if (!burst || !text.empty()) return wrong();
  rate.burst = *burst;
  if (rate.count < 1 || rate.count > kMostPerTime) {
    return fail("the rate is outside of 1 to " + std::to_string(kMostPerTime));
  }
  if (rate.burst < 1 || rate.burst > kLargestBurst) {
    return fail("the burst is outside of 1 to " + std::to_string(kLargestBurst));
  }
  return rate;
}

std::string format_rate(const Rate& rate) {
  if (rate.count == 0) return "off";
  return std::to_string(rate.count) + (rate.per == std::chrono::minutes(1) ? "/m" : "/s") + " burst " +
         std::to_string(rate.burst);
}

Binder::Binder(const Node& root, std::string file)
    : root_(&root), file_(std::move(file)), table_node_(&root) {}

std::string Binder::full_name(std::string_view name) const {
  return table_.empty() ? std::string(name) : table_ + "." + std::string(name);
}

void Binder::table(std::string name, std::string_view help) {
  if (!reading()) {
    if (!text_.empty()) text_ += "\n";
    if (!help.empty()) text_ += "# " + std::string(help) + "\n";
    if (!name.empty()) text_ += "[" + name + "]\n";
  }
  table_ = "";
  table_node_ = root_;
  if (reading() && !name.empty()) {
    table_node_ = find(name);
    if (table_node_ && !std::holds_alternative<Node::Table>(table_node_->value)) {
      wrong_type(name, *table_node_, "a table", "[" + name + "]");
      table_node_ = nullptr;
    }
  }
  table_ = std::move(name);
}

const Node* Binder::find(std::string_view name) {
  known_.push_back(without_index(full_name(name)));
  const Node* node = table_node_;
  while (node) {
    const auto* fields = std::get_if<Node::Table>(&node->value);
    if (!fields) return nullptr;
    const std::size_t dot = name.find('.');
    const auto found = fields->find(std::string(name.substr(0, dot)));
    if (found == fields->end()) return nullptr;
    node = &found->second;
    if (dot == std::string_view::npos) return node;
    name.remove_prefix(dot + 1);
  }
  return nullptr;
}

void Binder::wrong(std::string_view name, const Node& node, std::string text) {
  mistakes_.push_back({file_, node.line, full_name(name), std::move(text)});
}

void Binder::wrong_type(std::string_view name, const Node& node, std::string_view wanted,
                        std::string_view words) {
  std::string text = "is " + std::string(type_name(node)) + ", must be " + std::string(wanted);
  if (!words.empty()) text += ": " + std::string(words);
  wrong(name, node, std::move(text));
}

void Binder::write(std::string_view name, const std::string& value, std::string_view words,
                   std::string_view help) {
  std::string line = std::string(name) + " = " + value;
  line.resize(std::max<std::size_t>(line.size() + 2, 36), ' ');
  text_ += line + "# " + std::string(help);
  if (!words.empty()) text_ += " (" + std::string(words) + ")";
  text_ += "\n";
}

void Binder::key(std::string_view name, bool& field, std::string_view help) {
  if (!reading()) return write(name, field ? "true" : "false", "", help);
  const Node* node = find(name);
  if (!node) return;
  if (const bool* value = std::get_if<bool>(&node->value)) {
    field = *value;
  } else {
    wrong_type(name, *node, "true or false", "");
  }
}

void Binder::key(std::string_view name, std::int64_t& field, const Allowed<std::int64_t>& allowed,
                 std::string_view help) {
  if (!reading()) return write(name, std::to_string(field), allowed.words, help);
  const Node* node = find(name);
  if (!node) return;
  const auto* value = std::get_if<std::int64_t>(&node->value);
  if (!value) return wrong_type(name, *node, "a whole number", allowed.words);
  if (!allowed.check(*value))
    return wrong(name, *node, std::to_string(*value) + " is outside of " + allowed.words);
  field = *value;
}

void Binder::key(std::string_view name, double& field, const Allowed<double>& allowed,
                 std::string_view help) {
  if (!reading()) {
    std::array<char, 32> text;
    std::snprintf(text.data(), text.size(), "%g", field);
    std::string shown = text.data();
    if (shown.find('.') == std::string::npos) shown += ".0";
    return write(name, shown, allowed.words, help);
  }
  const Node* node = find(name);
  if (!node) return;
  double value = 0;
  if (const auto* number = std::get_if<double>(&node->value)) {
    value = *number;
  } else if (const auto* whole = std::get_if<std::int64_t>(&node->value)) {
    value = static_cast<double>(*whole);
  } else {
    return wrong_type(name, *node, "a number", allowed.words);
  }
  if (!allowed.check(value)) return wrong(name, *node, "is outside of " + allowed.words);
  field = value;
}

void Binder::key(std::string_view name, std::string& field, const Allowed<std::string>& allowed,
                 std::string_view help) {
  if (!reading()) return write(name, quote(field), allowed.words, help);
  const Node* node = find(name);
  if (!node) return;
  const auto* value = std::get_if<std::string>(&node->value);
  if (!value) return wrong_type(name, *node, "a text in quotes", allowed.words);
  if (!allowed.check(*value))
    return wrong(name, *node, quote(*value) + " is not allowed, must be " + allowed.words);
  field = *value;
}

void Binder::key(std::string_view name, Duration& field, const Allowed<Duration>& allowed,
                 std::string_view help) {
  if (!reading()) return write(name, quote(format_duration(field)), allowed.words, help);
  const Node* node = find(name);
  if (!node) return;
  const auto* value = std::get_if<std::string>(&node->value);
  if (!value) return wrong_type(name, *node, "a duration in quotes", allowed.words);
  const auto duration = parse_duration(*value);
  if (!duration) return wrong(name, *node, quote(*value) + ": " + duration.error());
  if (!allowed.check(*duration)) return wrong(name, *node, quote(*value) + " is outside of " + allowed.words);
  field = *duration;
}

void Binder::key(std::string_view name, Rate& field, std::string_view help) {
  if (!reading()) return write(name, quote(format_rate(field)), kRateWords, help);
  const Node* node = find(name);
  if (!node) return;
  const auto* value = std::get_if<std::string>(&node->value);
  if (!value) return wrong_type(name, *node, "a rate in quotes", kRateWords);
  const auto rate = parse_rate(*value);
  if (!rate) return wrong(name, *node, quote(*value) + ": " + rate.error());
  field = *rate;
}

void Binder::key(std::string_view name, std::vector<std::string>& field, const Allowed<std::string>& each,
                 std::string_view help) {
  if (!reading()) {
    std::string text = "[";
    for (const std::string& item : field) text += (text.size() > 1 ? ", " : "") + quote(item);
    return write(name, text + "]", each.words.empty() ? "" : "each " + each.words, help);
  }
  const Node* node = find(name);
  if (!node) return;
  const auto* list = std::get_if<Node::List>(&node->value);
  if (!list) return wrong_type(name, *node, "a list of texts", each.words);
  std::vector<std::string> values;
  for (const Node& item : *list) {
    const auto* text = std::get_if<std::string>(&item.value);
    if (!text) return wrong_type(name, item, "a list of texts", each.words);
    if (!each.check(*text)) return wrong(name, item, quote(*text) + " is not allowed, must be " + each.words);
    values.push_back(*text);
  }
  field = std::move(values);
}

std::size_t Binder::begin_blocks(const std::string& name, std::string_view help) {
  table_ = "";
  table_node_ = root_;
  if (!reading()) {
    text_ += "\n# " + std::string(help) + "\n[[" + name + "]]\n";
    return 1;
  }
  const Node* node = find(name);
  if (!node) return 0;
  const auto* list = std::get_if<Node::List>(&node->value);
  if (!list) {
    wrong_type(name, *node, "a list of blocks", "[[" + name + "]]");
    return 0;
  }
  return list->size();
}

bool Binder::enter_block(const std::string& name, std::size_t index) {
  outer_table_ = table_;
  outer_node_ = table_node_;
  if (reading()) {
    const auto& list = std::get<Node::List>(find(name)->value);
    table_node_ = &list[index];
    table_ = name + "[" + std::to_string(index) + "]";
    if (!std::holds_alternative<Node::Table>(table_node_->value)) {
      wrong_type("", *table_node_, "a block", "[[" + name + "]]");
      return false;
    }
  }
  return true;
}

std::vector<std::string> Binder::begin_named(const std::string& name, std::string_view help,
                                             std::string_view example) {
  table_ = "";
  table_node_ = root_;
  if (!reading()) {
    text_ += "\n# " + std::string(help) + "\n[" + name + "." + std::string(example) + "]\n";
    return {std::string(example)};
  }
  const Node* node = find(name);
  if (!node) return {};
  const auto* fields = std::get_if<Node::Table>(&node->value);
  if (!fields) {
    wrong_type(name, *node, "a table of tables", "[" + name + ".NAME]");
    return {};
  }
  std::vector<std::string> keys;
  for (const auto& [key, child] : *fields) keys.push_back(key);
  return keys;
}

bool Binder::enter_named(const std::string& name, const std::string& key) {
  outer_table_ = table_;
  outer_node_ = table_node_;
  if (reading()) {
    const auto& fields = std::get<Node::Table>(find(name)->value);
    table_node_ = &fields.at(key);
    table_ = name + "." + key;
    known_.push_back(table_);
    if (!std::holds_alternative<Node::Table>(table_node_->value)) {
      wrong_type("", *table_node_, "a table", "[" + name + ".NAME]");
      return false;
    }
  }
  return true;
}

void Binder::leave_block() {
  table_ = outer_table_;
  table_node_ = outer_node_;
}

void Binder::required(std::string_view name) {
  if (reading() && !find(name)) reject(name, "is missing");
}

void Binder::reject(std::string_view name, std::string text) {
  const Node* node = find(name);
  Node nowhere;
  nowhere.line = table_node_ ? table_node_->line : 0;
  wrong(name, node ? *node : nowhere, std::move(text));
}

void Binder::collect_unknown(const Node& node, const std::string& path) {
  const std::string plain = without_index(path);
  const bool known = std::find(known_.begin(), known_.end(), plain) != known_.end();
  const bool on_the_way = std::any_of(known_.begin(), known_.end(), [&](const std::string& key) {
    return plain.empty() || key.starts_with(plain + ".");
  });
  if (!known && !on_the_way) {
    std::string text = "is not a key of this program";
    const auto nearest = std::min_element(known_.begin(), known_.end(), [&](const auto& a, const auto& b) {
      return distance(a, plain) < distance(b, plain);
    });
    if (nearest != known_.end() && distance(*nearest, plain) <= 3) text += "; did you mean " + *nearest + "?";
    mistakes_.push_back({file_, node.line, path, std::move(text)});
    return;
  }
  if (const auto* fields = std::get_if<Node::Table>(&node.value)) {
    for (const auto& [key, child] : *fields) collect_unknown(child, path.empty() ? key : path + "." + key);
  } else if (const auto* list = std::get_if<Node::List>(&node.value); list && on_the_way) {
    for (std::size_t i = 0; i < list->size(); ++i)
      collect_unknown((*list)[i], path + "[" + std::to_string(i) + "]");
  }
}

std::vector<Mistake> Binder::mistakes() {
  if (root_) collect_unknown(*root_, "");
  std::stable_sort(mistakes_.begin(), mistakes_.end(),
                   [](const auto& a, const auto& b) { return a.line < b.line; });
  return mistakes_;
}

}  // namespace roomgate::conf
