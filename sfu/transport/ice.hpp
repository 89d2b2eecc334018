// ICE for one endpoint (RFC 8445, full agent, controlling; RFC 7675 consent; shard.md 6): one local address,
// remote candidates learnt from the client's own checks, and from SRTP that only it can have sent. Bytes in,
// datagrams and events out; owned by the endpoint, on its worker's thread; reads no clock.
//
//   new                     --request or set_remote-->              checking
//   checking                --a pair answers our check-->           connected    (event connected; it is selected, nominated)
//   connected               --nothing heard for 5 s-->              interrupted  (event interrupted)
//   interrupted             --anything authenticated-->             connected    (event connected)
//   connected, interrupted  --no check answered for 30 s-->         failed       (event failed; final until set_remote
//   checking                --no pair within connect_deadline-->    failed        brings new credentials)
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/clock.hpp"
#include "sfu/transport/hmac_sha1.hpp"
#include "sfu/transport/stun.hpp"

namespace roomgate::sfu::transport {

struct IceLimits {
  std::size_t max_pairs = 8;                 // remote addresses remembered
  std::size_t max_credential_bytes = 256;    // RFC 8839 5.4
  int max_checks = 7;                        // unanswered ones in a row before a pair counts as failed
  Duration check_first = milliseconds(250);  // between the first two checks of a pair, then doubled
  Duration check_most = seconds(1);
  Duration consent_interval = seconds(5);  // randomised by a fifth either way (RFC 7675 5.1)
  Duration consent_lost = seconds(30);
  Duration interrupted = seconds(5);
  Duration silent = milliseconds(2500);      // selected pair: another one that answers takes over
  Duration suspicious = milliseconds(1500);  // selected pair: asked whether it is still there
  Duration recheck = seconds(5);             // a pair that is not selected, when the client still uses it
  Duration switch_pause =
      milliseconds(500);                    // late packets of the old path must not move media back and forth
  Duration connect_deadline = seconds(60);  // from set_remote
};

struct IceCredentials {
  std::string ufrag;
  std::string pwd;
  static IceCredentials make();  // 64 and 192 bit
};

struct IceDatagram {
  Address to;
  std::uint16_t size = 0;
  std::array<std::uint8_t, 640> bytes;
  ByteView view() const { return ByteView(bytes).first(size); }
};

enum class IceEventKind {
  connected,  // the first time, and after interrupted
  interrupted,
  failed,
  selected,   // media goes to `address` from now on
  learnt,     // `address` is this endpoint's: demultiplex by it
  forgotten,  // no longer
};
struct IceEvent {
  IceEventKind kind = IceEventKind::connected;
  Address address;
};

// What a call wants done. The caller keeps one, sends and handles everything after each call, and clears it.
// Bounded: what does not fit is counted and lost (checks are repeated anyway).
struct IceOutput {
  static constexpr std::size_t kMaxDatagrams = 16;
  static constexpr std::size_t kMaxEvents = 32;

  std::span<const IceDatagram> datagrams() const { return std::span(datagrams_).first(datagram_count_); }
  std::span<const IceEvent> events() const { return std::span(events_).first(event_count_); }
  std::uint64_t lost() const { return lost_; }
  void clear() { datagram_count_ = event_count_ = 0; }

  IceDatagram* add_datagram(const Address& to);  // nullptr when full
  void add_event(IceEventKind kind, const Address& address = {});

 private:
  std::array<IceDatagram, kMaxDatagrams> datagrams_;
  std::array<IceEvent, kMaxEvents> events_;
  std::size_t datagram_count_ = 0;
  std::size_t event_count_ = 0;
  std::uint64_t lost_ = 0;
};

struct IceCounters {
  std::uint64_t requests_answered = 0;
  std::uint64_t requests_refused = 0;  // USERNAME, MESSAGE-INTEGRITY or FINGERPRINT wrong: no answer
  std::uint64_t role_conflicts = 0;
  std::uint64_t checks_sent = 0;
  std::uint64_t answers_ignored = 0;  // unknown transaction, wrong key or address, error
  std::uint64_t selections = 0;
};

enum class IceState { fresh, checking, connected, interrupted, failed };

class IceAgent {
 public:
  explicit IceAgent(IceCredentials local, const IceLimits& limits = {});

  const IceCredentials& local() const { return local_; }
  // From the client's answer. Known credentials again: nothing happens. New ones: all pairs have to prove
  // themselves again. False: not what RFC 8839 5.4 allows.
  bool set_remote(std::string_view ufrag, std::string_view pwd, TimePoint now, IceOutput& out);

  // A binding request whose USERNAME begins with our ufrag, or that came from a learnt address. True: it was
  // authentic.
  bool on_binding(const StunMessageView& message, const Address& from, TimePoint now, IceOutput& out);
  // A success or error response from a learnt address.
  void on_response(const StunMessageView& message, const Address& from, TimePoint now, IceOutput& out);
  // An RTP or RTCP packet that came from `from` passed SRTP (never call it for others: this moves media).
  void on_authenticated_packet(const Address& from, TimePoint now, IceOutput& out);

  // Call at or after next_deadline(); calling early does nothing.
  void tick(TimePoint now, IceOutput& out);
  TimePoint next_deadline() const { return deadline_; }

  IceState state() const { return state_; }
  bool has_selected() const { return selected_ != kNone; }
  // Precondition: has_selected().
  const Address& selected() const { return pairs_[selected_].address; }
  // The address answered our check within the consent time: the only source DTLS is taken from.
  bool validated(const Address& from, TimePoint now) const;
  const IceCounters& counters() const { return counters_; }

 private:
  struct Sent {
    StunTransaction transaction{};
    bool live = false;
    bool nominating = false;
  };
  struct Pair {
    Address address;
    TimePoint heard;     // anything authentic from it
    TimePoint answered;  // it answered our check
    TimePoint sent;      // our last check
    TimePoint next;      // our next check; TimePoint::max(): none
    bool ever_answered = false;
    bool nominate = false;  // the next checks carry USE-CANDIDATE, until one of those is answered
    int unanswered = 0;     // checks since the last answer
    Duration pause{};
    std::array<Sent, 4> sent_checks;  // a late answer counts as well
    std::size_t next_sent = 0;
  };
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  std::size_t find(const Address& address) const;
  std::size_t learn(const Address& address, TimePoint now, IceOutput& out);
  void heard(Pair& pair, TimePoint now, IceOutput& out);
  void start_checks(Pair& pair, TimePoint now, IceOutput& out);
  void send_check(Pair& pair, TimePoint now, IceOutput& out);
  void select(std::size_t index, TimePoint now, IceOutput& out);
  void fail_now(IceOutput& out);
  bool is_validated(const Pair& pair, TimePoint now) const;
  bool may_take_over(const Pair& pair) const;
  void answer(const StunMessageView& message, const Address& from, std::uint16_t code, IceOutput& out);
  Duration consent_pause() const;
  void schedule();

  const IceLimits limits_;
  const IceCredentials local_;
  const HmacSha1 local_key_;
  std::string remote_ufrag_;
  std::string remote_pwd_;
  HmacSha1 remote_key_;
  std::string username_;  // REMOTE:LOCAL, of our checks
  TimePoint remote_since_;

  IceState state_ = IceState::fresh;
  std::vector<Pair> pairs_;
  std::size_t selected_ = kNone;
  TimePoint selected_since_;
  TimePoint heard_;     // on any pair
  TimePoint answered_;  // any check: the consent
  TimePoint deadline_ = TimePoint::max();
  IceCounters counters_;
};

}  // namespace roomgate::sfu::transport
