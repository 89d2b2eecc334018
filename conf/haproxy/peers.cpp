// The peers section that the rooms' table is told to becomes [peers]: front doors may be replaced one after
// the other, while the others still are HAProxies.
#include <algorithm>
#include <set>

#include "conf/binder.hpp"
#include "conf/haproxy/parts.hpp"
#include "conf/haproxy/values.hpp"

namespace roomgate::conf::haproxy {
namespace {

constexpr std::int64_t kUsualKeyLength = 32;  // of `type string` without `len`

// What stands behind `word` on that line.
std::optional<std::string> value_behind(const Line& line, std::string_view word, std::size_t from = 1) {
  for (std::size_t i = from; i + 1 < line.words.size(); ++i) {
    if (line.words[i] == word) return line.words[i + 1];
  }
  return std::nullopt;
}

bool has_word(const Line& line, std::string_view word) {
  return std::find(line.words.begin() + 1, line.words.end(), word) != line.words.end();
}

// The lines of global that say where files are, and this process's own name among its peers.
struct Global {
  std::string crt_base;
  std::string ca_base;
  std::string local_peer;
};
Global global_of(Import& in) {
  Global found;
  for (const Section& section : in.config.sections()) {
    if (section.kind != Kind::global) continue;
    for (const Line* line : section.lines) {
      if (line->words.size() < 2) continue;
      if (line->words[0] == "crt-base") found.crt_base = line->words[1];
      if (line->words[0] == "ca-base") found.ca_base = line->words[1];
      if (line->words[0] != "localpeer") continue;
      found.local_peer = line->words[1];
      in.account.carried(*line);
    }
  }
  return found;
}

std::string in_folder(const std::string& base, const std::string& file) {
  return base.empty() || file.starts_with("/") ? file : base + "/" + file;
}

class PeersImport {
 public:
  PeersImport(Import& in, const Section& section)
      : in_(in), section_(section), global_(global_of(in)), peers_(in.draft.table("peers")) {}

  void run() {
    in_.account.carried(*section_.head);
    read_lines();
    peers_.set("mode", toml(disabled_ ? "off" : "peers"),
               disabled_ ? "the section was disabled"
                         : "gates agree on each new room; HAProxies beside them are told of it");
    say_who_this_is();
    write_address();
    write_tls();
    write_table();
    write_members();
  }

 private:
  struct Peer {
    const Line* line = nullptr;
    std::string name;
    std::string address;  // empty: it is not said, as of the local peer in the newer form
  };

  void read_lines() {
    for (const Line* line : section_.lines) {
      const auto& words = line->words;
      const std::string& word = words[0];
      if ((word == "peer" || word == "server") && words.size() > 1) {
        in_.account.carried(*line);
        take_peer(*line);
      } else if (word == "bind" && words.size() > 1) {
        in_.account.carried(*line);
        if (const auto place = place_of(words[1]); place && !place->is_name) bind_ = place->to_string();
        take_tls(*line, 2);
      } else if (word == "default-bind" || word == "default-server") {
        in_.account.carried(*line);
        take_tls(*line, 1);
      } else if (word == "disabled" || word == "enabled") {
        in_.account.carried(*line);
        disabled_ = word == "disabled";
      } else if (line == in_.table) {
        in_.account.carried(*line);
      } else if (word == "table") {
        in_.account.left(*line, Left::needless, "The rooms are not in this table");
      } else {
        in_.account.left(*line, Left::lost, "[peers] has nothing like these lines");
      }
    }
  }

  void take_peer(const Line& line) {
    const auto& words = line.words;
    Peer peer{.line = &line, .name = words[1]};
    if (words.size() > 2) {
      if (const auto place = place_of(words[2])) {
        if (place->is_name) {
          in_.account.left(line, Left::lost,
                           "A member's address is an IP address and a port; or all of them are found by DNS "
                           "(peers.discover_srv)");
          return;
        }
        peer.address = place->to_string();
      } else {
        in_.account.left(line, Left::lost, "A member has an IP address and a port");
        return;
      }
      take_tls(line, 3);
    } else if (global_.local_peer.empty()) {
      global_.local_peer = peer.name;  // whose address is the bind line's
    }
    if (peer.name.empty() || peer.name.size() > 64 ||
        peer.name.find_first_of(" \t\r\n") != std::string::npos) {
      in_.account.left(line, Left::lost, "A member's name has 1 to 64 characters, none of them a space");
      return;
    }
    const bool is_new = std::none_of(list_.begin(), list_.end(),
                                     [&peer](const Peer& other) { return other.name == peer.name; });
    if (is_new) list_.push_back(std::move(peer));
  }

  void take_tls(const Line& line, std::size_t from) {
    if (const auto file = value_behind(line, "crt", from)) certificate_ = in_folder(global_.crt_base, *file);
    if (const auto file = value_behind(line, "ca-file", from)) ca_ = in_folder(global_.ca_base, *file);
    if (!has_word(line, "ssl")) return;
    tls_ = true;
    if (value_behind(line, "verify", from) == "none") {
      in_.account.left(line, Left::lost,
                       "With TLS both sides of a session between front doors prove who they are, always");
    }
  }

