// ICE of a browser before a bridge (RFC 8445, full agent): checks every offered candidate, answers the
// bridge's checks, takes the pair it nominates, and keeps asking on it (RFC 7675). Before a server that is
// ICE-lite it is the controlling side and nominates the first pair that answers. Sans-I/O; owned by a
// participant's transport, one thread.
//
//   fresh      --start()-->                                             checking
//   checking   --a checked pair is nominated-->                         connected
//   checking   --a pair answers, and nobody nominates for a while-->    connected
//   connected  --the nominated pair changes-->                          connected (selected() is another)
//   checking   --connect deadline-->                                    failed
//   connected  --no check answered for consent_lost-->                  failed
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/clock.hpp"
#include "sfu/transport/hmac_sha1.hpp"
#include "sfu/transport/ice.hpp"
#include "sfu/transport/stun.hpp"

namespace roomgate::bench::roomload::transport {

struct IceClientLimits {
  std::size_t max_pairs = 16;
  Duration pace = milliseconds(50);           // between checks of different pairs
  Duration repeat_first = milliseconds(250);  // of one pair's, then doubled
  Duration repeat_most = seconds(2);
  Duration patience = seconds(1);       // for a nomination, once a pair answers
  Duration consent_every = seconds(1);  // what Chromium does on its selected pair
  Duration consent_lost = seconds(15);
  Duration connect_deadline = seconds(15);
};

// RFC 8445 6.1.1: whoever meets a lite agent is the controlling one.
enum class IceRole { controlled, controlling };
enum class IceClientState { fresh, checking, connected, failed };

class IceClient {
 public:
  struct Candidate {
    Address address;
    std::uint32_t priority = 0;
  };
  explicit IceClient(const IceClientLimits& limits = {});

  const std::string& ufrag() const { return ufrag_; }
  const std::string& pwd() const { return pwd_; }

  void start(const std::vector<Candidate>& remote, const std::string& ufrag, const std::string& pwd,
             TimePoint now, IceRole role = IceRole::controlled);
  // Datagrams to send are added to `out`; its events are not used.
  void consume(const sfu::transport::StunMessageView& message, const Address& from, TimePoint now,
               sfu::transport::IceOutput& out);
  // Call at or after next_deadline(); calling early does nothing.
  void tick(TimePoint now, sfu::transport::IceOutput& out);
  TimePoint next_deadline() const { return deadline_; }

  IceClientState state() const { return state_; }
  // Precondition: connected.
  const Address& selected() const { return pairs_[selected_].address; }
  // Something authentic came back at all: tells a blocked path from a broken server.
  bool heard() const { return heard_; }

 private:
  struct Pair {
    Address address;
    std::uint32_t priority = 0;
    TimePoint next;  // our next check
    Duration pause{};
    bool answered = false;
    bool nominated = false;
    std::array<sfu::transport::StunTransaction, 4> sent{};  // a late answer counts as well
    std::size_t next_sent = 0;
  };
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  std::size_t find(const Address& address);
  void send_check(Pair& pair, TimePoint now, sfu::transport::IceOutput& out);
  void on_request(const sfu::transport::StunMessageView& message, const Address& from, TimePoint now,
                  sfu::transport::IceOutput& out);
  void on_success(const sfu::transport::StunMessageView& message, const Address& from, TimePoint now,
                  sfu::transport::IceOutput& out);
  void select(std::size_t index, TimePoint now);
  void schedule();

  const IceClientLimits limits_;
  const std::string ufrag_;
  const std::string pwd_;
  const sfu::transport::HmacSha1 own_key_;
  const std::uint64_t tie_breaker_;
  sfu::transport::HmacSha1 remote_key_;
  std::string username_;
  std::vector<Pair> pairs_;
  std::size_t selected_ = kNone;
  std::size_t nominating_ = kNone;  // the pair whose checks say USE-CANDIDATE
  IceRole role_ = IceRole::controlled;
  IceClientState state_ = IceClientState::fresh;
  TimePoint started_{};
  TimePoint first_answer_ = TimePoint::max();
  TimePoint last_answer_{};
  TimePoint deadline_ = TimePoint::max();
  bool heard_ = false;
};

}  // namespace roomgate::bench::roomload::transport
