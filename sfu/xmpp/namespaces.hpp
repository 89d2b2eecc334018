// The namespaces the shard speaks, each named once. Any thread.
#pragma once

#include <string>

namespace roomgate::sfu::xmpp::ns {

inline const std::string kClient = "jabber:client";
inline const std::string kFraming = "urn:ietf:params:xml:ns:xmpp-framing";  // RFC 7395
inline const std::string kStreams = "http://etherx.jabber.org/streams";
inline const std::string kStreamErrors = "urn:ietf:params:xml:ns:xmpp-streams";
inline const std::string kStanzaErrors = "urn:ietf:params:xml:ns:xmpp-stanzas";
inline const std::string kSasl = "urn:ietf:params:xml:ns:xmpp-sasl";
inline const std::string kBind = "urn:ietf:params:xml:ns:xmpp-bind";
inline const std::string kSession = "urn:ietf:params:xml:ns:xmpp-session";
inline const std::string kStreamManagement = "urn:xmpp:sm:3";  // XEP-0198
inline const std::string kPing = "urn:xmpp:ping";              // XEP-0199
inline const std::string kDiscoInfo = "http://jabber.org/protocol/disco#info";
inline const std::string kDiscoItems = "http://jabber.org/protocol/disco#items";
inline const std::string kExternalServices1 = "urn:xmpp:extdisco:1";  // XEP-0215
inline const std::string kExternalServices2 = "urn:xmpp:extdisco:2";
inline const std::string kMuc = "http://jabber.org/protocol/muc";  // XEP-0045
inline const std::string kMucUser = "http://jabber.org/protocol/muc#user";
inline const std::string kMucAdmin = "http://jabber.org/protocol/muc#admin";
inline const std::string kMucOwner = "http://jabber.org/protocol/muc#owner";
inline const std::string kDataForms = "jabber:x:data";  // XEP-0004
inline const std::string kFocus = "http://jitsi.org/protocol/focus";
inline const std::string kXml = "http://www.w3.org/XML/1998/namespace";

}  // namespace roomgate::sfu::xmpp::ns
