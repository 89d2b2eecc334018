#include "conf/haproxy/account.hpp"

#include <algorithm>

#include "base/encoding.hpp"

namespace roomgate::conf::haproxy {
namespace {

// The longest row that the line begins with decides.
struct Row {
  std::string_view words;
  Left how;
  std::string_view why;
};

constexpr std::string_view kConditions =
    "The gate has no ACLs and no request rules. What these lines decided is not decided here: rooms, "
    "prefixes and tenants are refused by [[bans]], the release of a tenant by [[pins]]";
constexpr std::string_view kHeaders =
    "Headers are not set or removed by rules. The gate itself sets X-Forwarded-For, -Proto, -Host and "
    "X-Proxy-Region towards shards";
constexpr std::string_view kLogging =
    "Logging: the gate writes JSON lines, its own to standard error and one for each request to "
    "admin.access_log";
constexpr std::string_view kStats =
    "Statistics: /stats, /metrics and /api/v1 are on admin.address; a user's password becomes "
    "admin.token_file";
constexpr std::string_view kProcess =
    "How the process runs is the business of its systemd unit, not of these settings";
constexpr std::string_view kConnections = "The gate manages the connections on both sides this way by itself";
constexpr std::string_view kTuning = "Tuning of HAProxy's own insides";
constexpr std::string_view kStick =
    "Further stick tables and what they store are not needed to keep rooms together";
constexpr std::string_view kCounters =
    "Counting in stick tables: [limits] has bounds per client address (connections, handshakes, requests, "
    "new rooms)";
constexpr std::string_view kErrors =
    "Error pages are not replaced: the gate answers in one line of plain text";
constexpr std::string_view kCache =
    "Answers are neither compressed nor cached here: the shards' web servers do that";

constexpr Row kRows[] = {
    {"acl", Left::lost, kConditions},
    {"http-request", Left::lost, kConditions},
    {"http-request set-header", Left::lost, kHeaders},
    {"http-request add-header", Left::lost, kHeaders},
    {"http-request del-header", Left::lost, kHeaders},
    {"http-request replace-header", Left::lost, kHeaders},
    {"http-request set-header X-Forwarded-Proto", Left::needless, kHeaders},
    {"http-request set-header X-Forwarded-For", Left::needless, kHeaders},
    {"http-request set-header X-Forwarded-Host", Left::needless, kHeaders},
    {"http-request track-sc", Left::lost, kCounters},
    {"http-request track-sc0", Left::lost, kCounters},
    {"http-request track-sc1", Left::lost, kCounters},
    {"http-request track-sc2", Left::lost, kCounters},
    {"http-request capture", Left::needless, kLogging},
    {"http-request set-log-level", Left::needless, kLogging},
    {"http-response", Left::lost, kHeaders},
    {"http-response set-log-level", Left::needless, kLogging},
    {"http-after-response", Left::lost, kHeaders},
    {"tcp-request", Left::lost, kConditions},
    {"tcp-response", Left::lost, kConditions},
    {"redirect", Left::lost, kConditions},
    {"use-server", Left::lost, kConditions},
    {"force-persist", Left::lost, kConditions},
    {"ignore-persist", Left::lost, kConditions},
    {"use_backend", Left::lost,
     "Every request goes to the shards: what went to another backend needs a proxy of its own before the "
     "gate, or is served by the shards"},
    {"default_backend", Left::lost,
     "Every request goes to the shards: what went to another backend needs a proxy of its own before the "
     "gate, or is served by the shards"},
    {"log", Left::needless, kLogging},
    {"no log", Left::needless, kLogging},
    {"log-format", Left::needless, kLogging},
    {"log-format-sd", Left::needless, kLogging},
    {"error-log-format", Left::needless, kLogging},
    {"log-tag", Left::needless, kLogging},
    {"log-send-hostname", Left::needless, kLogging},
    {"unique-id-format", Left::lost, kHeaders},
    {"unique-id-header", Left::lost, kHeaders},
    {"capture", Left::needless, kLogging},
    {"option httplog", Left::needless, kLogging},
    {"option tcplog", Left::needless, kLogging},
    {"option dontlognull", Left::needless, kLogging},
    {"option dontlog-normal", Left::needless, kLogging},
    {"option logasap", Left::needless, kLogging},
    {"option log-separate-errors", Left::needless, kLogging},
    {"option log-health-checks", Left::needless,
     "Changes of a shard's state are always logged (shard_up, shard_down)"},
    {"option socket-stats", Left::needless, kStats},
    {"option contstats", Left::needless, kStats},
    {"stats", Left::needless, kStats},
    {"stats socket", Left::lost,
     "The runtime socket: admin.socket is the gate's, with full rights and mode 0600 (roomgate status "
     "--admin unix:/PATH)"},
    {"stats timeout", Left::needless, kStats},
    {"monitor-uri", Left::lost,
     "Whether this front door is well: GET /ready and /live on admin.address or admin.probe_address"},
    {"monitor-net", Left::lost,
     "Whether this front door is well: GET /ready and /live on admin.address or admin.probe_address"},
    {"monitor fail", Left::lost,
     "Whether this front door is well: GET /ready and /live on admin.address or admin.probe_address"},
    {"option http-server-close", Left::needless, kConnections},
    {"option httpclose", Left::needless, kConnections},
    {"option forceclose", Left::needless, kConnections},
    {"option http-keep-alive", Left::needless, kConnections},
    {"option http-pretend-keepalive", Left::needless, kConnections},
    {"option http-tunnel", Left::needless, kConnections},
    {"option http-no-delay", Left::needless, kConnections},
    {"option http-buffer-request", Left::needless, kConnections},
    {"option http-use-htx", Left::needless, kConnections},
    {"option prefer-last-server", Left::needless, kConnections},
    {"option abortonclose", Left::needless, kConnections},
    {"option tcpka", Left::needless, kConnections},
    {"option clitcpka", Left::needless, kConnections},
    {"option srvtcpka", Left::needless, kConnections},
    {"option tcp-smart-accept", Left::needless, kConnections},
    {"option tcp-smart-connect", Left::needless, kConnections},
    {"option splice-auto", Left::needless, kConnections},
    {"option splice-request", Left::needless, kConnections},
    {"option splice-response", Left::needless, kConnections},
    {"option independent-streams", Left::needless, kConnections},
    {"option nolinger", Left::needless, kConnections},
    {"option http-ignore-probes", Left::needless, kConnections},
    {"http-reuse", Left::needless,
     "Connections to shards are always used again where it is safe (limits.pool_per_shard, timeouts.pool)"},
    {"option forwardfor", Left::needless,
     "X-Forwarded-For is always set; what a client says in it is believed only from "
     "listen.trust_forwarded_from"},
    {"option originalto", Left::lost, kHeaders},
    {"option http-proxy", Left::lost, "Not done by the gate"},
    {"option redispatch", Left::needless,
     "A new room is tried on the next shard by itself; a room in use waits for its shard (health.panic) "
     "before it moves"},
    {"retries", Left::needless,
     "A new room is tried on the next shard by itself; a room in use waits for its shard (health.panic) "
     "before it moves"},
    {"retry-on", Left::needless,
     "A new room is tried on the next shard by itself; a room in use waits for its shard (health.panic) "
     "before it moves"},
    {"option allbackups", Left::needless, "All shards of a region take rooms"},
    {"option persist", Left::needless, "A room stays with its shard"},
    {"option accept-invalid-http-request", Left::lost, "Requests that break HTTP's grammar are refused"},
    {"option accept-invalid-http-response", Left::lost, "Answers that break HTTP's grammar are refused"},
    {"option tcp-check", Left::needless, "A connect is the check where no health.path is given"},
    {"mode http", Left::needless, "The gate speaks HTTP only"},
    {"mode", Left::lost, "The gate speaks HTTP only"},
    {"enabled", Left::needless, "The gate speaks HTTP only"},
    {"disabled", Left::lost, "This section was switched off in HAProxy; it is read as if it were not"},
    {"description", Left::needless, "Words for people"},
    {"hash-type", Left::needless,
     "balance.policy = \"hash\" is rendezvous hashing: least movement, weights respected"},
    {"hash-balance-factor", Left::lost,
     "Bounded load by hash-balance-factor lets front doors disagree; soft_rooms and max_rooms of a shard "
     "bound it here"},
    {"balance", Left::lost,
     "This way to choose is not known here: roundrobin, leastrooms, leastload and hash are"},
    {"stick-table", Left::lost, kStick},
    {"stick", Left::lost, kStick},
    {"cookie", Left::lost,
     "Persistence by cookie: here a room is what stays with its shard, whoever asks. rooms.sources knows "
     "\"cookie:NAME\" if the cookie names the room"},
    {"appsession", Left::lost,
     "Persistence by cookie: here a room is what stays with its shard, whoever asks"},
    {"dynamic-cookie-key", Left::lost,
     "Persistence by cookie: here a room is what stays with its shard, whoever asks"},
    {"fullconn", Left::needless, kTuning},
    {"backlog", Left::needless, kTuning},
    {"id", Left::needless, kTuning},
    {"bind-process", Left::needless, kTuning},
    {"max-keep-alive-queue", Left::needless, kTuning},
    {"max-session-srv-conns", Left::needless, kTuning},
    {"rate-limit sessions", Left::lost,
     "New connections in all are not limited; limits.per_address bounds those of one client address"},
    {"load-server-state-from-file", Left::needless,
     "States of shards are passed on at an upgrade (roomgate serve --takeover)"},
    {"server-state-file", Left::needless,
     "States of shards are passed on at an upgrade (roomgate serve --takeover)"},
    {"server-state-base", Left::needless,
     "States of shards are passed on at an upgrade (roomgate serve --takeover)"},
    {"server-state-file-name", Left::needless,
     "States of shards are passed on at an upgrade (roomgate serve --takeover)"},
    {"errorfile", Left::lost, kErrors},
    {"errorfiles", Left::lost, kErrors},
    {"errorloc", Left::lost, kErrors},
    {"errorloc302", Left::lost, kErrors},
    {"errorloc303", Left::lost, kErrors},
    {"http-error", Left::lost, kErrors},
    {"compression", Left::lost, kCache},
    {"filter", Left::lost, kCache},
    {"email-alert", Left::lost, "Alerts are made of /metrics"},
    {"declare capture", Left::needless, kLogging},
    {"source", Left::lost, "The address to reach shards from cannot be chosen"},
    {"timeout tarpit", Left::needless, "Nobody is held in a tarpit"},
    {"daemon", Left::needless, kProcess},
    {"user", Left::needless, kProcess},
    {"group", Left::needless, kProcess},
    {"uid", Left::needless, kProcess},
    {"gid", Left::needless, kProcess},
    {"chroot", Left::needless, kProcess},
    {"pidfile", Left::needless, kProcess},
    {"master-worker", Left::needless, kProcess},
    {"mworker-max-reloads", Left::needless, kProcess},
    {"nbproc", Left::needless, kProcess},
    {"cpu-map", Left::needless, kProcess},
    {"thread-groups", Left::needless, kProcess},
    {"ulimit-n", Left::needless, kProcess},
    {"localpeer", Left::needless, kProcess},
    {"node", Left::needless, kProcess},
    {"expose-fd", Left::needless, kProcess},
    {"set-dumpable", Left::needless, kProcess},
    {"setenv", Left::needless, kProcess},
    {"presetenv", Left::needless, kProcess},
    {"hard-stop-after", Left::lost, "How long the old process may live: upgrade.grace and shutdown.grace"},
    {"grace", Left::lost, "How long the old process may live: upgrade.grace and shutdown.grace"},
    {"insecure-fork-wanted", Left::needless, kProcess},
    {"lua-load", Left::lost, "Lua is not run"},
    {"lua-load-per-thread", Left::lost, "Lua is not run"},
    {"lua-prepend-path", Left::lost, "Lua is not run"},
    {"tune.", Left::needless, kTuning},
    {"spread-checks", Left::needless, "Checks are always spread by jitter"},
    {"max-spread-checks", Left::needless, "Checks are always spread by jitter"},
    {"external-check", Left::lost, "Checks are HTTP or a connect; no programs are run"},
    {"ssl-default-bind-ciphers", Left::lost,
     "Ciphers are OpenSSL's choice at its security level; the oldest version is listen.tls.min_version"},
    {"ssl-default-bind-ciphersuites", Left::lost,
     "Ciphers are OpenSSL's choice at its security level; the oldest version is listen.tls.min_version"},
    {"ssl-default-server-ciphers", Left::lost,
     "Ciphers are OpenSSL's choice at its security level; the oldest version is listen.tls.min_version"},
    {"ssl-default-server-ciphersuites", Left::lost,
     "Ciphers are OpenSSL's choice at its security level; the oldest version is listen.tls.min_version"},
    {"ssl-dh-param-file", Left::needless,
     "Ciphers are OpenSSL's choice at its security level; the oldest version is listen.tls.min_version"},
    {"maxconnrate", Left::lost,
     "New connections in all are not limited; limits.per_address bounds those of one client address"},
    {"maxsslrate", Left::lost,
     "New connections in all are not limited; limits.per_address bounds those of one client address"},
    {"maxsessrate", Left::lost,
     "New connections in all are not limited; limits.per_address bounds those of one client address"},
    {"hold", Left::needless,
     "The last good answer of DNS is kept, and a shard that is gone from it is drained, never dropped"},
    {"accepted_payload_size", Left::needless, "Answers that are too large for UDP are asked for over TCP"},
    {"nameserver", Left::lost, "A name server is given by its address"},
};

bool row_fits(const Row& row, const Line& line) {
  std::string_view rest = row.words;
  std::size_t i = 0;
  while (!rest.empty()) {
    const auto blank = rest.find(' ');
    const std::string_view word = rest.substr(0, blank);
    rest.remove_prefix(blank == rest.npos ? rest.size() : blank + 1);
    if (i >= line.words.size()) return false;
    const bool prefix = word.ends_with('.') && line.words[i].starts_with(word);
    if (!prefix && !ascii_iequals(word, line.words[i])) return false;
    ++i;
  }
  return true;
}

// A line for people; a password in it is not for everybody who may read settings.
std::string shown(const Line& line) {
  const auto& words = line.words;
  if (begins_with(line, {"stats", "auth"}) && words.size() > 2) {
    return "stats auth " + words[2].substr(0, words[2].find(':')) + ":***";
  }
  if (words[0] == "user" && words.size() > 3) return "user " + words[1] + " " + words[2] + " ***";
  return line.text;
}

}  // namespace

Known known_reason(const Line& line) {
  const Row* best = nullptr;
  for (const Row& row : kRows) {
    if (row_fits(row, line) && (best == nullptr || row.words.size() > best->words.size())) best = &row;
  }
  if (best != nullptr) return {best->how, std::string(best->why)};
  if (line.words[0] == "no" && line.words.size() > 1) {
    return {Left::needless, "Switches something of HAProxy off"};
  }
  return {Left::lost, "Nothing is known here of these lines"};
}

std::string printable(std::string_view text) {
  if (!is_valid_utf8(text)) {
    std::string ascii;
    for (const char c : text) ascii.push_back(static_cast<unsigned char>(c) < 0x80 ? c : '?');
    return printable(ascii);
  }
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(byte < 0x20 || byte == 0x7f ? ' ' : c);
  }
  return out;
}

