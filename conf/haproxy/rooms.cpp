#include <algorithm>
#include <set>

#include "base/encoding.hpp"
#include "conf/haproxy/parts.hpp"
#include "conf/haproxy/values.hpp"

namespace roomgate::conf::haproxy {
namespace {

// A sample expression: "urlp(room),lower" is fetch "urlp", argument "room".
struct Expression {
  std::string fetch;
  std::string argument;
};

Expression expression_of(std::string_view text) {
  Expression found;
  const auto end = text.find_first_of(",(");
  found.fetch = ascii_lower(text.substr(0, end));
  if (found.fetch.starts_with("req.")) found.fetch.erase(0, 4);
  if (end == text.npos || text[end] == ',') return found;
  const auto close = text.find(')', end);
  std::string_view arguments = text.substr(end + 1, close == text.npos ? text.npos : close - end - 1);
  found.argument = arguments.substr(0, arguments.find(','));
  return found;
}

// The "%[...]" of a log format, in order.
std::vector<std::string> expressions_in(std::string_view format) {
  std::vector<std::string> found;
  for (std::size_t at = format.find("%["); at != format.npos; at = format.find("%[", at + 1)) {
    const auto end = format.find(']', at);
    if (end == format.npos) break;
    found.emplace_back(format.substr(at + 2, end - at - 2));
  }
  return found;
}

// The condition of a stick rule is nearly always "if there is a room", acl NAME EXPRESSION -m found: no loss.
bool asks_for_presence(Import& in, const std::string& acl) {
  bool found = false;
  for (const auto* sections : {&in.way.fronts, &in.way.rooms}) {
    for (const Section* section : *sections) {
      for (const Line* line : section->lines) {
        if (!begins_with(*line, {"acl", acl})) continue;
        if (line->words.size() != 5 || line->words[3] != "-m" || line->words[4] != "found") return false;
        in.account.carried(*line);
        found = true;
      }
    }
  }
  return found;
}

void take_condition(Import& in, const Line& rule) {
  const std::size_t at = condition_at(rule);
  if (at == rule.words.size()) return;
  const bool one_acl = rule.words[at] == "if" && at + 2 == rule.words.size();
  if (one_acl && asks_for_presence(in, rule.words[at + 1])) return;
  in.account.left(
      rule, Left::lost,
      "Carried over without its condition: every request with a room in it is kept with that room "
      "(pages and assets without one go to any shard)");
}

// Follows a sticking expression to what the client sends: HAProxy configurations put the room into a header
// or a variable of their own first.
class Sources {
 public:
  explicit Sources(Import& in) : in_(in) {
    for (const Section* section : in.way.fronts) collect(*section);
    for (const Section* section : in.way.rooms) {
      if (section->kind == Kind::backend) collect(*section);
    }
  }

  // False: nothing in a request that rooms.sources can name.
  bool follow(std::string_view text, int depth = 0) {
    if (depth > 4 || ++steps_ > 64) return false;
    const Expression e = expression_of(text);
    if (e.fetch == "urlp" || e.fetch == "url_param" || e.fetch == "urlp_val") {
      return !e.argument.empty() && add("query:" + e.argument);
    }
    if (e.fetch == "path" || e.fetch == "base" || e.fetch == "url" || e.fetch == "uri") return add("path");
    if (e.fetch == "cook" || e.fetch == "cookie") return !e.argument.empty() && add("cookie:" + e.argument);
    if (e.fetch == "var") return follow_setters("set-var(" + e.argument, depth);
    if (e.fetch == "hdr" || e.fetch == "fhdr" || e.fetch == "hdr_val") {
      if (ascii_iequals(e.argument, "host")) return add("host");
      if (follow_setters(ascii_lower(e.argument), depth)) return true;
      return !e.argument.empty() && add("header:" + e.argument);
    }
    return false;
  }

  const std::vector<std::string>& found() const { return found_; }
  bool tenants() const { return tenants_; }

 private:
  struct Setter {
    std::string what;  // a header in small letters, or "set-var(txn.room"
    const Line* line;
    std::vector<std::string> expressions;
  };

  void collect(const Section& section) {
    for (const Line* line : section.lines) {
      const auto& words = line->words;
      if (words.size() < 3 || words[0] != "http-request") continue;
      if ((words[1] == "set-header" || words[1] == "add-header") && words.size() > 3) {
        setters_.push_back({ascii_lower(words[2]), line, expressions_in(words[3])});
      } else if (words[1].starts_with("set-var(")) {
        setters_.push_back({words[1].substr(0, words[1].find_first_of(",)")), line, {words[2]}});
      }
    }
  }

