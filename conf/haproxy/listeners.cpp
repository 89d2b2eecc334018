#include <algorithm>
#include <map>

#include "conf/haproxy/parts.hpp"
#include "conf/haproxy/values.hpp"

namespace roomgate::conf::haproxy {
namespace {

struct Listener {
  const Line* line = nullptr;
  Place place;
  bool tls = false;
  std::vector<std::string> certificates;
  std::string crt_list;
  std::string min_version;
  std::vector<std::string> alpn;
  std::string client_ca;
  std::string client_verify;
  bool no_tickets = false;
  bool accept_proxy = false;
  bool http2 = false;
  bool redirect = false;
};

// What `ssl-default-bind-options`, crt-base and ca-base say for every bind.
struct Defaults {
  std::string min_version;
  bool no_tickets = false;
  std::string crt_base;
  std::string ca_base;
};

std::string below(const std::string& base, const std::string& file) {
  return base.empty() || file.starts_with("/") || file.starts_with("@") ? file : base + "/" + file;
}

// The lines of a section that send plain HTTP to https. `unconditional` or for what came without TLS: the
// same here. Other conditions cannot be followed.
bool redirects_to_https(Import& in, const Section& front) {
  bool found = false;
  for (const Line* line : front.lines) {
    const bool is_rule = begins_with(*line, {"http-request", "redirect", "scheme", "https"});
    if (!is_rule && !begins_with(*line, {"redirect", "scheme", "https"})) continue;
    std::string condition;
    for (std::size_t i = condition_at(*line); i < line->words.size(); ++i) condition += line->words[i];
    if (condition.empty() || condition == "unless{ssl_fc}" || condition == "if!{ssl_fc}") {
      in.account.carried(*line);
      found = true;
    } else {
      in.account.left(
          *line, Left::lost,
          "listen.redirect_to_https knows one condition, that the request came without TLS; these "
          "redirects have others");
    }
  }
  return found;
}

void take_min_version(Import& in, const Line& line, std::string_view version, std::string& min_version) {
  if (version == "TLSv1.2" || version == "TLSv1.3") {
    min_version = version.substr(4);
  } else {
    in.account.left(line, Left::lost, "TLS before 1.2 is not spoken");
  }
}

Defaults defaults_of(Import& in) {
  Defaults defaults;
  for (const Section& section : in.config.sections()) {
    if (section.kind != Kind::global) continue;
    for (const Line* line : section.lines) {
      const auto& words = line->words;
      if (words.size() < 2) continue;
      if (words[0] == "crt-base" || words[0] == "ca-base") {
        (words[0] == "crt-base" ? defaults.crt_base : defaults.ca_base) = words[1];
        in.account.carried(*line);
      } else if (words[0] == "ssl-default-bind-options") {
        in.account.carried(*line);
        for (std::size_t i = 1; i < words.size(); ++i) {
          if (words[i] == "ssl-min-ver" && i + 1 < words.size()) {
            take_min_version(in, *line, words[++i], defaults.min_version);
          } else if (words[i] == "no-tlsv12" || words[i] == "force-tlsv13") {
            defaults.min_version = "1.3";
          } else if (words[i] == "no-tls-tickets") {
            defaults.no_tickets = true;
          } else if (words[i] != "no-sslv3" && words[i] != "no-tlsv10" && words[i] != "no-tlsv11" &&
                     words[i] != "prefer-client-ciphers") {
            in.account.left(*line, Left::lost,
                            "Nothing is known here of these options of a bind line: " + words[i]);
          }
        }
      }
    }
  }
  return defaults;
}

struct Context {
  Import& in;
  const Defaults& defaults;
  const Line& line;
  Listener& listener;
};

enum class Takes : std::uint8_t { nothing, a_value };
using Read = void (*)(const Context&, const std::string& value);

// What an option of a bind line does to the listener, and what is to be said of it; neither: it makes no
// difference here.
struct Option {
  std::string_view word;
  Takes takes;
  Read read = nullptr;
  const char* why = nullptr;
  Left how = Left::lost;
};

constexpr const char* kBounded = "Connections are bounded over all listeners (limits.connections)";
constexpr const char* kPlace = "A listener is an address: network interfaces and namespaces are not chosen";
constexpr const char* kCiphers = "Ciphers and curves are OpenSSL's choice at its security level";
constexpr const char* kTickets =
    "Ticket keys: give every front door the same file of tls.ticket_keys (docs/operations.md has its form)";
constexpr const char* kMoreTls =
    "Of TLS a listener has certificates, min_version, alpn, tickets, client_ca and client_verify; these had "
    "more";

void read_crt(const Context& c, const std::string& value) {
  if (!value.empty()) c.listener.certificates.push_back(below(c.defaults.crt_base, value));
}

void read_alpn(const Context& c, const std::string& value) {
  for (const char* known : {"h2", "http/1.1"}) {
    const bool listed = ("," + value + ",").find("," + std::string(known) + ",") != value.npos;
    if (listed) c.listener.alpn.emplace_back(known);
  }
}

void read_min_version(const Context& c, const std::string& value) {
  take_min_version(c.in, c.line, value, c.listener.min_version);
}

constexpr Read set_tls = [](const Context& c, const std::string&) { c.listener.tls = true; };
constexpr Read set_tls13 = [](const Context& c, const std::string&) { c.listener.min_version = "1.3"; };
constexpr Read set_no_tickets = [](const Context& c, const std::string&) { c.listener.no_tickets = true; };
constexpr Read set_proxy = [](const Context& c, const std::string&) { c.listener.accept_proxy = true; };
constexpr Read read_crt_list = [](const Context& c, const std::string& v) { c.listener.crt_list = v; };
constexpr Read read_verify = [](const Context& c, const std::string& v) { c.listener.client_verify = v; };
constexpr Read read_proto = [](const Context& c, const std::string& v) { c.listener.http2 = v == "h2"; };
constexpr Read read_ca_file = [](const Context& c, const std::string& v) {
  c.listener.client_ca = v.empty() ? v : below(c.defaults.ca_base, v);
};

constexpr auto kFlag = Takes::nothing;
constexpr auto kValue = Takes::a_value;
constexpr Option kOptions[] = {
    {"ssl", kFlag, set_tls},
    {"crt", kValue, read_crt},
    {"crt-list", kValue, read_crt_list},
    {"alpn", kValue, read_alpn},
    {"no-alpn", kFlag},
    {"npn", kValue},
    {"ssl-min-ver", kValue, read_min_version},
    {"ssl-max-ver", kValue, nullptr, "There is no newest version of TLS to set"},
    {"force-tlsv13", kFlag, set_tls13},
    {"no-tlsv12", kFlag, set_tls13},
    {"no-tlsv11", kFlag},
    {"no-tlsv10", kFlag},
    {"no-sslv3", kFlag},
    {"no-tls-tickets", kFlag, set_no_tickets},
    {"tls-ticket-keys", kValue, nullptr, kTickets},
    {"ca-file", kValue, read_ca_file},
    {"verify", kValue, read_verify},
    {"ca-verify-file", kValue, nullptr, kMoreTls},
    {"ca-ignore-err", kValue, nullptr, kMoreTls},
    {"crt-ignore-err", kValue, nullptr, kMoreTls},
    {"crl-file", kValue, nullptr, kMoreTls},
    {"ocsp-update", kValue, nullptr, kMoreTls},
    {"strict-sni", kFlag, nullptr, kMoreTls},
    {"allow-0rtt", kFlag, nullptr, kMoreTls},
    {"ciphers", kValue, nullptr, kCiphers},
    {"ciphersuites", kValue, nullptr, kCiphers},
    {"curves", kValue, nullptr, kCiphers},
    {"ecdhe", kValue, nullptr, kCiphers},
    {"prefer-client-ciphers", kFlag},
    {"proto", kValue, read_proto},
    {"accept-proxy", kFlag, set_proxy},
    {"maxconn", kValue, nullptr, kBounded, Left::needless},
    {"interface", kValue, nullptr, kPlace},
    {"namespace", kValue, nullptr, kPlace},
    {"v6only", kFlag, nullptr, "[::] takes IPv4 too"},
    {"v4v6", kFlag},
    {"name", kValue},
    {"id", kValue},
    {"backlog", kValue},
    {"nice", kValue},
    {"process", kValue},
    {"thread", kValue},
    {"shards", kValue},
    {"user", kValue},
    {"group", kValue},
    {"uid", kValue},
    {"gid", kValue},
    {"mode", kValue},
    {"level", kValue},
    {"mss", kValue},
    {"tcp-ut", kValue},
    {"tfo", kFlag},
    {"transparent", kFlag},
    {"defer-accept", kFlag},
};

// The options behind the addresses of a bind line.
void take_options(const Context& context) {
  const auto& words = context.line.words;
  Listener& listener = context.listener;
  for (std::size_t i = 2; i < words.size(); ++i) {
    const auto* found = std::find_if(std::begin(kOptions), std::end(kOptions),
                                     [&](const Option& each) { return each.word == words[i]; });
    if (found == std::end(kOptions)) {
      context.in.account.left(context.line, Left::lost,
                              "Nothing is known here of these options of a bind line: " + words[i]);
      continue;
    }
    std::string value;
    if (found->takes == Takes::a_value && i + 1 < words.size()) value = words[++i];
    if (found->read != nullptr) found->read(context, value);
    if (found->why != nullptr) context.in.account.left(context.line, found->how, found->why);
  }
  // As in HAProxy, a ca-file without verify asks nobody for a certificate.
  if (listener.client_verify != "optional" && listener.client_verify != "required")
    listener.client_ca.clear();
  if (!listener.tls) return;
  if (listener.min_version.empty()) listener.min_version = context.defaults.min_version;
  listener.no_tickets = listener.no_tickets || context.defaults.no_tickets;
}

std::vector<Listener> listeners_of(Import& in, const Defaults& defaults, const Section& front) {
  const bool redirects = redirects_to_https(in, front);
  std::vector<Listener> found;
  for (const Line* line : front.lines) {
    if (line->words[0] != "bind" || line->words.size() < 2) continue;
    Listener listener{.line = line};
    take_options({in, defaults, *line, listener});
    listener.redirect = redirects && !listener.tls;
    std::string_view rest = line->words[1];
    in.account.carried(*line);
    while (!rest.empty()) {
      const std::string_view address = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), address.size() + 1));
      auto place = place_of(address);
      if (place && !place->is_name) {
        listener.place = *std::move(place);
        found.push_back(listener);
        continue;
      }
      const bool quic = address.starts_with("quic");
      in.account.left(
          *line, Left::lost,
          quic ? "HTTP/3 (QUIC) is not spoken"
               : "A listener is one IP address and one port: no names, port ranges, socket files or "
                 "descriptors: " +
                     std::string(address));
    }
  }
  return found;
}

