// What one [[discover]] block has found: takes answers and failures, gives the endpoints, and says when to
// ask again. Sans-I/O; owned by the discoverer.
//
//   waiting   nothing has been found yet
//   ok        the last answer was whole
//   stale     the last answer was empty, failed or not whole: what was known is kept
//
// A set is given up for another set only, never for nothing: name servers that forget everything at once are
// commoner than shards that go all at once. Nor for part of one: a target whose address cannot be had keeps
// the addresses it had. A shard that is no longer in an answer is gone, and its room's matter is the
// directory's.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/dns/resolver.hpp"
#include "router/directory/blocks.hpp"

namespace roomgate::router::discovery {

enum class State : std::uint8_t { waiting, ok, stale };
std::string_view to_string(State state);

// How an answer was; label of roomgate_discovery_answers_total.
enum class Outcome : std::uint8_t { ok, partial, empty, failed };
std::string_view to_string(Outcome outcome);

struct Limits {
  std::size_t endpoints = 4096;
  std::size_t addresses_per_target = 16;
  Duration least = seconds(1);          // between two questions, whatever TTLs say
  Duration after_trouble = seconds(3);  // at most, to the next question
};

// What an answer has changed.
struct News {
  Outcome outcome = Outcome::ok;
  bool changed = false;           // the endpoints are others than before
  bool turned = false;            // ok to not ok, or back, or the first answer
  std::vector<std::string> came;  // names; addresses where shards have none yet
  std::vector<std::string> went;
  std::vector<std::string> moved;  // same name, other addresses
  std::size_t left_out = 0;        // endpoints past the limit, or without a valid name
  std::string left_out_example;
};

using HostAnswers = std::map<std::string, Result<dns::HostAnswer, dns::DnsError>>;

class Block {
 public:
  explicit Block(directory::DiscoverBlock settings, Limits limits = {});

  const directory::DiscoverBlock& settings() const { return settings_; }

  // The records that count: those of the lowest-numbered priority. RFC 2782 keeps the others for when none of
  // these can be reached, and whether shards can be reached is for health checks to say, where rooms may go
  // then for regions: records that do not count cannot take rooms by an accident of DNS. (Kubernetes and
  // Consul give all the same.)
  static std::vector<dns::SrvRecord> chosen(const dns::SrvAnswer& answer);
  // The hosts whose addresses are then wanted, each once.
  static std::vector<std::string> targets(const dns::SrvAnswer& answer);

  // `hosts` has an answer for each of targets().
  News answered(const dns::SrvAnswer& answer, const HostAnswers& hosts, TimePoint now);
  // Of a block that asks for a host.
  News answered(const dns::HostAnswer& answer, TimePoint now);
  News failed(dns::DnsError error);

  // After the last answer: its TTL, at least Limits::least, at most `refresh`; sooner after one that was not
  // good. `jitter`, 0 to 1, makes it up to a tenth shorter.
  Duration ask_again_in(double jitter) const;

  // Sorted.
  const std::vector<directory::Endpoint>& endpoints() const { return endpoints_; }
  // By name; by address where they have none.
  std::size_t shard_count() const;
  State state() const { return state_; }
  const std::string& error() const { return error_; }  // of the last answer, for people; empty: none
  TimePoint last_good() const { return last_good_; }   // {}: never

 private:
  struct Gathering;
  News adopt(Gathering gathered, Duration ttl, std::string trouble, TimePoint now);
  News keep(Outcome outcome, std::string why);

  directory::DiscoverBlock settings_;
  Limits limits_;
  std::vector<directory::Endpoint> endpoints_;
  std::map<std::string, std::vector<Address>>
      last_known_;  // addresses of targets, while they are in the answer
  State state_ = State::waiting;
  std::string error_;
  TimePoint last_good_{};
  Duration next_{};
};

}  // namespace roomgate::router::discovery
