#include "sfu/xmpp/stream.hpp"

#include <charconv>
#include <utility>

#include "base/encoding.hpp"
#include "base/random.hpp"
#include "sfu/xmpp/namespaces.hpp"
#include "sfu/xmpp/stanza.hpp"

namespace roomgate::sfu::xmpp {
namespace {

constexpr int kMaxRefusedLogins = 3;

Step failing(std::string condition, std::uint16_t code = 1008) {
  Step step;
  step.want = Want::failure;
  step.failure = {std::move(condition), code, std::nullopt};
  return step;
}

Step answering(Element element) {
  Step step;
  step.send.push_back(std::move(element));
  return step;
}

std::optional<std::uint32_t> counter(const Element& element) {
  const std::string_view text = element.attribute_or("h", "");
  std::uint32_t h = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), h);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return h;
}

Element refused_management(const char* condition) {
  return Element("failed", ns::kStreamManagement).with(Element(condition, ns::kStanzaErrors));
}

bool is_stanza(const Element& element) {
  return element.ns() == ns::kClient &&
         (element.name() == "iq" || element.name() == "message" || element.name() == "presence");
}

}  // namespace

Stream::Stream(std::string domain, bool stream_management)
    : domain_(std::move(domain)), stream_management_(stream_management) {}

Step Stream::received(const Element& element) {
  if (state_ == StreamState::ended) return {};
  if (element.ns() == ns::kFraming) {
    if (element.name() == "open") return open(element);
    if (element.name() != "close") return failing("unsupported-stanza-type");
    state_ = StreamState::ended;
    Step step = answering(Element("close", ns::kFraming));
    step.want = Want::end;
    return step;
  }
  if (state_ == StreamState::opening || state_ == StreamState::restarting) return failing("not-authorized");
  if (element.ns() == ns::kSasl) return authenticate(element);
  if (element.ns() == ns::kStreamManagement) return manage(element);
  if (is_stanza(element)) return stanza(element);
  return failing("unsupported-stanza-type");
}

Step Stream::open(const Element& element) {
  if (state_ != StreamState::opening && state_ != StreamState::restarting) return failing("policy-violation");
  if (const std::string* to = element.attribute("to"); to != nullptr && !ascii_iequals(*to, domain_)) {
    return failing("host-unknown");
  }
  state_ = state_ == StreamState::opening ? StreamState::authenticating : StreamState::binding;
  opened_ = true;
  Step step = answering(opening());
  step.send.push_back(features());
  return step;
}

Element Stream::opening() const {
  Element out("open", ns::kFraming);
  out.set("from", domain_).set("id", random_hex(16)).set("version", "1.0").set("xml:lang", "en");
  return out;
}

Element Stream::features() const {
  Element out("features", ns::kStreams);
  if (state_ == StreamState::authenticating) {
    return out.with(Element("mechanisms", ns::kSasl).with(text_element("mechanism", ns::kSasl, "ANONYMOUS")));
  }
  out.add(Element("bind", ns::kBind));
  if (stream_management_) out.add(Element("sm", ns::kStreamManagement));
  return out;
}

Step Stream::authenticate(const Element& element) {
  if (state_ != StreamState::authenticating) return failing("policy-violation");
  const bool ours = element.name() == "auth" && element.attribute_or("mechanism", "") == "ANONYMOUS";
  if (ours) {
    state_ = StreamState::restarting;
    return answering(Element("success", ns::kSasl));
  }
  if (++refused_logins_ >= kMaxRefusedLogins) return failing("policy-violation");
  const char* condition = element.name() == "auth"    ? "invalid-mechanism"
                          : element.name() == "abort" ? "aborted"
                                                      : "malformed-request";
  return answering(Element("failure", ns::kSasl).with(Element(condition, ns::kSasl)));
}

Step Stream::manage(const Element& element) {
  const std::string& name = element.name();
  Step step;
  if (name == "enable" || name == "resume") {
    if (!stream_management_) return answering(refused_management("feature-not-implemented"));
    const StreamState wanted = name == "enable" ? StreamState::bound : StreamState::binding;
    if (state_ != wanted) return answering(refused_management("unexpected-request"));
  } else if (state_ != StreamState::bound) {
    return failing("not-authorized");
  }

  if (name == "enable") {
    const std::string_view resume = element.attribute_or("resume", "");
    step.want = Want::enable;
    step.resumable = resume == "true" || resume == "1";
  } else if (name == "resume") {
    const std::optional<std::uint32_t> h = counter(element);
    if (!h) return answering(refused_management("bad-request"));
    step.want = Want::resume;
    step.h = *h;
    step.previd = element.attribute_or("previd", "");
  } else if (name == "r") {
    step.want = Want::acknowledge;
  } else if (name == "a") {
    const std::optional<std::uint32_t> h = counter(element);
    if (!h) return failing("bad-format");
    step.want = Want::acknowledged;
    step.h = *h;
  } else {
    return failing("unsupported-stanza-type");
  }
  return step;
}

Step Stream::stanza(const Element& element) const {
  Step step;
  if (state_ == StreamState::bound) {
    step.want = Want::stanza;
    return step;
  }
  const bool binds = state_ == StreamState::binding && element.name() == "iq" &&
                     element.attribute_or("type", "") == "set" && element.child("bind", ns::kBind) != nullptr;
  if (!binds) return failing("not-authorized");
  step.want = Want::bind;
  return step;
}

void Stream::bound() { state_ = StreamState::bound; }

std::vector<Element> Stream::farewell(const StreamFailure& failure) {
  std::vector<Element> out;
  if (!opened_) out.push_back(opening());  // RFC 7395 3.4: errors stand inside a stream
  Element error("error", ns::kStreams);
  error.add(Element(failure.condition, ns::kStreamErrors));
  if (failure.application) error.add(*failure.application);
  out.push_back(std::move(error));
  out.emplace_back("close", ns::kFraming);
  state_ = StreamState::ended;
  return out;
}

StreamFailure failure_of(ParseError error) {
  switch (error) {
    case ParseError::too_large:
    case ParseError::too_deep:
    case ParseError::too_many_attributes:
    case ParseError::too_many_elements:
    case ParseError::too_wide:
      return {
          "policy-violation", error == ParseError::too_large ? std::uint16_t{1009} : std::uint16_t{1008}, {}};
    case ParseError::forbidden_markup: return {"restricted-xml", 1008, {}};
    case ParseError::not_utf8:
    case ParseError::not_well_formed: break;
  }
  return {"not-well-formed", 1007, {}};
}

}  // namespace roomgate::sfu::xmpp
