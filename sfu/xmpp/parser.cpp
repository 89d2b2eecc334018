#include "sfu/xmpp/parser.hpp"

#include <expat.h>

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "base/encoding.hpp"
#include "sfu/xmpp/namespaces.hpp"

namespace roomgate::sfu::xmpp {
namespace {

// Between namespace and name. No XML document can hold it, so no namespace can forge it.
constexpr char kSeparator = '\x01';

struct ExpandedName {
  std::string_view ns;
  std::string_view name;
};

ExpandedName split(std::string_view expanded) {
  const std::size_t at = expanded.rfind(kSeparator);
  if (at == std::string_view::npos) return {{}, expanded};
  return {expanded.substr(0, at), expanded.substr(at + 1)};
}

struct FreeParser {
  void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
};
using ParserHandle = std::unique_ptr<std::remove_pointer_t<XML_Parser>, FreeParser>;

}  // namespace

class ElementBuilder {
 public:
  ElementBuilder(XML_Parser parser, const ParseLimits& limits) : parser_(parser), limits_(limits) {
    XML_SetUserData(parser, this);
    XML_SetElementHandler(parser, &ElementBuilder::on_start, &ElementBuilder::on_end);
    XML_SetCharacterDataHandler(parser, &ElementBuilder::on_text);
    XML_SetNamespaceDeclHandler(parser, &ElementBuilder::on_declaration, nullptr);
    XML_SetCommentHandler(parser, [](void* self, const XML_Char*) { refuse(self); });
    XML_SetProcessingInstructionHandler(parser,
                                        [](void* self, const XML_Char*, const XML_Char*) { refuse(self); });
    XML_SetXmlDeclHandler(parser, [](void* self, const XML_Char*, const XML_Char*, int) { refuse(self); });
    XML_SetStartDoctypeDeclHandler(
        parser, [](void* self, const XML_Char*, const XML_Char*, const XML_Char*, int) { refuse(self); });
    XML_SetEntityDeclHandler(
        parser, [](void* self, const XML_Char*, int, const XML_Char*, int, const XML_Char*, const XML_Char*,
                   const XML_Char*, const XML_Char*) { refuse(self); });
  }

  std::optional<ParseError> error() const { return error_; }
  std::optional<Element> take() { return std::move(root_); }

 private:
  static ElementBuilder& of(void* self) { return *static_cast<ElementBuilder*>(self); }
  static void refuse(void* self) { of(self).stop(ParseError::forbidden_markup); }
  static void on_start(void* self, const XML_Char* name, const XML_Char** attributes) {
    of(self).start(name, attributes);
  }
  static void on_end(void* self, const XML_Char*) {
    if (!of(self).open_.empty()) of(self).open_.pop_back();
  }
  static void on_text(void* self, const XML_Char* text, int length) {
    ElementBuilder& builder = of(self);
    if (builder.error_ || builder.open_.empty()) return;
    builder.open_.back()->add_text(std::string(text, static_cast<std::size_t>(length)));
  }
  static void on_declaration(void* self, const XML_Char*, const XML_Char*) { ++of(self).declarations_; }

  // Expat may call handlers a few more times after this; they find error_ set.
  void stop(ParseError error) {
    if (error_) return;
    error_ = error;
    XML_StopParser(parser_, XML_FALSE);
  }

  void start(const XML_Char* expanded, const XML_Char** attributes) {
    if (error_) return;
    if (open_.size() >= limits_.depth) return stop(ParseError::too_deep);
    if (++elements_ > limits_.elements) return stop(ParseError::too_many_elements);
    std::size_t count = declarations_;
    declarations_ = 0;
    for (const XML_Char** at = attributes; *at != nullptr; at += 2) ++count;
    if (count > limits_.attributes) return stop(ParseError::too_many_attributes);

    const ExpandedName name = split(expanded);
    Element element{std::string(name.name), std::string(name.ns)};
    if (open_.empty() || open_.back()->ns() != name.ns) namespace_bytes_ += name.ns.size();
    for (const XML_Char** at = attributes; *at != nullptr; at += 2) {
      const ExpandedName key = split(at[0]);
      if (key.ns == ns::kXml) {
        element.attributes_.push_back({"xml:" + std::string(key.name), "", at[1]});
      } else {
        namespace_bytes_ += key.ns.size();
        element.attributes_.push_back({std::string(key.name), std::string(key.ns), at[1]});
      }
    }
    if (namespace_bytes_ > limits_.namespace_bytes) return stop(ParseError::too_wide);

    if (open_.empty()) {
      root_.emplace(std::move(element));
      open_.push_back(&*root_);
    } else {
      open_.push_back(&open_.back()->add(std::move(element)));
    }
  }

  XML_Parser parser_;
  const ParseLimits& limits_;
  std::optional<Element> root_;
  std::vector<Element*> open_;
  std::optional<ParseError> error_;
  std::size_t elements_ = 0;
  std::size_t declarations_ = 0;  // of the element that starts next
  std::size_t namespace_bytes_ = 0;
};

Result<Element, ParseError> parse_stanza(std::string_view message, const ParseLimits& limits) {
  if (message.size() > limits.bytes) return fail(ParseError::too_large);
  if (!is_valid_utf8(message)) return fail(ParseError::not_utf8);
  const ParserHandle parser(XML_ParserCreateNS("UTF-8", kSeparator));
  if (!parser) return fail(ParseError::too_large);  // out of memory
  ElementBuilder builder(parser.get(), limits);
  const XML_Status status =
      XML_Parse(parser.get(), message.data(), static_cast<int>(message.size()), XML_TRUE);
  if (builder.error()) return fail(*builder.error());
  if (status != XML_STATUS_OK) return fail(ParseError::not_well_formed);
  std::optional<Element> root = builder.take();
  if (!root) return fail(ParseError::not_well_formed);
  return std::move(*root);
}

std::string_view to_text(ParseError error) {
  switch (error) {
    case ParseError::too_large: return "too_large";
    case ParseError::too_deep: return "too_deep";
    case ParseError::too_many_attributes: return "too_many_attributes";
    case ParseError::too_many_elements: return "too_many_elements";
    case ParseError::too_wide: return "too_wide";
    case ParseError::not_utf8: return "not_utf8";
    case ParseError::forbidden_markup: return "forbidden_markup";
    case ParseError::not_well_formed: return "not_well_formed";
  }
  return "not_well_formed";
}

}  // namespace roomgate::sfu::xmpp
