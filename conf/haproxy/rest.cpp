#include <algorithm>

#include "conf/binder.hpp"
#include "conf/haproxy/parts.hpp"
#include "conf/haproxy/values.hpp"

namespace roomgate::conf::haproxy {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

void import_global(Import& in) {
  for (const Section& section : in.config.sections()) {
    if (section.kind != Kind::global) continue;
    in.account.carried(*section.head);
    for (const Line* line : section.lines) {
      if (line->words.size() < 2) continue;
      const std::string& word = line->words[0];
      const auto number = number_of(line->words[1]);
      std::string comment;
      if (word == "nbthread" && number) {
        in.account.carried(*line);
        const auto threads = clamped(*number, 0, 1024, comment);
        in.draft.table("gate").set("threads", std::to_string(threads), comment);
      } else if (word == "maxconn" && number) {
        in.account.carried(*line);
        const auto most = clamped(*number, 1, 10'000'000, comment);
        in.draft.table("limits").set("connections", std::to_string(most), comment);
      }
    }
  }
}

// maxconn of a frontend bounds that frontend; here there is one bound for all.
void import_maxconn(Import& in) {
  std::int64_t largest = 0;
  for (const Section* front : in.way.fronts) {
    const Line* line = setting(*front, {"maxconn"});
    if (line == nullptr || line->words.size() < 2) continue;
    const auto number = number_of(line->words[1]);
    if (!number) continue;
    in.account.left(*line, Left::needless, "Connections are bounded over all listeners (limits.connections)");
    largest = std::max(largest, *number);
  }
  auto& limits = in.draft.table("limits");
  if (largest == 0 || limits.has("connections")) return;
  std::string comment;
  limits.set("connections", std::to_string(clamped(largest, 1, 10'000'000, comment)), comment);
}

struct Timeout {
  const char* haproxy;
  const char* table;
  const char* key;
  bool of_client;
  Duration low = milliseconds(100);
  Duration high = hours(24);
};

// In the order of the reference.
constexpr Timeout kTimeouts[] = {
    {"http-request", "timeouts", "request", true},
    {"http-keep-alive", "timeouts", "keep_alive", true},
    {"client", "timeouts", "client", true},
    {"queue", "timeouts", "queue", false},
    {"connect", "timeouts", "connect", false},
    {"server", "timeouts", "server", false},
    {"tunnel", "timeouts", "tunnel", false},
    {"client-fin", "timeouts", "client_fin", true},
    {"server-fin", "timeouts", "server_fin", false},
    {"client-hs", "timeouts", "handshake", true},
    {"check", "health", "timeout", false, milliseconds(50), minutes(1)},
};

// The first listener that says a client's timeout counts, and the first backend for a server's.
void import_timeouts(Import& in) {
  bool has_tunnel = false;
  for (const Timeout& timeout : kTimeouts) {
    const Line* counts = nullptr;
    for (const Section* section : timeout.of_client ? in.way.fronts : in.way.rooms) {
      const Line* line = setting(*section, {"timeout", timeout.haproxy});
      if (line == nullptr || line->words.size() < 3) continue;
      const auto value = time_of(line->words[2]);
      if (!value) continue;
      if (counts == nullptr) {
        counts = line;
        in.account.carried(*line);
        std::string comment;
        const Duration within = clamped(*value, timeout.low, timeout.high, comment);
        in.draft.table(timeout.table).set(timeout.key, toml(within), comment);
        has_tunnel = has_tunnel || std::string_view(timeout.key) == "tunnel";
      } else if (counts->words[2] == line->words[2]) {
        in.account.carried(*line);
      } else {
        in.account.left(*line, Left::lost,
                        "Timeouts are the same for all listeners and all shards: the first counts");
      }
    }
  }
  const Line* server = setting(*in.way.rooms[0], {"timeout", "server"});
  if (!has_tunnel && server != nullptr && server->words.size() > 2) {
    in.draft.table("timeouts")
        .say("There was no timeout tunnel: HAProxy ended WebSockets that were silent for " +
             server->words[2] + ", the gate does so after timeouts.tunnel, 1h.");
  }
  // In a section on the way, of a side that it does not have (timeout server in a frontend).
  for (const Section& section : in.config.sections()) {
    const bool is_base = std::any_of(in.way.fronts.begin(), in.way.fronts.end(),
                                     [&section](const Section* each) { return each->base == &section; }) ||
                         std::any_of(in.way.rooms.begin(), in.way.rooms.end(),
                                     [&section](const Section* each) { return each->base == &section; });
    if (!is_base && !in.way.has(section)) continue;
    for (const Line* line : section.lines) {
      if (line->words[0] != "timeout" || line->words.size() < 3 || in.account.knows(*line)) continue;
      const bool is_known =
          std::any_of(std::begin(kTimeouts), std::end(kTimeouts),
                      [line](const Timeout& each) { return line->words[1] == each.haproxy; });
      if (is_known) in.account.left(*line, Left::needless, "Another section's word on these timeouts counts");
    }
  }
}

}  // namespace

Duration clamped(Duration value, Duration low, Duration high, std::string& comment) {
  const Duration within = std::clamp(value, low, high);
  if (within != value)
    comment = "HAProxy had " + format_duration(value) + ", which is outside of what this may be";
  return within;
}

std::int64_t clamped(std::int64_t value, std::int64_t low, std::int64_t high, std::string& comment) {
  const std::int64_t within = std::clamp(value, low, high);
  if (within != value)
    comment = "HAProxy had " + std::to_string(value) + ", which is outside of what this may be";
  return within;
}

void import_rest(Import& in) {
  import_global(in);
  import_maxconn(in);
  import_timeouts(in);
}

}  // namespace roomgate::conf::haproxy
