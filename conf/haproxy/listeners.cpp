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
                            "Of the TLS options of a listener, these have no setting here: " + words[i]);
          }
        }
      }
    }
  }
  return defaults;
}

// The options behind the addresses of a bind line.
void take_options(Import& in, const Defaults& defaults, const Line& line, Listener& listener) {
  const auto& words = line.words;
  std::string verify;
  for (std::size_t i = 2; i < words.size(); ++i) {
    const std::string& word = words[i];
    const bool has_value = i + 1 < words.size();
    const auto value = [&] { return has_value ? words[++i] : std::string(); };
    if (word == "ssl") {
      listener.tls = true;
    } else if (word == "crt") {
      listener.certificates.push_back(below(defaults.crt_base, value()));
    } else if (word == "crt-list") {
      listener.crt_list = value();
    } else if (word == "alpn") {
      const std::string list = value();
      for (const char* known : {"h2", "http/1.1"}) {
        if (("," + list + ",").find("," + std::string(known) + ",") != list.npos)
          listener.alpn.emplace_back(known);
      }
    } else if (word == "ssl-min-ver") {
      take_min_version(in, line, value(), listener.min_version);
    } else if (word == "no-tlsv12" || word == "force-tlsv13") {
      listener.min_version = "1.3";
    } else if (word == "no-tls-tickets") {
      listener.no_tickets = true;
    } else if (word == "ca-file") {
      listener.client_ca = below(defaults.ca_base, value());
    } else if (word == "verify") {
      verify = value();
    } else if (word == "accept-proxy") {
      listener.accept_proxy = true;
    } else if (word == "proto") {
      const std::string protocol = value();
      listener.http2 = protocol == "h2";
      if (!listener.http2) in.account.left(line, Left::needless, "HTTP/1.1 is always spoken");
    } else if (word == "name" || word == "maxconn" || word == "backlog" || word == "id" ||
               word == "process" || word == "thread" || word == "shards" || word == "nice" || word == "uid" ||
               word == "gid" || word == "user" || word == "group" || word == "mode" || word == "level" ||
               word == "npn" || word == "ssl-max-ver" || word == "tcp-ut" || word == "mss") {
      if (word == "ssl-max-ver")
        in.account.left(line, Left::lost, "There is no newest version of TLS to set");
      if (word == "maxconn") {
        in.account.left(line, Left::needless,
                        "Connections are bounded over all listeners (limits.connections)");
      }
      value();
    } else if (word == "interface" || word == "namespace") {
      value();
      in.account.left(line, Left::lost,
                      "A listener is an address; network interfaces and namespaces are not chosen");
    } else if (word == "ciphers" || word == "ciphersuites" || word == "curves" || word == "ecdhe") {
      value();
      in.account.left(line, Left::lost, "Ciphers and curves are OpenSSL's choice at its security level");
    } else if (word == "tls-ticket-keys") {
      value();
      in.account.left(line, Left::lost,
                      "Ticket keys: give every front door the same file in tls.ticket_keys "
                      "(docs/operations.md has its form)");
    } else if (word == "crl-file" || word == "ca-verify-file" || word == "ocsp-update" ||
               word == "ca-ignore-err" || word == "crt-ignore-err" || word == "allow-0rtt" ||
               word == "strict-sni") {
      if (word != "strict-sni" && word != "allow-0rtt") value();
      in.account.left(line, Left::lost,
                      "Of the TLS options of a listener, these have no setting here: " + word);
    } else if (word == "v6only") {
      in.account.left(line, Left::lost, "[::] takes IPv4 too");
    } else if (word != "v4v6" && word != "tfo" && word != "transparent" && word != "defer-accept" &&
               word != "no-sslv3" && word != "no-tlsv10" && word != "no-tlsv11" &&
               word != "prefer-client-ciphers" && word != "no-alpn") {
      in.account.left(line, Left::lost, "Nothing is known here of these options of a bind line: " + word);
    }
  }
  if (listener.client_ca.empty() || verify == "none" || verify.empty()) {
    listener.client_ca.clear();
  } else {
    listener.client_verify = verify == "optional" ? "optional" : "required";
  }
  if (!listener.tls) return;
  if (listener.min_version.empty()) listener.min_version = defaults.min_version;
  listener.no_tickets = listener.no_tickets || defaults.no_tickets;
}

std::vector<Listener> listeners_of(Import& in, const Defaults& defaults, const Section& front) {
  const bool redirects = redirects_to_https(in, front);
  std::vector<Listener> found;
  for (const Line* line : front.lines) {
    if (line->words[0] != "bind" || line->words.size() < 2) continue;
    Listener listener{.line = line};
    take_options(in, defaults, *line, listener);
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
