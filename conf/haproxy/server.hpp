// The options of one server line, its default-server lines before it. A value; any thread.
#pragma once

#include <optional>
#include <string>

#include "conf/haproxy/account.hpp"
#include "conf/haproxy/values.hpp"

namespace roomgate::conf::haproxy {

struct ServerOptions {
  std::int64_t weight = 1;
  bool check = false;
  bool backup = false;
  bool disabled = false;
  bool tls = false;
  bool tls_verify = true;
  std::string tls_ca;
  std::string tls_sni;
  std::int64_t max_connections = 0;
  std::int64_t id = 0;  // 0: not said
  bool agent = false;
  std::string agent_address;
  std::uint16_t agent_port = 0;
  // Of the whole gate here, whatever server says it first.
  std::optional<Duration> inter;
  std::optional<Duration> fastinter;
  std::optional<Duration> agent_inter;
  std::optional<std::int64_t> rise;
  std::optional<std::int64_t> fall;
  std::optional<Duration> slowstart;
  std::optional<std::int64_t> maxqueue;
  std::optional<std::int64_t> pool_max_conn;
  std::optional<Duration> pool_purge_delay;
  std::string resolvers;
};

// Reads the words of `line` from `first` on; what means nothing here goes to the account.
void read_server_options(const Line& line, std::size_t first, const std::string& ca_base, Account& account,
                         ServerOptions& options);

}  // namespace roomgate::conf::haproxy