std::string wrapped(std::string_view text, std::string_view first, std::string_view next, std::size_t width) {
  std::string out(first);
  std::size_t column = first.size();
  bool begun = false;
  while (!text.empty()) {
    const auto blank = text.find(' ');
    const std::string_view word = text.substr(0, blank);
    text.remove_prefix(blank == text.npos ? text.size() : blank + 1);
    if (begun && column + 1 + word.size() > width) {
      out.append("\n").append(next);
      column = next.size();
      begun = false;
    }
    if (begun) {
      out.push_back(' ');
      ++column;
    }
    out.append(word);
    column += word.size();
    begun = true;
  }
  return out + "\n";
}

std::string Account::print(Left how) const {
  // By reason, in the order of the first line that it is given for.
  struct Group {
    std::string why;
    std::vector<const Line*> lines;
  };
  std::vector<std::pair<const Line*, const std::string*>> found;
  for (const auto& [line, fates] : fates_) {
    for (const Fate& fate : fates) {
      if (fate.how == how) found.emplace_back(line, &fate.why);
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first->number < b.first->number; });
  std::vector<Group> groups;
  std::map<std::string_view, std::size_t> by_reason;
  for (const auto& [line, why] : found) {
    const auto [at, is_new] = by_reason.emplace(*why, groups.size());
    if (is_new) groups.push_back({*why, {}});
    auto& lines = groups[at->second].lines;
    if (lines.empty() || lines.back() != line) lines.push_back(line);
  }
  std::string out;
  for (const Group& group : groups) {
    out += wrapped(printable(group.why) + ":", "# ", "# ");
    for (const Line* line : group.lines) {
      const std::string number = std::to_string(line->number);
      out += "#   " + std::string(number.size() < 4 ? 4 - number.size() : 0, ' ') + number + "  " +
             printable(shown(*line)) + "\n";
    }
    out += "#\n";
  }
  if (!out.empty()) out.resize(out.size() - 2);  // no empty comment at the end
  return out;
}

std::size_t Account::count(Left how) const {
  return static_cast<std::size_t>(std::count_if(fates_.begin(), fates_.end(), [how](const auto& fate) {
    return std::any_of(fate.second.begin(), fate.second.end(),
                       [how](const Fate& each) { return each.how == how; });
  }));
}

}  // namespace roomgate::conf::haproxy
