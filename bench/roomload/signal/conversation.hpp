// The XMPP side of one participant, as a Jitsi client speaks it: stream, anonymous login, conference request,
// MUC and Jingle. Sans-I/O: messages in, messages and events out; told the time. Owned by its participant,
// one thread.
//
//   opening         --features: ANONYMOUS-->       authenticating
//   authenticating  --success-->                   reopening
//   reopening       --features: bind-->            binding
//   binding         --result with jid-->           requesting   (event ConferenceWanted when it goes over HTTP)
//   requesting      --ready-->                     joining
//   joining         --own presence-->              joined       (event Joined)
//   joined          --leave()-->                   leaving
//   leaving         --own unavailable, or close--> ended
//   any             --refusal, close, nonsense-->  failed       (event Failed)
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "bench/roomload/signal/offer.hpp"
#include "bench/roomload/signal/problem.hpp"
#include "sfu/xmpp/element.hpp"

namespace roomgate::bench::roomload::signal {

// What an account lists, beside what all do.
struct Features {
  bool transport_cc = true;
  bool ssrc_rewriting = false;  // the bridge may own the SSRCs: sources come by its maps only
};

struct Account {
  std::string domain;
  std::string focus;     // whom the conference request goes to
  std::string room_jid;  // room@conference.domain
  std::string name;      // shown to people who look
  std::string codec;     // "vp8": the one we prefer
  bool over_http = false;
  Features features;
};

struct ConversationLimits {
  Duration answer = seconds(15);      // of each step before joined
  Duration ping_every = seconds(10);  // unless something came meanwhile, as the client does
  Duration ping_answer = seconds(15);
  Duration leave = seconds(2);
  int not_ready = 8;  // conference requests that are answered so
};

// The caller asks for the conference over HTTP, and calls conference_ready() or conference_failed().
struct ConferenceWanted {};
struct Joined {
  std::string endpoint;
};
struct Offered {
  Offer offer;
};
struct SourcesChanged {
  bool added = true;
  sfu::focus::RawByOwner sources;
};
// The media session is over; the room goes on, and another offer may follow.
struct SessionEnded {
  std::string sid;
  std::string reason;
};
struct Failed {
  Problem problem;
};
using Event = std::variant<ConferenceWanted, Joined, Offered, SourcesChanged, SessionEnded, Failed>;

enum class Stage {
  opening,
  authenticating,
  reopening,
  binding,
  requesting,
  joining,
  joined,
  leaving,
  ended,
  failed
};

class Conversation {
 public:
  Conversation(Account account, TimePoint now, ConversationLimits limits = {});

  void consume(std::string_view message, TimePoint now);
  // Call at or after next_deadline().
  void tick(TimePoint now);
  TimePoint next_deadline() const { return deadline_; }

  void conference_ready(std::string focus_jid, TimePoint now);
  void conference_failed(Problem problem);
  // Answers the last offer, and says in the presence what is sent.
  void accept(const Answer& answer, TimePoint now);
  void leave(TimePoint now);
  // Media could not be had: tells the focus, and asks for another session when `restart`.
  void terminate(std::string_view reason, bool restart);

  std::vector<std::string> take_output() { return std::exchange(output_, {}); }
  std::optional<Event> next_event();

  Stage stage() const { return stage_; }
  const std::string& jid() const { return jid_; }
  const std::string& endpoint() const { return endpoint_; }
  std::size_t members() const { return members_.size(); }

 private:
  void fail_with(ProblemKind kind, std::string text);
  void go(Stage stage, TimePoint now);
  void send(const sfu::xmpp::Element& element);
  void open();
  void on_features(const sfu::xmpp::Element& features, TimePoint now);
  void on_iq(const sfu::xmpp::Element& iq, TimePoint now);
  void on_iq_request(const sfu::xmpp::Element& iq, TimePoint now);
  void on_jingle(const sfu::xmpp::Element& iq, const sfu::xmpp::Element& jingle);
  void on_presence(const sfu::xmpp::Element& presence, TimePoint now);
  void on_refusal(const sfu::xmpp::Element& presence);
  void on_conference_answer(const sfu::xmpp::Element& iq, TimePoint now);
  void request_conference(TimePoint now);
  void send_presence();
  void reply(const sfu::xmpp::Element& iq, std::optional<sfu::xmpp::Element> payload = {});
  void refuse(const sfu::xmpp::Element& iq, std::string_view condition);
  std::string next_id();

  const Account account_;
  const ConversationLimits limits_;
  Stage stage_ = Stage::opening;
  TimePoint deadline_;
  TimePoint heard_;
  std::string jid_;
  std::string endpoint_;   // our nick in the room
  std::string focus_jid_;  // bare
  std::map<std::string, bool> members_;
  std::optional<Offer> offer_;
  std::vector<OwnSource> sources_;  // as accepted
  std::string conference_id_;       // of the request under way
  std::string ping_id_;
  std::string accept_id_;
  int not_ready_ = 0;
  std::uint64_t ids_ = 0;
  std::string id_prefix_;
  std::vector<std::string> output_;
  std::deque<Event> events_;
};

// XEP-0115 5: of our features, in the presence; and the answer when the focus asks for what stands behind it.
std::string capabilities_version(const Features& features = {});

}  // namespace roomgate::bench::roomload::signal
