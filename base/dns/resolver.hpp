// DNS questions as coroutines, by c-ares on a Core: its sockets are the Core's to watch, its timeouts go
// through the Core's timer wheel. UDP, and TCP where an answer does not fit. Names are asked for as they
// stand: no search list and no /etc/hosts, so that an answer is what a name server said ("localhost" has no
// address either). Owned by whoever asks, on its core's thread; it may go while questions are open, which
// then end with `cancelled`.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/dns/srv_answer.hpp"
#include "base/net/core.hpp"

namespace roomgate::dns {

struct Options {
  std::vector<std::string> servers;  // ADDRESS or ADDRESS:PORT; empty: those of /etc/resolv.conf, read now
  Duration timeout = seconds(2);     // of the first try at a server; each further round waits twice as long
  std::uint32_t tries = 3;           // at each server
  friend bool operator==(const Options&, const Options&) = default;
};

struct HostAnswer {
  std::vector<Address> addresses;  // at least one; port 0; sorted, since the order of answers means nothing
  Duration ttl{};                  // the smallest of them and of the aliases that led to them
  // False: A or AAAA was not answered, so there may be more.
  bool whole = true;
};

struct Limits {
  std::size_t open_questions = 512;  // further ones fail with `busy`
  std::size_t addresses = 4096;      // of one host
  SrvLimits srv;
  Duration longest = seconds(60);  // of one question, whatever the options
};

class Resolver {
 public:
  Resolver(net::Core& core, const Options& options, Limits limits = {});
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Both end within deadline(), whatever servers do.
  net::Task<Result<SrvAnswer, DnsError>> srv(std::string name);
  // A and AAAA. An address in text is its own answer.
  net::Task<Result<HostAnswer, DnsError>> addresses(std::string host);

  // All tries at all servers.
  Duration deadline() const { return deadline_; }

 private:
  struct Channel;
  net::Core& core_;
  Limits limits_;
  Duration deadline_{};
  std::unique_ptr<Channel> channel_;
};

}  // namespace roomgate::dns
