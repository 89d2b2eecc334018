#include "conf/haproxy/server.hpp"

namespace roomgate::conf::haproxy {
namespace {

struct Context {
  const Line& line;
  const std::string& ca_base;
  Account& account;
  ServerOptions& options;
};

enum class Takes : std::uint8_t { nothing, a_value };
using Read = void (*)(const Context&, const std::string& value);

// What an option does to the shard, and what is to be said of it; neither: it makes no difference here.
struct Option {
  std::string_view word;
  Takes takes;
  Read read = nullptr;
  const char* why = nullptr;
  Left how = Left::lost;
};

constexpr const char* kResolve =
    "DNS is asked again at least every discover.refresh, and by TTL; both kinds of addresses are taken";
constexpr const char* kTls =
    "TLS towards shards has tls, tls_verify, tls_ca and tls_sni; these servers had more";
constexpr const char* kChecks = "Checks go to the shard's own address and port, by TLS where requests do";
constexpr const char* kObserve =
    "health.observe counts connections of real traffic that fail; a shard that is down takes no rooms";
constexpr const char* kProxy =
    "No PROXY header is sent to shards: the client's address is in X-Forwarded-For";
constexpr const char* kHttp = "HTTP/1.1 is spoken to shards: a WebSocket is a connection of its own there";
constexpr const char* kCookie =
    "Persistence by cookie: here a room is what stays with its shard, whoever asks";
constexpr const char* kDown =
    "Tunnels of a room that moves are closed over heal.window, so that its clients come to the new shard";

void read_ca_file(const Context& c, const std::string& value) {
  if (value.starts_with("@")) {
    c.options.tls_ca.clear();  // @system-ca is the default here
  } else {
    c.options.tls_ca = c.ca_base.empty() || value.starts_with("/") ? value : c.ca_base + "/" + value;
  }
}

void read_sni(const Context& c, const std::string& value) {
  if (value.starts_with("str(") && value.ends_with(")")) {
    c.options.tls_sni = value.substr(4, value.size() - 5);
  } else {
    c.account.left(c.line, Left::lost, "tls_sni is one name for a shard, not one for each request");
  }
}

void read_verifyhost(const Context& c, const std::string& value) {
  if (c.options.tls_sni.empty()) c.options.tls_sni = value;
}

void read_maxconn(const Context& c, const std::string& value) {
  const std::int64_t most = number_of(value).value_or(0);
  c.options.max_connections = most > 1'000'000 ? 0 : most;  // beyond: no bound
}

void read_id(const Context& c, const std::string& value) {
  const std::int64_t id = number_of(value).value_or(0);
  c.options.id = id > 2'147'483'647 ? 0 : id;
}

void read_agent_port(const Context& c, const std::string& value) {
  const auto port = number_of(value);
  if (port && *port >= 1 && *port <= 65535) c.options.agent_port = static_cast<std::uint16_t>(*port);
}

template <bool ServerOptions::*flag, bool value>
constexpr Read set = [](const Context& c, const std::string&) { c.options.*flag = value; };
template <std::optional<Duration> ServerOptions::*time>
constexpr Read read_time =
    [](const Context& c, const std::string& value) { c.options.*time = time_of(value); };
template <std::optional<std::int64_t> ServerOptions::*number>
constexpr Read read_number =
    [](const Context& c, const std::string& value) { c.options.*number = number_of(value); };
template <std::string ServerOptions::*text>
constexpr Read read_text = [](const Context& c, const std::string& value) { c.options.*text = value; };
constexpr Read read_weight = [](const Context& c, const std::string& value) {
  c.options.weight = number_of(value).value_or(1);
};
constexpr Read read_verify = [](const Context& c, const std::string& value) {
  c.options.tls_verify = value != "none";
};

using S = ServerOptions;
constexpr auto kFlag = Takes::nothing;
constexpr auto kValue = Takes::a_value;
constexpr Option kOptions[] = {
    // Where it stands among the others.
    {"weight", kValue, read_weight},
    {"backup", kFlag, set<&S::backup, true>},
    {"no-backup", kFlag, set<&S::backup, false>},
    {"disabled", kFlag, set<&S::disabled, true>},
    {"enabled", kFlag, set<&S::disabled, false>},
    {"slowstart", kValue, read_time<&S::slowstart>},
    {"maxconn", kValue, read_maxconn},
    {"maxqueue", kValue, read_number<&S::maxqueue>},
    {"minconn", kValue, nullptr, "max_connections of a shard is one bound: it does not move with the load"},
    {"id", kValue, read_id},
    {"cookie", kValue, nullptr, kCookie},
    {"non-stick", kFlag, nullptr, "Every shard keeps its rooms"},
    {"track", kValue, nullptr, "A shard's state is its own, not another server's"},
    {"redir", kValue, nullptr, "Requests are not redirected to servers"},
    {"source", kValue, nullptr, "The address to reach shards from cannot be chosen"},
    {"usesrc", kValue},
    {"hash-key", kValue},
    {"shard", kValue},
    {"guid", kValue},
    // How it is checked.
    {"check", kFlag, set<&S::check, true>},
    {"no-check", kFlag, set<&S::check, false>},
    {"inter", kValue, read_time<&S::inter>},
    {"fastinter", kValue, read_time<&S::fastinter>},
    {"downinter", kValue, nullptr, "Shards that are down are checked at health.interval too", Left::needless},
    {"rise", kValue, read_number<&S::rise>},
    {"fall", kValue, read_number<&S::fall>},
    {"port", kValue, nullptr, kChecks},
    {"addr", kValue, nullptr, kChecks},
    {"check-ssl", kFlag, nullptr, kChecks, Left::needless},
    {"no-check-ssl", kFlag, nullptr, kChecks},
    {"check-sni", kValue, nullptr, kChecks, Left::needless},
    {"check-alpn", kValue, nullptr, kHttp, Left::needless},
    {"check-proto", kValue, nullptr, kHttp, Left::needless},
    {"agent-check", kFlag, set<&S::agent, true>},
    {"no-agent-check", kFlag, set<&S::agent, false>},
    {"agent-addr", kValue, read_text<&S::agent_address>},
    {"agent-port", kValue, read_agent_port},
    {"agent-inter", kValue, read_time<&S::agent_inter>},
    {"agent-send", kValue, nullptr, "Agents are only listened to: nothing is sent to them"},
    {"observe", kValue, nullptr, kObserve, Left::needless},
    {"error-limit", kValue, nullptr, kObserve, Left::needless},
    {"on-error", kValue, nullptr, kObserve, Left::needless},
    {"on-marked-down", kValue, nullptr, kDown, Left::needless},
    {"on-marked-up", kValue, nullptr, "Rooms stay where they are when a shard comes back", Left::needless},
    // How its name is resolved.
    {"resolvers", kValue, read_text<&S::resolvers>},
    {"init-addr", kValue, nullptr, kResolve, Left::needless},
    {"resolve-prefer", kValue, nullptr, kResolve, Left::needless},
    {"resolve-opts", kValue, nullptr, kResolve, Left::needless},
    {"resolve-net", kValue, nullptr, kResolve},
    // What is spoken to it.
    {"ssl", kFlag, set<&S::tls, true>},
    {"no-ssl", kFlag, set<&S::tls, false>},
    {"verify", kValue, read_verify},
    {"verifyhost", kValue, read_verifyhost},
    {"ca-file", kValue, read_ca_file},
    {"sni", kValue, read_sni},
    {"crt", kValue, nullptr, kTls},
    {"crl-file", kValue, nullptr, kTls},
    {"ciphers", kValue, nullptr, kTls},
    {"ciphersuites", kValue, nullptr, kTls},
    {"ssl-min-ver", kValue, nullptr, kTls},
    {"ssl-max-ver", kValue, nullptr, kTls},
    {"no-sslv3", kFlag},
    {"no-tlsv10", kFlag},
    {"no-tlsv11", kFlag},
    {"no-tls-tickets", kFlag},
    {"no-ssl-reuse", kFlag},
    {"alpn", kValue, nullptr, kHttp, Left::needless},
    {"npn", kValue, nullptr, kHttp, Left::needless},
    {"proto", kValue, nullptr, kHttp, Left::needless},
    {"ws", kValue, nullptr, kHttp, Left::needless},
    {"send-proxy", kFlag, nullptr, kProxy},
    {"send-proxy-v2", kFlag, nullptr, kProxy},
    {"send-proxy-v2-ssl", kFlag, nullptr, kProxy},
    {"send-proxy-v2-ssl-cn", kFlag, nullptr, kProxy},
    {"check-send-proxy", kFlag, nullptr, kProxy},
    {"proxy-v2-options", kValue, nullptr, kProxy},
    {"pool-max-conn", kValue, read_number<&S::pool_max_conn>},
    {"pool-purge-delay", kValue, read_time<&S::pool_purge_delay>},
    {"pool-low-conn", kValue},
    {"max-reuse", kValue},
    {"tfo", kFlag},
    {"tcp-ut", kValue},
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
    if (found->read != nullptr) found->read(context, value);
    if (found->why != nullptr) account.left(line, found->how, found->why);
  }
}

}  // namespace roomgate::conf::haproxy
