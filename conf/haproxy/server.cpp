#include "conf/haproxy/server.hpp"

#include <functional>

namespace roomgate::conf::haproxy {
namespace {

struct Context {
  const Line& line;
  const std::string& ca_base;
  Account& account;
  ServerOptions& options;

  void left(Left how, const char* why) const { account.left(line, how, why); }
};

enum class Takes : std::uint8_t { nothing, a_value };

struct Option {
  std::string_view word;
  Takes takes;
  void (*read)(const Context&, const std::string& value);
};

void nothing(const Context&, const std::string&) {}

constexpr const char* kResolve =
    "DNS is asked again at least every discover.refresh, and by TTL; both kinds of addresses are taken";
constexpr const char* kTls =
    "TLS towards shards has tls, tls_verify, tls_ca and tls_sni; these servers had more";
constexpr const char* kChecks = "Checks go to the shard's own address and port, by TLS where requests do";
constexpr const char* kObserve =
    "health.observe counts connections of real traffic that fail; a shard that is down takes no rooms";
constexpr const char* kProxy =
    "No PROXY header is sent to shards: the client's address is in X-Forwarded-For";

constexpr Option kOptions[] = {
    {"weight", Takes::a_value,
     [](const Context& c, const std::string& v) { c.options.weight = number_of(v).value_or(1); }},
    {"check", Takes::nothing, [](const Context& c, const std::string&) { c.options.check = true; }},
    {"no-check", Takes::nothing, [](const Context& c, const std::string&) { c.options.check = false; }},
    {"agent-check", Takes::nothing, [](const Context& c, const std::string&) { c.options.agent = true; }},
    {"no-agent-check", Takes::nothing, [](const Context& c, const std::string&) { c.options.agent = false; }},
    {"backup", Takes::nothing, [](const Context& c, const std::string&) { c.options.backup = true; }},
    {"no-backup", Takes::nothing, [](const Context& c, const std::string&) { c.options.backup = false; }},
    {"disabled", Takes::nothing, [](const Context& c, const std::string&) { c.options.disabled = true; }},
    {"enabled", Takes::nothing, [](const Context& c, const std::string&) { c.options.disabled = false; }},
    {"ssl", Takes::nothing, [](const Context& c, const std::string&) { c.options.tls = true; }},
    {"no-ssl", Takes::nothing, [](const Context& c, const std::string&) { c.options.tls = false; }},
    {"verify", Takes::a_value,
     [](const Context& c, const std::string& v) { c.options.tls_verify = v != "none"; }},
    {"ca-file", Takes::a_value,
     [](const Context& c, const std::string& v) {
       if (v.starts_with("@")) {
         c.options.tls_ca.clear();  // @system-ca is the default here
       } else {
         c.options.tls_ca = c.ca_base.empty() || v.starts_with("/") ? v : c.ca_base + "/" + v;
       }
     }},
    {"sni", Takes::a_value,
     [](const Context& c, const std::string& v) {
       if (v.starts_with("str(") && v.ends_with(")")) {
         c.options.tls_sni = v.substr(4, v.size() - 5);
       } else {
         c.left(Left::lost, "tls_sni is one name for a shard, not one for each request");
       }
     }},
    {"verifyhost", Takes::a_value,
     [](const Context& c, const std::string& v) {
       if (c.options.tls_sni.empty()) c.options.tls_sni = v;
     }},
    {"maxconn", Takes::a_value,
     [](const Context& c, const std::string& v) {
       std::int64_t most = number_of(v).value_or(0);
       if (most > 1'000'000) most = 0;
       c.options.max_connections = most;
     }},
    {"inter", Takes::a_value, [](const Context& c, const std::string& v) { c.options.inter = time_of(v); }},
    {"fastinter", Takes::a_value,
     [](const Context& c, const std::string& v) { c.options.fastinter = time_of(v); }},
    {"downinter", Takes::a_value,
     [](const Context& c, const std::string&) {
       c.left(Left::needless, "Shards that are down are checked at health.interval too");
     }},
    {"rise", Takes::a_value, [](const Context& c, const std::string& v) { c.options.rise = number_of(v); }},
    {"fall", Takes::a_value, [](const Context& c, const std::string& v) { c.options.fall = number_of(v); }},
    {"agent-inter", Takes::a_value,
     [](const Context& c, const std::string& v) { c.options.agent_inter = time_of(v); }},
    {"agent-port", Takes::a_value,
     [](const Context& c, const std::string& v) {
       const auto port = number_of(v);
       if (port && *port >= 1 && *port <= 65535) c.options.agent_port = static_cast<std::uint16_t>(*port);
     }},
    {"agent-addr", Takes::a_value,
     [](const Context& c, const std::string& v) { c.options.agent_address = v; }},
    {"agent-send", Takes::a_value,
     [](const Context& c, const std::string&) {
       c.left(Left::lost, "Agents are only listened to: nothing is sent to them");
     }},
    {"slowstart", Takes::a_value,
     [](const Context& c, const std::string& v) { c.options.slowstart = time_of(v); }},
    {"maxqueue", Takes::a_value,
     [](const Context& c, const std::string& v) { c.options.maxqueue = number_of(v); }},
    {"pool-max-conn", Takes::a_value,
     [](const Context& c, const std::string& v) { c.options.pool_max_conn = number_of(v); }},
    {"pool-purge-delay", Takes::a_value,
     [](const Context& c, const std::string& v) { c.options.pool_purge_delay = time_of(v); }},
    {"pool-low-conn", Takes::a_value, nothing},
    {"max-reuse", Takes::a_value, nothing},
    {"minconn", Takes::a_value,
     [](const Context& c, const std::string&) {
       c.left(Left::lost, "max_connections of a shard is one bound; it does not move with the load (minconn)");
     }},
    {"port", Takes::a_value, [](const Context& c, const std::string&) { c.left(Left::lost, kChecks); }},
    {"addr", Takes::a_value, [](const Context& c, const std::string&) { c.left(Left::lost, kChecks); }},
    {"check-ssl", Takes::nothing,
     [](const Context& c, const std::string&) {
       if (!c.options.tls) c.left(Left::lost, kChecks);
     }},
    {"no-check-ssl", Takes::nothing, [](const Context& c, const std::string&) { c.left(Left::lost, kChecks); }},
    {"check-sni", Takes::a_value, nothing},
    {"check-alpn", Takes::a_value, nothing},
    {"check-proto", Takes::a_value, nothing},
    {"check-send-proxy", Takes::nothing, [](const Context& c, const std::string&) { c.left(Left::lost, kProxy); }},
    {"send-proxy", Takes::nothing, [](const Context& c, const std::string&) { c.left(Left::lost, kProxy); }},
    {"send-proxy-v2", Takes::nothing, [](const Context& c, const std::string&) { c.left(Left::lost, kProxy); }},
    {"send-proxy-v2-ssl", Takes::nothing, [](const Context& c, const std::string&) { c.left(Left::lost, kProxy); }},
    {"send-proxy-v2-ssl-cn", Takes::nothing,
     [](const Context& c, const std::string&) { c.left(Left::lost, kProxy); }},
    {"proxy-v2-options", Takes::a_value, nothing},
    {"id", Takes::a_value,
     [](const Context& c, const std::string&) {
       c.left(Left::needless,
              "A shard's number (id) matters between HAProxy's peers only: it is needed again when [peers] comes");
     }},
    {"cookie", Takes::a_value,
     [](const Context& c, const std::string&) {
       c.left(Left::lost, "Persistence by cookie: here a room is what stays with its shard, whoever asks");
     }},
    {"observe", Takes::a_value, [](const Context& c, const std::string&) { c.left(Left::needless, kObserve); }},
    {"error-limit", Takes::a_value, [](const Context& c, const std::string&) { c.left(Left::needless, kObserve); }},
    {"on-error", Takes::a_value, [](const Context& c, const std::string&) { c.left(Left::needless, kObserve); }},
    {"on-marked-down", Takes::a_value, [](const Context& c, const std::string&) { c.left(Left::needless, "Tunnels of a room that moves are closed over [heal] window, so that its clients come to the new shard"); }},
    {"on-marked-up", Takes::a_value, [](const Context& c, const std::string&) { c.left(Left::needless, "Rooms stay where they are when a shard comes back"); }},
    {"resolvers", Takes::a_value, [](const Context& c, const std::string& v) { c.options.resolvers = v; }},
    {"init-addr", Takes::a_value, [](const Context& c, const std::string&) { c.left(Left::needless, kResolve); }},
    {"resolve-prefer", Takes::a_value, [](const Context& c, const std::string&) { c.left(Left::needless, kResolve); }},
    {"resolve-net", Takes::a_value, [](const Context& c, const std::string&) { c.left(Left::lost, kResolve); }},
    {"resolve-opts", Takes::a_value, [](const Context& c, const std::string&) { c.left(Left::needless, kResolve); }},
    {"track", Takes::a_value,
     [](const Context& c, const std::string&) { c.left(Left::lost, "A shard's state is its own, not another server's"); }},
    {"redir", Takes::a_value, [](const Context& c, const std::string&) { c.left(Left::lost, "Requests are not redirected to servers"); }},
    {"source", Takes::a_value, [](const Context& c, const std::string&) { c.left(Left::lost, "The address to reach shards from cannot be chosen"); }},
    {"usesrc", Takes::a_value, nothing},
    {"alpn", Takes::a_value, [](const Context& c, const std::string& v) { if (v != "http/1.1") c.left(Left::needless, "HTTP/1.1 is spoken to shards: a WebSocket is a connection of its own there"); }},
    {"proto", Takes::a_value, [](const Context& c, const std::string& v) { if (v != "h1") c.left(Left::needless, "HTTP/1.1 is spoken to shards: a WebSocket is a connection of its own there"); }},
    {"ws", Takes::a_value, nothing},
    {"npn", Takes::a_value, nothing},
    {"crt", Takes::a_value, [](const Context& c, const std::string&) { c.left(Left::lost, kTls); }},
    {"crl-file", Takes::a_value, [](const Context& c, const std::string&) { c.left(Left::lost, kTls); }},
    {"ciphers", Takes::a_value, [](const Context& c, const std::string&) { c.left(Left::lost, kTls); }},
    {"ciphersuites", Takes::a_value, [](const Context& c, const std::string&) { c.left(Left::lost, kTls); }},
    {"ssl-min-ver", Takes::a_value, [](const Context& c, const std::string&) { c.left(Left::lost, kTls); }},
    {"ssl-max-ver", Takes::a_value, [](const Context& c, const std::string&) { c.left(Left::lost, kTls); }},
    {"no-sslv3", Takes::nothing, nothing},
    {"no-tlsv10", Takes::nothing, nothing},
    {"no-tlsv11", Takes::nothing, nothing},
    {"no-tls-tickets", Takes::nothing, nothing},
    {"no-ssl-reuse", Takes::nothing, nothing},
    {"tfo", Takes::nothing, nothing},
    {"tcp-ut", Takes::a_value, nothing},
    {"non-stick", Takes::nothing,
     [](const Context& c, const std::string&) { c.left(Left::lost, "Every shard keeps its rooms"); }},
    {"shard", Takes::a_value, nothing},
    {"hash-key", Takes::a_value, nothing},
    {"guid", Takes::a_value, nothing},
};

}  // namespace

void read_server_options(const Line& line, std::size_t first, const std::string& ca_base, Account& account,
                         ServerOptions& options) {
  const Context context{line, ca_base, account, options};
  for (std::size_t i = first; i < line.words.size(); ++i) {
    const Option* found = nullptr;
    for (const Option& option : kOptions) {
      if (option.word == line.words[i]) found = &option;
    }
    if (found == nullptr) {
      account.left(line, Left::lost, "Nothing is known here of these options of a server: " + line.words[i]);
      continue;
    }
    std::string value;
    if (found->takes == Takes::a_value && i + 1 < line.words.size()) value = line.words[++i];
    found->read(context, value);
  }
}

}  // namespace roomgate::conf::haproxy