  bool follow_setters(std::string_view what, int depth) {
    bool any = false;
    for (const Setter& setter : setters_) {
      if (setter.what != what || setter.expressions.empty()) continue;
      // Of TENANT/ROOM the room comes last; the gate finds the tenant by itself.
      if (!follow(setter.expressions.back(), depth + 1)) continue;
      any = true;
      in_.account.carried(*setter.line);
      take_condition(in_, *setter.line);
      if (setter.expressions.size() > 1) {
        tenants_ = true;
        for (const std::string& each : setter.expressions) take_helpers(each, depth + 1);
      }
    }
    return any;
  }

  // The lines that a tenant is made by are the gate's own work now.
  void take_helpers(std::string_view text, int depth) {
    if (depth > 4 || ++steps_ > 64) return;
    const Expression e = expression_of(text);
    const std::string what = e.fetch == "var"   ? "set-var(" + e.argument
                             : e.fetch == "hdr" ? ascii_lower(e.argument)
                                                : std::string();
    for (const Setter& setter : setters_) {
      if (what.empty() || setter.what != what || in_.account.knows(*setter.line)) continue;
      in_.account.left(*setter.line, Left::needless, "The tenant is found in the path by the gate itself");
      for (const std::string& each : setter.expressions) take_helpers(each, depth + 1);
    }
  }

  bool add(const std::string& source) {
    if (source.find_first_of("\r\n\t ") != source.npos) return false;
    if (std::find(found_.begin(), found_.end(), source) == found_.end() && found_.size() < 16) {
      found_.push_back(source);
    }
    return true;
  }