// One socket cannot be had twice, and [::] takes IPv4 too.
void drop_doubles(Import& in, std::vector<Listener>& listeners) {
  std::map<std::string, const Listener*> seen;
  std::map<std::uint16_t, const Listener*> any_v6;
  for (const Listener& each : listeners) {
    if (each.place.is_any_v6) any_v6.emplace(each.place.port, &each);
  }
  std::vector<Listener> kept;
  for (const Listener& each : listeners) {
    const auto dual = any_v6.find(each.place.port);
    if (each.place.host == "0.0.0.0" && dual != any_v6.end()) {
      const bool same = dual->second->tls == each.tls && dual->second->redirect == each.redirect &&
                        dual->second->certificates == each.certificates;
      in.account.left(*each.line, same ? Left::needless : Left::lost,
                      "[::]:" + std::to_string(each.place.port) + " takes IPv4 too");
      continue;
    }
    if (!seen.emplace(each.place.to_string(), &each).second) {
      in.account.left(*each.line, Left::lost,
                      "This address is listened on already: " + each.place.to_string());
      continue;
    }
    kept.push_back(each);
  }
  listeners = std::move(kept);
}

void write(Import& in, const Listener& listener) {
  auto& block = in.draft.block("listen");
  block.set("address", toml(listener.place.to_string()));
  if (listener.tls) {
    auto certificates = listener.certificates;
    std::string comment;
    if (!listener.crt_list.empty()) {
      // Never plain HTTP where TLS was: a file that holds no certificate stops the start with its name.
      certificates.push_back(listener.crt_list);
      comment =
          "the last is a crt-list: put the files or folders it names in its place; SNI is matched by their "
          "names";
    } else if (certificates.empty()) {
      certificates.emplace_back("/etc/roomgate/certificate.pem");
      comment = "the bind line had none: put yours here";
    }
    block.set("tls.certificates", toml(certificates), comment);
    if (!listener.min_version.empty()) block.set("tls.min_version", toml(listener.min_version));
    if (!listener.alpn.empty()) block.set("tls.alpn", toml(listener.alpn));
    if (listener.no_tickets) block.set("tls.tickets", "0");
    if (!listener.client_ca.empty()) {
      block.set("tls.client_ca", toml(listener.client_ca));
      block.set("tls.client_verify", toml(listener.client_verify));
    }
  } else if (listener.http2) {
    block.set("http2_cleartext", "true");
  }
  if (listener.accept_proxy) {
    block.set("proxy_protocol_from", toml(std::vector<std::string>{"0.0.0.0/0", "::/0"}),
              "anybody, as in HAProxy: better only the load balancers' networks");
  }
  if (listener.redirect) {
    block.set("redirect_to_https", "true");
  } else if (!listener.tls && !listener.accept_proxy) {
    block.say(
        "Behind an ingress: trust_forwarded_from = [\"10.0.0.0/8\"] with its networks, so that its word on "
        "the client's address counts.");
  }
}

}  // namespace

bool import_listeners(Import& in) {
  const Defaults defaults = defaults_of(in);
  std::vector<Listener> listeners;
  for (const Section* front : in.way.fronts) {
    for (Listener& each : listeners_of(in, defaults, *front)) listeners.push_back(std::move(each));
  }
  drop_doubles(in, listeners);
  for (const Listener& listener : listeners) write(in, listener);

  constexpr std::uint16_t kAdminPort = 9090;
  const auto taken = [&listeners](std::uint16_t port) {
    return std::any_of(listeners.begin(), listeners.end(),
                       [port](const Listener& each) { return each.place.port == port; });
  };
  if (taken(kAdminPort)) {
    std::uint16_t port = kAdminPort + 1;
    while (taken(port) && port < 9999) ++port;
    in.draft.table("admin").set("address", toml("127.0.0.1:" + std::to_string(port)),
                                "9090, where it would be, is a listener's");
  }
  return !listeners.empty();
}

}  // namespace roomgate::conf::haproxy
