// What a process that takes over gets from the one that serves, received before its own threads start: so it
// may simply wait. Owned by the gate; start-up.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "router/handover/link.hpp"

namespace roomgate::router::handover {

struct InheritanceLimits {
  Duration patience = seconds(30);  // for all of it
  std::size_t table_bytes = std::size_t{4} * 1024 * 1024 * 1024;
};

class Inheritance {
 public:
  // The error is for the operator.
  static Result<std::unique_ptr<Inheritance>, std::string> receive(const std::string& socket,
                                                                   const std::string& gate,
                                                                   const InheritanceLimits& limits = {});
  ~Inheritance();
  Inheritance(const Inheritance&) = delete;
  Inheritance& operator=(const Inheritance&) = delete;

  // The listening descriptors of that address, the caller's from now on; none if it was not among them.
  std::vector<int> take(Descriptor::Kind kind, const std::string& address, std::uint32_t number = 0);
  // What nobody has taken: closed. The addresses, for the log.
  std::vector<std::string> close_rest();

  const std::string& ticket_keys() const { return ticket_keys_; }
  const std::vector<ShardWord>& words() const { return words_; }
  const std::vector<Drain>& drains() const { return drains_; }
  const std::vector<Found>& found() const { return found_; }
  const std::vector<Ban>& bans() const { return bans_; }
  // A stick image.
  std::string take_table() { return std::move(table_); }
  const PeerProcess& from() const { return from_; }

  // We shall not take over after all; the one that serves tells its operator why.
  void refuse(const std::string& reason);
  // The connection, for what comes after.
  std::unique_ptr<Link> link(net::Core& core, Link::Listener listener);

 private:
  struct Passed {
    Descriptor what;
    int descriptor = -1;
  };
  Inheritance() : inlet_(std::make_unique<Inlet>()) {}
  Result<bool, std::string> note(Message message, const InheritanceLimits& limits);

  int connection_ = -1;
  PeerProcess from_;
  std::unique_ptr<Inlet> inlet_;
  std::vector<Passed> passed_;
  std::string ticket_keys_;
  std::vector<ShardWord> words_;
  std::vector<Drain> drains_;
  std::vector<Found> found_;
  std::vector<Ban> bans_;
  std::string table_;
};

// A connection to a process that listens there, of this user.
Result<int, std::string> connect_to(const std::string& socket);

}  // namespace roomgate::router::handover
