#include "sfu/xmpp/parser.hpp"

#include <doctest/doctest.h>

#include <string>

#include "sfu/xmpp/stanza.hpp"

using namespace roomgate::sfu::xmpp;

namespace {

Element round_trip(const std::string& text) {
  const auto first = parse_stanza(text);
  REQUIRE_MESSAGE(first.ok(), text);
  const std::string written = first->serialize();
  const auto second = parse_stanza(written, {.bytes = 4 * 1024 * 1024, .attributes = 1024});
  REQUIRE_MESSAGE(second.ok(), written);
  CHECK_MESSAGE(*first == *second, written);
  return *first;
}

std::string nested(std::size_t depth) {
  std::string open;
  std::string close;
  for (std::size_t i = 0; i < depth; ++i) {
    open += "<a xmlns='u'>";
    close += "</a>";
  }
  return open + close;
}

std::string with_attributes(std::size_t count) {
  std::string out = "<a";
  for (std::size_t i = 0; i < count; ++i) out += " k" + std::to_string(i) + "='v'";
  return out + "/>";
}

}  // namespace

TEST_CASE("reads a stanza into names, namespaces, attributes, text and children") {
  const Element e = round_trip(
      "<message to=\"room@muc\" xml:lang='en' xmlns=\"jabber:client\"><body>a &amp; &lt;b&gt;</body>"
      "<json-message xmlns='http://jitsi.org/jitmeet'>{\"x\":\"y\"}</json-message></message>");

  CHECK(e.is("message", "jabber:client"));
  CHECK(*e.attribute("to") == "room@muc");
  CHECK(*e.attribute("xml:lang") == "en");
  CHECK(e.child("body", "jabber:client")->text() == "a & <b>");
  CHECK(e.child("json-message", "http://jitsi.org/jitmeet")->text() == "{\"x\":\"y\"}");
  CHECK(e.attribute("from") == nullptr);
}

TEST_CASE("writes what parses to the same element, whatever was relayed") {
  for (const std::string text : {
           "<a/>",
           "<a xmlns='u'><b xmlns=''/><c/></a>",
           "<a xmlns='u' xmlns:p='v'><p:b p:x='1' x='2'/><b xmlns='v' xmlns:q='v' q:x='1'/></a>",
           "<a xmlns:p='v' xmlns:q='w' p:x='1' q:x='2' x='3' p:y='4'/>",
           "<stream:features xmlns:stream='http://etherx.jabber.org/streams' "
           "xmlns='jabber:client'><x/></stream:features>",
           "<a xmlns='u'><s:b xmlns:s='http://etherx.jabber.org/streams'><c xmlns='u'/><d/></s:b></a>",
           "<s:a xmlns:s='http://etherx.jabber.org/streams'><b/><s:c><d xmlns='u'/></s:c></s:a>",
           "<stream:a xmlns:stream='u'><stream:b stream:k='v'/></stream:a>",
           "<ns0:a xmlns:ns0='u' xmlns:ns1='v' ns1:k='x' ns0:k='y'/>",
           "<a xml:lang='en' xml:space='preserve'><xml:odd/></a>",
           "<a k='&#10;&#9;&#13;  &quot;&apos;&lt;&gt;&amp;'> &#13;\n\t ]]&gt; <![CDATA[<&>]]></a>",
           "<a>one<b/>two<b/><![CDATA[three]]>four</a>",
           "<a xmlns='u&amp;v&apos;w'><b xmlns='u'/></a>",
           "<a>\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80&#x10FFFF;&#x7f;&#x85;</a>",
           "<\xc3\xa4 \xc3\xb6='1'/>",
           "\n <a/> \n",
       }) {
    CAPTURE(text);
    round_trip(text);
  }
}

TEST_CASE("declares a namespace where it changes and nowhere else") {
  const auto e = parse_stanza("<p:iq xmlns:p='jabber:client'><p:a><q:b xmlns:q='v'/></p:a></p:iq>");

  CHECK(e->serialize() == "<iq xmlns='jabber:client'><a><b xmlns='v'/></a></iq>");
  CHECK(e->serialize("jabber:client") == "<iq><a><b xmlns='v'/></a></iq>");
}

TEST_CASE("pitfall 8: writes stream features with the stream prefix and both namespaces") {
  Element features("features", "http://etherx.jabber.org/streams");
  features.add(Element("bind", "urn:ietf:params:xml:ns:xmpp-bind"));

  CHECK(features.serialize() ==
        "<stream:features xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:client'>"
        "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>");
}

