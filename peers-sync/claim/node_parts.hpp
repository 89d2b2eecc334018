// What a Node is made of, for node.cpp (what happens) and node_facts.cpp (what is so) alone. Each part has
// its own page; here they are tied together, in the order in which one stands on the other.
#pragma once

#include <map>
#include <set>

#include "peers-sync/claim/adoptions.hpp"
#include "peers-sync/claim/asks.hpp"
#include "peers-sync/claim/book.hpp"
#include "peers-sync/claim/holds.hpp"
#include "peers-sync/claim/lessons.hpp"
#include "peers-sync/claim/links.hpp"
#include "peers-sync/claim/membership.hpp"
#include "peers-sync/claim/node.hpp"
#include "peers-sync/claim/owner.hpp"
#include "peers-sync/claim/packets.hpp"
#include "peers-sync/claim/record.hpp"
#include "peers-sync/claim/releases.hpp"

namespace roomgate::peers_sync::claim {

struct Node::Parts final : Membership::Sender {
  Parts(NodeOptions given, Host& its_host, Transport& its_transport, TimePoint now);

  void send_status(const std::string& to, const Status& status) override;

  bool take(const std::string& from, std::uint8_t type, ByteView body, TimePoint now);
  bool take_packet(const std::string& from, std::uint8_t type, ByteView body, TimePoint now);
  void finish(TimePoint now);
  void notice_members(TimePoint now);
  void learn_afresh(TimePoint now);
  void say_again_of_gone(const std::set<LifeIndex>& dropped, TimePoint now);
  void forget_lives(TimePoint now);
  void report_progress(TimePoint now);
  void adopt_some(TimePoint now);
  bool show(const Room& room, std::uint64_t position, const std::function<bool(const Item&)>& visit) const;
  void rescue(TimePoint now);
  void ask_rescue(const std::string& key, TimePoint now);
  void end_rescue(const std::string& key, const Outcome& outcome, TimePoint now);
  bool knows_by_itself(const Room& room, TimePoint now) const;
  void ask_claim(Claim claim, Done done, TimePoint until, TimePoint now);
  void ask_about_room(Ask ask, std::optional<Use> use, Done done, TimePoint now);
  void hold(Room& room, Use use, TimePoint now);
  void learn_outcome(const std::string& key, std::optional<Use> use, Outcome& outcome, TimePoint now);

  const NodeOptions options;
  Host& host;
  Transport& transport;
  Membership membership;
  Book book;
  Record record;
  Links links;
  Lessons lessons;
  Asks asks;
  Owner owner;
  Releases releases;
  Holds holds;
  Adoptions adoptions;
  std::map<std::string, Home> rescues;  // under way (Record::Rescued)
  std::vector<std::string> configured;
  std::vector<std::uint32_t> shards_down;
  bool was_member = false;
  bool ready = false;
  bool progress_due = true;
  TimePoint last_now{};
  bool working = false;  // in finish(): calls that come from callbacks leave the rest to it
  TimePoint forget_at{};
};

}  // namespace roomgate::peers_sync::claim