  const Peer* local() const {
    const auto found = std::find_if(list_.begin(), list_.end(),
                                    [this](const Peer& peer) { return peer.name == global_.local_peer; });
    return found == list_.end() ? nullptr : &*found;
  }

  void say_who_this_is() {
    if (local() != nullptr) {
      in_.draft.table("gate").set("name", toml(global_.local_peer), "by which its peers know it");
      return;
    }
    peers_.say(
        "gate.name must be this front door's own name in HAProxy's section `peers " + section_.name +
        "`: what haproxy -L said, else the host name, which is gate.name's default too. Of the members "
        "the one with that name is left out, so all front doors may have the same list.");
  }

  void write_address() {
    if (!bind_.empty()) return peers_.set("address", toml(bind_));
    if (const Peer* own = local(); own != nullptr && !own->address.empty()) {
      return peers_.set("address", toml(own->address));
    }
    std::set<std::uint16_t> ports;
    for (const Peer& peer : list_) {
      if (const auto place = place_of(peer.address)) ports.insert(place->port);
    }
    if (ports.size() == 1) return peers_.set("address", toml("0.0.0.0:" + std::to_string(*ports.begin())));
    peers_.say("peers.address is what this front door's own line says.");
    if (!list_.empty() && !list_.front().address.empty()) {
      peers_.set("address", toml(list_.front().address), "the first of them: is it this one's?");
    }
  }

  void write_tls() {
    if (!tls_) return;
    if (certificate_.empty() || ca_.empty()) {
      peers_.say(
          "HAProxy's peers spoke TLS without proving who they are on both sides; here that needs "
          "tls.certificate and tls.ca. Without them sessions are plain text, and HAProxy's would not come "
          "about.");
      return;
    }
    peers_.set("tls.certificate", toml(certificate_),
               "its name must be gate.name, and each member's certificate must have the member's");
    peers_.set("tls.ca", toml(ca_));
  }

  void write_table() {
    const Line& table = *in_.table;
    const bool in_peers = table.words[0] == "table";
    peers_.set("table", toml(in_peers ? "/" + table.words[1] : in_.way.table->name),
               "as long as a HAProxy is among them, the name that it has there");
    std::string comment;
    const std::int64_t length = number_of(value_behind(table, "len").value_or("")).value_or(kUsualKeyLength);
    peers_.set("key_length", std::to_string(clamped(length, 1, 8192, comment)), comment);
    if (value_behind(table, "type").value_or("string") != "string") {
      peers_.set("haproxy_key", toml("off"), "the table's keys are no texts");
    } else {
      peers_.set("haproxy_key", toml(in_.tenants ? "tenant/room" : "room"));
    }
    if (const auto key = value_behind(table, "srvkey"); key == "addr") peers_.set("server_key", toml("addr"));
    if (const auto expire = value_behind(table, "expire")) {
      if (const auto time = time_of(*expire)) {
        std::string why;
        peers_.set("expire",
                   toml(clamped(*time, std::chrono::seconds(10), std::chrono::hours(24 * 365), why)), why);
      }
    }
  }

  void write_members() {
    std::string members = "[";
    for (const Peer& peer : list_) {
      if (peer.address.empty() || &peer == local()) continue;
      members += "\n  { name = " + toml(peer.name) + ", address = " + toml(peer.address) + " },";
    }
    if (members.size() == 1) {
      peers_.set("mode", toml("off"), "no other front door has an address above");
      return;
    }
    peers_.set("members", members + "\n]");
  }

  Import& in_;
  const Section& section_;
  Global global_;
  Draft::Table& peers_;
  std::vector<Peer> list_;
  std::string bind_;
  std::string certificate_;
  std::string ca_;
  bool tls_ = false;
  bool disabled_ = false;
};

}  // namespace

void find_table(Import& in) {
  const auto slash = in.way.table_name.find('/');
  if (in.way.table != nullptr) {
    in.table = setting(*in.way.table, {"stick-table"});
    const auto name = in.table == nullptr ? std::nullopt : value_behind(*in.table, "peers");
    if (name) in.peers = in.config.find({Kind::peers}, *name);
  } else if (slash != std::string::npos) {
    in.peers = in.config.find({Kind::peers}, in.way.table_name.substr(0, slash));
    if (in.peers != nullptr) in.table = setting(*in.peers, {"table", in.way.table_name.substr(slash + 1)});
    if (in.table == nullptr) in.peers = nullptr;
  }
}

void import_peers(Import& in) {
  for (const Section& section : in.config.sections()) {
    if (section.kind != Kind::peers) continue;
    if (&section == in.peers) {
      PeersImport(in, section).run();
      continue;
    }
    const char* why = "The rooms' table is not told to these peers";
    in.account.left(*section.head, Left::needless, why);
    for (const Line* line : section.lines) in.account.left(*line, Left::needless, why);
  }
}

}  // namespace roomgate::conf::haproxy