TEST_CASE("refuses what a browser's parser would refuse") {
  const auto error = [](const std::string& text) {
    const auto parsed = parse_stanza(text);
    REQUIRE_MESSAGE(!parsed.ok(), text);
    return parsed.error();
  };

  CHECK(error("<a k='1' k='2'/>") == ParseError::not_well_formed);
  CHECK(error("<a xmlns:p='u' xmlns:q='u' p:k='1' q:k='2'/>") == ParseError::not_well_formed);
  CHECK(error("<p:a/>") == ParseError::not_well_formed);
  CHECK(error("<a p:k='1'/>") == ParseError::not_well_formed);
  CHECK(error("<a>&#1;</a>") == ParseError::not_well_formed);
  CHECK(error("<a k='&#0;'/>") == ParseError::not_well_formed);
  CHECK(error("<a>\x01</a>") == ParseError::not_well_formed);
  CHECK(error("<a>&#xFFFE;</a>") == ParseError::not_well_formed);
  CHECK(error("<a>&nbsp;</a>") == ParseError::not_well_formed);
  CHECK(error("<a xmlns:xml='u'/>") == ParseError::not_well_formed);
  CHECK(error("<a xmlns:p=''/>") == ParseError::not_well_formed);
  CHECK(error("<a/><b/>") == ParseError::not_well_formed);
  CHECK(error("<a/>text") == ParseError::not_well_formed);
  CHECK(error("text<a/>") == ParseError::not_well_formed);
  CHECK(error("<a>") == ParseError::not_well_formed);
  CHECK(error("<a></b>") == ParseError::not_well_formed);
  CHECK(error("") == ParseError::not_well_formed);
  CHECK(error("  ") == ParseError::not_well_formed);
  CHECK(error(std::string("<a>\0</a>", 8)) == ParseError::not_well_formed);
  CHECK(error("<a>]]></a>") == ParseError::not_well_formed);
  CHECK(error("<a>\xc3</a>") == ParseError::not_utf8);
  CHECK(error("<a>\xed\xa0\x80</a>") == ParseError::not_utf8);
  CHECK(error("<a>\xc0\x80</a>") == ParseError::not_utf8);
  CHECK(error("<!DOCTYPE a><a/>") == ParseError::forbidden_markup);
  CHECK(error("<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>") == ParseError::forbidden_markup);
  CHECK(error("<?xml version='1.0'?><a/>") == ParseError::forbidden_markup);
  CHECK(error("<?php x?><a/>") == ParseError::forbidden_markup);
  CHECK(error("<a><?php x?></a>") == ParseError::forbidden_markup);
  CHECK(error("<a><!-- c --></a>") == ParseError::forbidden_markup);
}

TEST_CASE("holds a message to its limits, and lets through what just fits") {
  CHECK(parse_stanza(nested(32)).ok());
  CHECK(parse_stanza(nested(33)).error() == ParseError::too_deep);
  CHECK(parse_stanza(with_attributes(128)).ok());
  CHECK(parse_stanza(with_attributes(129)).error() == ParseError::too_many_attributes);
  CHECK(parse_stanza("<a>" + std::string(256 * 1024 - 7, 'x') + "</a>").ok());
  CHECK(parse_stanza("<a>" + std::string(256 * 1024 - 6, 'x') + "</a>").error() == ParseError::too_large);

  std::string declarations = "<a";
  for (int i = 0; i < 129; ++i) declarations += " xmlns:p" + std::to_string(i) + "='u'";
  CHECK(parse_stanza(declarations + "/>").error() == ParseError::too_many_attributes);

  std::string many = "<a>";
  for (int i = 0; i < 9000; ++i) many += "<b/>";
  CHECK(parse_stanza(many + "</a>").error() == ParseError::too_many_elements);
}

TEST_CASE("refuses short prefixes of a long namespace, which would grow when written out") {
  std::string text = "<a xmlns:p='" + std::string(10000, 'u') + "'>";
  for (int i = 0; i < 100; ++i) text += "<p:b/>";

  CHECK(parse_stanza(text + "</a>").error() == ParseError::too_wide);
}

TEST_CASE("never lets a character leave that XML 1.0 does not have") {
  Element e("a", "u");
  e.set("k", std::string("x\x01\xff\xed\xa0\x80\0y", 8));
  e.add_text("\x02\xc3(\xef\xbf\xbf\xf5\x80\x80\x80 ok \xc3\xa4");

  const auto parsed = parse_stanza(e.serialize());

  REQUIRE(parsed.ok());
  CHECK(parsed->text().ends_with(" ok \xc3\xa4"));
}

TEST_CASE("does not write namespace declarations that were set as attributes") {
  Element e("a", "u");
  e.set("xmlns", "v").set("xmlns:p", "w").set("k", "1");

  CHECK(e.serialize() == "<a xmlns='u' k='1'/>");
}

TEST_CASE("keeps references to children good while more are added") {
  Element e("a", "");
  Element& first = e.add(Element("first", ""));
  for (int i = 0; i < 100; ++i) e.add(Element("more", ""));
  first.add_text("still here");

  CHECK(e.child("first", "")->text() == "still here");
}

TEST_CASE("copies deeply, compares by value, removes children") {
  const auto e = parse_stanza("<a>one<b/>two<c/>three</a>");
  Element copy = *e;
  CHECK(copy == *e);

  copy.remove_children("b", "");

  CHECK(copy == *parse_stanza("<a>onetwo<c/>three</a>"));
  CHECK(!(copy == *e));
  CHECK(e->child("b") != nullptr);
}

TEST_CASE("a circular differs from receiver to receiver in nothing but `to`") {
  Element message("message", "jabber:client");
  message.set("from", "a'b").add_text("x");
  const Circular circular(message);

  CHECK(circular.to("c'd@e/f") ==
        "<message xmlns='jabber:client' to='c&apos;d@e/f' from='a&apos;b'>x</message>");
}
