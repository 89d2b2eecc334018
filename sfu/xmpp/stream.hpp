// One connection's XMPP stream over WebSocket (RFC 7395): says for each element what to answer and what the
// server is wanted to do. Owned by Server's connection; signalling thread; pure but for random stream ids.
//
//   opening         <open/>                  -> authenticating
//   authenticating  <auth/>                  -> restarting
//   restarting      <open/>                  -> binding
//   binding         bind iq                  Want::bind, then bound() -> bound
//   binding         <resume/>                Want::resume, then bound() -> bound, or it is refused and stays
//   bound           <enable/>                Want::enable
//   bound           <r/>, <a/>               Want::acknowledge, Want::acknowledged
//   bound           iq, message, presence    Want::stanza
//   any             <close/>                 Want::end
// Everything else ends the stream with an error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sfu/xmpp/element.hpp"
#include "sfu/xmpp/parser.hpp"

namespace roomgate::sfu::xmpp {

enum class StreamState { opening, authenticating, restarting, binding, bound, ended };

enum class Want { nothing, bind, enable, resume, acknowledge, acknowledged, stanza, end, failure };

// RFC 6120 4.9: why a stream ends.
struct StreamFailure {
  std::string condition;               // "not-well-formed"
  std::uint16_t code = 1008;           // WebSocket close code, RFC 6455 7.4
  std::optional<Element> application;  // e.g. handled-count-too-high
};

struct Step {
  std::vector<Element> send;
  Want want = Want::nothing;
  std::uint32_t h = 0;     // resume, acknowledged
  std::string previd;      // resume
  bool resumable = false;  // enable
  StreamFailure failure;   // failure
};

class Stream {
 public:
  Stream(std::string domain, bool stream_management);

  Step received(const Element& element);
  // The server bound or resumed a session on this stream.
  void bound();
  StreamState state() const { return state_; }

  // The last elements of a failing stream: <open/> if there was none, the error, <close/>.
  std::vector<Element> farewell(const StreamFailure& failure);

 private:
  Step open(const Element& element);
  Step authenticate(const Element& element);
  Step manage(const Element& element);
  Step stanza(const Element& element) const;
  Element opening() const;
  Element features() const;

  std::string domain_;
  bool stream_management_;
  StreamState state_ = StreamState::opening;
  bool opened_ = false;
  int refused_logins_ = 0;
};

// What an unparsable message is called to its sender.
StreamFailure failure_of(ParseError error);

}  // namespace roomgate::sfu::xmpp
