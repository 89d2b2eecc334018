#include <cstdio>
#include <functional>

#include "router/admin/words.hpp"
#include "router/cli/actions.hpp"
#include "router/cli/table.hpp"
#include "router/cli/text.hpp"

namespace roomgate::router::cli {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

std::string seconds_of(const json::object& row, std::string_view name) {
  return admin::age(seconds(static_cast<std::int64_t>(count_of(row, name))));
}

// "2026-03-01, in 94d02h"
Cell ends(const json::object& certificate) {
  const std::string text = text_of(certificate, "ends");
  const auto time = parse_rfc3339(text);
  if (!time) return {text};
  const auto left = std::chrono::duration_cast<seconds>(*time - std::chrono::system_clock::now());
  const std::string day = text.substr(0, text.find('T'));
  if (left.count() <= 0) return {day + ", over", Tone::bad};
  return {day + ", in " + admin::age(left), left < std::chrono::hours(24 * 14) ? Tone::warn : Tone::good};
}

using Line = std::function<void(std::string name, std::string value, Tone tone)>;

// Who decides with this one; nothing where it is alone.
void add_peers(const Endpoint& gate, const Line& line) {
  const auto answer = gate.ask("GET", "/api/v1/peers");
  if (!answer || answer->status != 200 || !answer->body.is_object()) return;
  const json::object& peers = answer->body.get_object();
  if (text_of(peers, "mode") == "off") return;
  const std::string view = joined(peers, "view");
  const bool decides = flag_of(peers, "may_decide");
  line("front doors", view.empty() ? "none decides yet" : "deciding together: " + view,
       decides ? Tone::good : Tone::warn);
  if (const auto missing = joined(peers, "missing"); !missing.empty()) {
    line("missing", missing + " (no goodbye was said)", Tone::bad);
  }
  if (const auto splits = count_of(peers, "splits"); splits > 0) {
    line("split rooms", std::to_string(splits) + " found so far", Tone::warn);
  }
  const auto asked = count_of(peers, "asked");
  const auto in_vain = count_of(peers, "asked_in_vain");
  if (asked + in_vain > 0) {
    line(
        "cut off from Redis",
        "asked others " + std::to_string(asked + in_vain) + " times, " + std::to_string(in_vain) + " in vain",
        in_vain > 0 ? Tone::warn : Tone::good);
  }
}

}  // namespace

int show_status(const Endpoint& gate) {
  const auto status = gate.expect("GET", "/api/v1/status");
  if (!status) return kRefused;
  if (gate.as_json) {
    print_json(*status);
    return kDone;
  }
  const bool draining = flag_of(*status, "draining");
  const bool ready = flag_of(*status, "ready");
  const auto shards = count_of(*status, "shards");
  const auto up = count_of(*status, "shards_up");
  Table table({{"gate"}, {text_of(*status, "name")}});
  const auto line = [&table](std::string name, std::string value, Tone tone = Tone::plain) {
    table.add({{std::move(name)}, {std::move(value), tone}});
  };
  const std::string why_not = text_of(*status, "not_ready");
  line("state",
       draining ? "draining"
       : ready  ? "ready"
                : "not ready" + (why_not.empty() ? "" : ": " + why_not),
       ready ? Tone::good : Tone::warn);
  if (const auto region = text_of(*status, "region"); !region.empty()) line("region", region);
  line("running for", seconds_of(*status, "uptime_seconds"));
  line("shards", std::to_string(up) + " of " + std::to_string(shards) + " up",
       up < shards ? Tone::bad : Tone::plain);
  add_peers(gate, line);
  line("rooms", std::to_string(count_of(*status, "rooms")));
  line("tunnels", std::to_string(count_of(*status, "tunnels")));
  line("connections", std::to_string(count_of(*status, "connections")) + ", " +
                          admin::rate(number_of(*status, "connections_per_second")) + "/s new, " +
                          admin::rate(number_of(*status, "handshakes_per_second")) + "/s TLS handshakes");
  line("requests", admin::rate(number_of(*status, "requests_per_second")) + "/s");
  if (const auto waiting = count_of(*status, "waiting"); waiting > 0)
    line("waiting", admin::counted(waiting, "request") + " for a shard", Tone::warn);
  line("threads", std::to_string(count_of(*status, "threads")));
  if (const auto* refused = status->if_contains("refused"); refused != nullptr && refused->is_object()) {
    for (const auto& [reason, counts] : refused->get_object()) {
      if (!counts.is_object()) continue;
      const auto lately = count_of(counts.get_object(), "last_minute");
      line("refused",
           std::string(reason) + ": " + std::to_string(lately) + " in the last minute, " +
               std::to_string(count_of(counts.get_object(), "total")) + " in all",
           lately > 0 ? Tone::warn : Tone::plain);
    }
  }
  for (const auto& certificate : list_of(*status, "certificates")) {
    const Cell until = ends(certificate);
    line("certificate", text_of(certificate, "file") + " until " + until.text, until.tone);
  }
  std::fputs(table.text(style_for(stdout)).c_str(), stdout);
  return kDone;
}

int show_discovery(const Endpoint& gate) {
  const auto answer = gate.expect("GET", "/api/v1/discovery");
  if (!answer) return kRefused;
  if (gate.as_json) {
    print_json(*answer);
    return kDone;
  }
  const auto rows = list_of(*answer, "discovery");
  if (rows.empty()) {
    std::puts("nothing is asked of DNS: the settings have no [[discover]]");
    return kDone;
  }
  Table table({{"question"}, {"state"}, {"shards", true}, {"last good", true}, {"next in", true}, {"error"}});
  for (const auto& row : rows) {
    const std::string state = text_of(row, "state");
    table.add({{text_of(row, "question")},
               {state, state == "ok" ? Tone::good : Tone::warn},
               {std::to_string(count_of(row, "shards"))},
               {state == "waiting" ? "never" : seconds_of(row, "seconds_since_good")},
               {seconds_of(row, "seconds_to_next")},
               {text_of(row, "error"), Tone::bad}});
  }
  std::fputs(table.text(style_for(stdout)).c_str(), stdout);
  return kDone;
}

}  // namespace roomgate::router::cli
