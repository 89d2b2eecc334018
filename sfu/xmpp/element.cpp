#include "sfu/xmpp/element.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <utility>

#include "sfu/xmpp/namespaces.hpp"

namespace roomgate::sfu::xmpp {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

// The length of the valid UTF-8 sequence that starts at `i` and is a Char of XML 1.0 (2.2), 0 if there is
// none.
std::size_t sequence_length(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t k) { return static_cast<std::uint8_t>(text[i + k]); };
  const std::uint8_t lead = byte(0);
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || i + length > text.size()) return 0;
  for (std::size_t k = 1; k < length; ++k) {
    if ((byte(k) & 0xc0) != 0x80) return 0;
  }
  if (lead == 0xe0 && byte(1) < 0xa0) return 0;                      // overlong
  if (lead == 0xed && byte(1) > 0x9f) return 0;                      // surrogates
  if (lead == 0xf0 && byte(1) < 0x90) return 0;                      // overlong
  if (lead == 0xf4 && byte(1) > 0x8f) return 0;                      // past U+10FFFF
  if (lead == 0xef && byte(1) == 0xbf && byte(2) >= 0xbe) return 0;  // U+FFFE, U+FFFF
  return length;
}

enum : std::uint8_t { kSpecialInText = 1, kSpecialInAttribute = 2 };
constexpr auto kSpecial = [] {
  std::array<std::uint8_t, 256> out{};
  for (std::size_t c = 0; c < out.size(); ++c) {
    if (c < 0x20 || c >= 0x80) out[c] = kSpecialInText | kSpecialInAttribute;
  }
  for (const char c : {'&', '<', '>'})
    out[static_cast<std::uint8_t>(c)] = kSpecialInText | kSpecialInAttribute;
  for (const char c : {'\n', '\t'}) out[static_cast<std::uint8_t>(c)] = kSpecialInAttribute;
  out[static_cast<std::uint8_t>('\'')] = kSpecialInAttribute;
  return out;
}();

// What no XML 1.0 document can hold leaves as U+FFFD: one such character ends the connection of every browser
// it is relayed to. Line ends and tabs are escaped where a parser would otherwise normalise them away.
void escape(std::string& out, std::string_view text, bool attribute) {
  const auto special = attribute ? kSpecialInAttribute : kSpecialInText;
  for (std::size_t i = 0; i < text.size();) {
    // Most of it leaves as it is.
    const std::size_t begin = i;
    while (i < text.size() && (kSpecial[static_cast<std::uint8_t>(text[i])] & special) == 0) ++i;
    out.append(text.substr(begin, i - begin));
    if (i == text.size()) return;
    const char c = text[i];
    if (static_cast<std::uint8_t>(c) >= 0x80) {
      const std::size_t length = sequence_length(text, i);
      out.append(length > 0 ? text.substr(i, length) : kReplacement);
      i += std::max<std::size_t>(length, 1);
      continue;
    }
    ++i;
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '\r') {
      out += "&#13;";
    } else if (attribute && c == '\'') {
      out += "&apos;";
    } else if (attribute && c == '\n') {
      out += "&#10;";
    } else if (attribute && c == '\t') {
      out += "&#9;";
    } else {
      out += kReplacement;  // a control character
    }
  }
}

void write_attribute(std::string& out, std::string_view name, std::string_view value) {
  out += ' ';
  out += name;
  out += "='";
  escape(out, value, true);
  out += '\'';
}

}  // namespace

struct Element::Node {
  std::string text;
  std::unique_ptr<Element> element;  // null: this node is text

  explicit Node(std::string t) : text(std::move(t)) {}
  explicit Node(std::unique_ptr<Element> e) : element(std::move(e)) {}
  Node(const Node& other)
      : text(other.text), element(other.element ? std::make_unique<Element>(*other.element) : nullptr) {}
  Node(Node&&) noexcept = default;
  Node& operator=(const Node& other) {
    Node copy(other);
    *this = std::move(copy);
    return *this;
  }
  Node& operator=(Node&&) noexcept = default;
  ~Node() = default;
};

Element::Element(std::string name, std::string ns) : name_(std::move(name)), ns_(std::move(ns)) {}
Element::Element(const Element& other) = default;
Element::Element(Element&& other) noexcept = default;
Element& Element::operator=(const Element& other) = default;
Element& Element::operator=(Element&& other) noexcept = default;
Element::~Element() = default;

const std::string* Element::attribute(std::string_view name) const {
  for (const Attribute& attribute : attributes_) {
    if (attribute.name == name && attribute.ns.empty()) return &attribute.value;
  }
  return nullptr;
}

std::string_view Element::attribute_or(std::string_view name, std::string_view otherwise) const {
  const std::string* value = attribute(name);
  return value != nullptr ? std::string_view(*value) : otherwise;
}

