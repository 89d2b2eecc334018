// Members that DNS knows: asks for SRV records again and again, as often as answers live, and tells when who
// they name has changed. A member's name is the first label of its target. What was found stays when a
// question fails: a name server that is away, or forgets, takes nobody out of the mesh. Owned by the mesh,
// its core's thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/dns/resolver.hpp"
#include "peers-sync/mesh/member.hpp"

namespace roomgate::peers_sync::mesh {

using HostAnswers = std::map<std::string, Result<dns::HostAnswer, dns::DnsError>>;  // by target

// Whom the records name, in the order of names, without `own_name`. A target whose addresses are not known
// now has those of `before`; without any it is left out.
std::vector<Member> members_of(const dns::SrvAnswer& answer, const HostAnswers& hosts,
                               const std::string& own_name, const std::vector<Member>& before,
                               std::size_t max_members);

class Seeker {
 public:
  struct Limits {
    Duration least = seconds(1);  // between two questions, whatever answers say
    Duration most = seconds(10);
    std::size_t members = 64;
  };
  struct Options {
    std::string own_name;
    std::string srv;
    dns::Options dns;
    Limits limits;
  };
  // Called when the set, or where they are, is another.
  using OnFound = std::function<void(const std::vector<Member>&)>;

  Seeker(net::Core& core, Options options, OnFound on_found);
  ~Seeker();
  Seeker(const Seeker&) = delete;
  Seeker& operator=(const Seeker&) = delete;

  // Somebody has come whom the last answer did not name. No sooner than `least` after the last question.
  void ask_now();
  bool answered() const;             // at least once
  const std::string& error() const;  // of the last question; empty: it was answered

 private:
  struct State;
  static net::Task<void> ask_again_and_again(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace roomgate::peers_sync::mesh
