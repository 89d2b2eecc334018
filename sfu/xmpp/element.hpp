// A small XML tree for stanzas: names, namespaces, attributes, text and children. A value; any thread.
// Made by parse_stanza() (parser.hpp) or by hand; serialize() writes one namespace-clean element that any XML
// parser accepts, with every namespace declared where it changes (RFC 7395: nothing is inherited from a
// stream).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace roomgate::sfu::xmpp {

class Element {
 public:
  Element(std::string name, std::string ns);
  Element(const Element& other);
  Element(Element&& other) noexcept;
  Element& operator=(const Element& other);
  Element& operator=(Element&& other) noexcept;
  ~Element();

  const std::string& name() const { return name_; }
  const std::string& ns() const { return ns_; }
  bool is(std::string_view name, std::string_view ns) const { return name_ == name && ns_ == ns; }

  // Attribute names are local names, or "xml:lang" for the xml prefix; attributes of other namespaces are
  // kept for serialising only.
  const std::string* attribute(std::string_view name) const;  // nullptr: absent
  std::string_view attribute_or(std::string_view name, std::string_view otherwise) const;
  Element& set(std::string name, std::string value);  // replaces; returns *this, for chains
  void remove_attribute(std::string_view name);

  // All character data directly inside, joined.
  std::string text() const;
  Element& add_text(std::string text);

  // Child elements in order.
  std::vector<const Element*> children() const;
  std::vector<const Element*> children(std::string_view name, std::string_view ns) const;
  const Element* child(std::string_view name, std::string_view ns) const;  // the first, or nullptr
  const Element* child(std::string_view name) const;                       // any namespace
  // Returns the child added; the reference stays good while the child stays, whatever else is added.
  Element& add(Element child);
  Element& with(Element child);  // returns *this, for chains
  // Removes direct children that match.
  void remove_children(std::string_view name, std::string_view ns);

  // `inherited`: the default namespace in force where it is written ("" at the top of a message).
  std::string serialize(std::string_view inherited = "") const;
  void serialize_to(std::string& out, std::string_view inherited) const;

  friend bool operator==(const Element&, const Element&);

 private:
  struct Attribute {
    std::string name;  // local name, or "xml:..."
    std::string ns;    // empty for plain attributes and the xml prefix
    std::string value;
    friend bool operator==(const Attribute&, const Attribute&) = default;
  };
  struct Node;

  friend class ElementBuilder;  // parser.cpp

  std::string name_;
  std::string ns_;
  std::vector<Attribute> attributes_;
  std::vector<Node> nodes_;  // text and elements, in document order
};

}  // namespace roomgate::sfu::xmpp