  Import& in_;
  std::vector<Setter> setters_;
  std::vector<std::string> found_;
  bool tenants_ = false;
  int steps_ = 0;
};

void import_sources(Import& in) {
  Sources sources(in);
  bool sticks = false;
  for (const Section* section : in.way.rooms) {
    for (const Line* line : section->lines) {
      if (line->words[0] != "stick" || line->words.size() < 3) continue;
      sticks = true;
      if (line->words[1] == "store-response" || !sources.follow(line->words[2])) {
        in.account.left(*line, Left::lost,
                        "A room's name is found in a query, the path, a header, a cookie or the host; this "
                        "is none of these");
        continue;
      }
      in.account.carried(*line);
      take_condition(in, *line);
    }
  }
  const Section& main = *in.way.rooms[0];
  const Line* balance = setting(main, {"balance"});
  if (!sticks && balance != nullptr && balance->words.size() > 1) {
    const auto& words = balance->words;
    if (words[1] == "url_param" && words.size() > 2) {
      sources.follow("url_param(" + words[2] + ")");
    } else if (words[1] == "uri") {
      sources.follow("path");
    } else if (words[1] == "hash" && words.size() > 2) {
      sources.follow(words[2]);
    } else if (words[1].starts_with("hdr(")) {
      sources.follow(words[1]);
    }
  }

  auto& rooms = in.draft.table("rooms");
  if (sources.found().empty()) {
    rooms.say(
        "How a room is known could not be carried over: these are the gate's own ways, ?room=ROOM and the "
        "path.");
    return;
  }
  const bool has_path =
      std::find(sources.found().begin(), sources.found().end(), "path") != sources.found().end();
  rooms.set("sources", toml(sources.found()),
            has_path ? "" : "with \"path\" behind it, the page /ROOM comes from the room's shard too");
  in.tenants = sources.tenants();
  rooms.set("tenants", sources.tenants() ? "true" : "false",
            sources.tenants() ? "the key was TENANT/ROOM"
                              : "HAProxy's key had no tenant; true: /T/ROOM and /ROOM are two rooms");
}

void import_table(Import& in) {
  const Line* line = in.table;
  if (line == nullptr) return;
  in.account.carried(*line);
  auto& rooms = in.draft.table("rooms");
  const auto& words = line->words;
  bool expires = false;
  for (std::size_t i = 1; i + 1 < words.size(); ++i) {
    if (words[i] == "expire") {
      if (const auto time = time_of(words[i + 1])) {
        std::string comment;
        const Duration idle = clamped(*time, std::chrono::seconds(1), std::chrono::hours(168), comment);
        if (comment.empty() && idle > std::chrono::hours(1)) {
          comment = "a room with an open WebSocket never expires here: the default, 10m, is enough";
        }
        rooms.set("idle", toml(idle), comment);
        expires = true;
      }
    } else if (words[i] == "size") {
      if (const auto size = size_of(words[i + 1])) {
        std::string comment;
        const auto entries = clamped(*size, 100, 100'000'000, comment);
        if (comment.empty() && entries < 100'000) {
          comment =
              "HAProxy threw the oldest rooms out; here one in use never goes, and the default is 1000000";
        }
        rooms.set("max_entries", std::to_string(entries), comment);
      }
    } else if (words[i] == "len") {
      if (in.peers != nullptr) continue;  // peers.key_length
      in.account.left(*line, Left::needless,
                      "Keys are never cut: a room's name may be as long as rooms.max_key_bytes, and a longer "
                      "one is refused");
    } else if (words[i] == "store") {
      in.account.left(
          *line, Left::lost,
          "Counters of a stick table (store) are not kept; [limits] bounds what one client may do");
    } else if (words[i] == "srvkey" && in.peers == nullptr) {
      in.account.left(*line, Left::needless, "A shard is known by its name, whatever its address");
    }
  }
  if (!expires) {
    in.account.left(
        *line, Left::lost,
        "Entries without expire stayed for ever; here rooms.idle releases those that nobody holds");
  }
}

void import_balance(Import& in) {
  for (const Section* section : in.way.rooms) {
    const Line* line = setting(*section, {"balance"});
    if (line == nullptr || line->words.size() < 2) continue;
    if (section != in.way.rooms[0]) {
      const Line* main = setting(*in.way.rooms[0], {"balance"});
      if (main != line && (main == nullptr || main->words != line->words)) {
        in.account.left(*line, Left::lost, "balance.policy is one for all shards");
      } else {
        in.account.carried(*line);
      }
      continue;
    }
    const std::string& how = line->words[1];
    auto& balance = in.draft.table("balance");
    in.account.carried(*line);
    if (how == "roundrobin" || how == "static-rr") {
      balance.set("policy", toml("roundrobin"));
    } else if (how == "leastconn") {
      balance.set("policy", toml("leastrooms"),
                  "leastconn: connections say little where meetings are long, rooms more");
    } else if (how == "url_param" || how == "uri" || how == "hash" || how.starts_with("hdr(")) {
      balance.set("policy", toml("hash"), "rendezvous, by the room");
    } else {
      balance.set("policy", toml("roundrobin"));
      in.account.left(*line, Left::lost,
                      "This way to choose is not known here: roundrobin, leastrooms, leastload and hash are");
    }
  }
}

// Where each way leads. With several backends of rooms each is a release of shards.
void import_ways(Import& in) {
  const auto is_room = [&in](std::string_view name) {
    return std::any_of(in.way.rooms.begin(), in.way.rooms.end(),
                       [name](const Section* room) { return room->name == name; });
  };
  const bool releases = in.way.rooms.size() > 1;
  const Line* live = nullptr;
  for (const Section* front : in.way.fronts) {
    auto lines = settings(*front, {"use_backend"});
    if (const Line* usual = setting(*front, {"default_backend"})) lines.push_back(usual);
    for (const Line* line : lines) {
      const auto& words = line->words;
      if (words.size() < 2) continue;
      if (!is_room(words[1])) {
        const bool to_table = in.way.table != nullptr && words[1] == in.way.table->name;
        if (to_table) in.account.carried(*line);
        if (words[1].starts_with("%[") || (releases && words[1].find("%[") != std::string::npos)) {
          in.account.left(
              *line, Left::lost,
              "Which backend was for a map or an expression to say; here balance.live_release is where "
              "rooms go, [[pins]] has the tenants that go elsewhere, ?release=NAME overrides both");
        }
        continue;
      }
      in.account.carried(*line);
      if (words[0] == "default_backend") {
        live = line;
      } else if (releases) {
        in.account.left(
            *line, Left::lost,
            "Which of the releases a room went to was decided by conditions; here balance.live_release "
            "is where rooms go, [[pins]] has the tenants that go elsewhere, ?release=NAME overrides both");
      }
    }
  }
  if (releases) {
    in.draft.table("balance").set(
        "live_release", toml(live == nullptr ? in.way.rooms[0]->name : live->words[1]),
        live == nullptr ? "the first backend with rooms: is it the live one?" : "the default_backend");
  }
}

void import_region(Import& in) {
  for (const auto* sections : {&in.way.fronts, &in.way.rooms}) {
    for (const Section* section : *sections) {
      for (const Line* line : section->lines) {
        const auto& words = line->words;
        if (words.size() < 4 || words[0] != "http-request" || words[1] != "set-header" ||
            !ascii_iequals(words[2], "X-Proxy-Region"))
          continue;
        if (words[3].empty() || words[3].find('%') != std::string::npos || line->has_variable) continue;
        in.account.carried(*line);
        in.region = words[3];
        in.draft.table("gate").set("region", toml(in.region), "X-Proxy-Region, for the shards");
      }
    }
  }
}

}  // namespace

void import_rooms(Import& in) {
  import_region(in);
  import_ways(in);
  import_sources(in);
  import_table(in);
  import_balance(in);
}

}  // namespace roomgate::conf::haproxy