Element& Element::set(std::string name, std::string value) {
  for (Attribute& attribute : attributes_) {
    if (attribute.name == name && attribute.ns.empty()) {
      attribute.value = std::move(value);
      return *this;
    }
  }
  attributes_.push_back({std::move(name), std::string(), std::move(value)});
  return *this;
}

void Element::remove_attribute(std::string_view name) {
  std::erase_if(attributes_,
                [&](const Attribute& attribute) { return attribute.name == name && attribute.ns.empty(); });
}

std::string Element::text() const {
  std::string out;
  for (const Node& node : nodes_) {
    if (!node.element) out += node.text;
  }
  return out;
}

// Neighbouring texts are one node, as they are after parsing what was written.
Element& Element::add_text(std::string text) {
  if (text.empty()) return *this;
  if (!nodes_.empty() && !nodes_.back().element) {
    nodes_.back().text += text;
  } else {
    nodes_.emplace_back(std::move(text));
  }
  return *this;
}

std::vector<const Element*> Element::children() const {
  std::vector<const Element*> out;
  for (const Node& node : nodes_) {
    if (node.element) out.push_back(node.element.get());
  }
  return out;
}

std::vector<const Element*> Element::children(std::string_view name, std::string_view ns) const {
  std::vector<const Element*> out;
  for (const Node& node : nodes_) {
    if (node.element && node.element->is(name, ns)) out.push_back(node.element.get());
  }
  return out;
}

const Element* Element::child(std::string_view name, std::string_view ns) const {
  for (const Node& node : nodes_) {
    if (node.element && node.element->is(name, ns)) return node.element.get();
  }
  return nullptr;
}

const Element* Element::child(std::string_view name) const {
  for (const Node& node : nodes_) {
    if (node.element && node.element->name_ == name) return node.element.get();
  }
  return nullptr;
}

Element& Element::add(Element child) {
  nodes_.emplace_back(std::make_unique<Element>(std::move(child)));
  return *nodes_.back().element;
}

Element& Element::with(Element child) {
  add(std::move(child));
  return *this;
}

void Element::remove_children(std::string_view name, std::string_view ns) {
  std::vector<Node> kept;
  kept.reserve(nodes_.size());
  for (Node& node : nodes_) {
    if (node.element && node.element->is(name, ns)) continue;
    if (!node.element && !kept.empty() && !kept.back().element) {
      kept.back().text += node.text;
    } else {
      kept.push_back(std::move(node));
    }
  }
  nodes_ = std::move(kept);
}

std::string Element::serialize(std::string_view inherited) const {
  std::string out;
  serialize_to(out, inherited);
  return out;
}

void Element::serialize_to(std::string& out, std::string_view inherited) const {
  std::string_view scope = inherited;  // the default namespace in force for the children
  std::string tag;
  out += '<';
  if (ns_ == ns::kStreams) {
    // RFC 7395 3.3.3: clients look for stream:features by its prefix.
    tag = "stream:" + name_;
    out += tag;
    write_attribute(out, "xmlns:stream", ns_);
    if (inherited.empty()) {
      write_attribute(out, "xmlns", ns::kClient);
      scope = ns::kClient;
    }
  } else if (ns_ == ns::kXml) {
    tag = "xml:" + name_;  // Namespaces in XML 3: always bound, never the default
    out += tag;
  } else {
    tag = name_;
    out += tag;
    if (ns_ != inherited) {
      write_attribute(out, "xmlns", ns_);
      scope = ns_;
    }
  }

  std::vector<std::string_view> foreign;
  for (const Attribute& attribute : attributes_) {
    if (attribute.ns.empty()) {
      // Declarations are ours alone to write.
      if (attribute.name == "xmlns" || attribute.name.starts_with("xmlns:")) continue;
      write_attribute(out, attribute.name, attribute.value);
      continue;
    }
    const auto known = std::find(foreign.begin(), foreign.end(), attribute.ns);
    const std::string prefix = "ns" + std::to_string(known - foreign.begin());
    if (known == foreign.end()) {
      foreign.push_back(attribute.ns);
      write_attribute(out, "xmlns:" + prefix, attribute.ns);
    }
    write_attribute(out, prefix + ":" + attribute.name, attribute.value);
  }

  if (nodes_.empty()) {
    out += "/>";
    return;
  }
  out += '>';
  for (const Node& node : nodes_) {
    if (node.element) {
      node.element->serialize_to(out, scope);
    } else {
      escape(out, node.text, false);
    }
  }
  out += "</";
  out += tag;
  out += '>';
}

bool operator==(const Element& a, const Element& b) {
  return a.name_ == b.name_ && a.ns_ == b.ns_ && a.attributes_ == b.attributes_ &&
         std::equal(a.nodes_.begin(), a.nodes_.end(), b.nodes_.begin(), b.nodes_.end(),
                    [](const Element::Node& x, const Element::Node& y) {
                      if (!x.element || !y.element) return !x.element && !y.element && x.text == y.text;
                      return *x.element == *y.element;
                    });
}

}  // namespace roomgate::sfu::xmpp
