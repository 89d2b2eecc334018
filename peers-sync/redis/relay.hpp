// A claim's way to Redis through another gate, both sides of it: the questions of a gate that is cut off, and
// what it does for members that are. Sans-I/O: packets in, packets and events out, told the time; what waits
// has its deadline with whoever waits (give_up). Owned by Members, the peers core.
//
// Two members are asked at once, since either may be about to lose Redis too; the script gives both the same
// answer, and the first counts. One that leaves a question without an answer rests for a while, so that not
// every request pays for it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "peers-sync/redis/relay_packets.hpp"

namespace roomgate::peers_sync::redis {

class Relay {
 public:
  struct Limits {
    std::size_t asked_at_once = 2;
    std::size_t asks = 10'000;              // of ours, under way
    std::size_t served = 1'000;             // of one member's, under way here; more get no answer
    Duration rest = seconds(1);             // of a member that was silent
    Duration vouching = milliseconds(200);  // for one member, no more often
  };
  // Who is to get an answer. A life that is over gets none.
  struct Asker {
    std::string member;
    std::uint64_t life = 0;
    std::uint64_t id = 0;
    std::string gate() const { return member + "/" + std::to_string(life); }  // as Redis knows it
  };
  // May call answer() from inside, and nothing else.
  class Listener {
   public:
    virtual void send(const std::string& member, std::uint8_t type, const std::string& body) = 0;
    virtual void answered(std::uint64_t ask, Claimed claimed) = 0;  // give_up() is not needed any more
    virtual void claim_for(Asker asker, Proposal proposal) = 0;     // ends with answer()
    virtual void vouch_for(const std::string& gate) = 0;  // it lives, cut off: what it holds is held
    virtual void heard_clock(std::int64_t now) = 0;       // Redis', of a member that has it

   protected:
    ~Listener() = default;
  };

  explicit Relay(Listener& listener) : Relay(listener, Limits()) {}
  Relay(Listener& listener, Limits limits) : listener_(listener), limits_(limits) {}

  void connected(const std::string& member, std::uint64_t life);
  void lost(const std::string& member);
  bool packet(const std::string& member, std::uint8_t type, ByteView body,
              TimePoint now);  // false: malformed
  // To all: at each beat, and at once when it changes.
  void say_state(const State& state);

  // To members that have Redis; nullopt: there is none to be asked.
  std::optional<std::uint64_t> ask(const Proposal& proposal, TimePoint now);
  void give_up(std::uint64_t ask, TimePoint now);
  void answer(const Asker& asker, Claimed claimed);

  // Of a member with a session: it has Redis; nullopt: no session, or nothing said yet.
  std::optional<bool> has_redis(std::string_view member) const;

 private:
  struct Member {
    std::uint64_t life = 0;
    std::optional<bool> has_redis;
    TimePoint rests_until{};
    TimePoint vouched{};
    std::size_t served = 0;
  };
  // Members that may answer still.
  using Asked = std::vector<std::string>;

  void take_answer(const std::string& member, RelayAnswer answer);
  void no_answer_of(const std::string& member);

  Listener& listener_;
  Limits limits_;
  State state_;
  std::map<std::string, Member, std::less<>> members_;
  std::unordered_map<std::uint64_t, Asked> asks_;
  std::uint64_t last_ask_ = 0;
};

}  // namespace roomgate::peers_sync::redis
