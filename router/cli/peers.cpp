#include <algorithm>
#include <cstdio>

#include "router/admin/words.hpp"
#include "router/cli/actions.hpp"
#include "router/cli/table.hpp"

namespace roomgate::router::cli {
namespace {

namespace json = boost::json;

constexpr double kMostSeconds = 1e9;

Cell state_of(const json::object& row) {
  const std::string state = text_of(row, "state");
  const std::string via = text_of(row, "via");
  const bool up = flag_of(row, "up");
  if (!via.empty()) return {state + ", through " + via, Tone::warn};
  if (!up) return {state.empty() ? "no session" : state + ", no session", Tone::bad};
  return {state, state == "learning" || state == "joining" ? Tone::warn : Tone::good};
}

std::string round_trip_of(const json::object& row) {
  const double time = number_of(row, "round_trip_ms");
  return flag_of(row, "up") && time > 0 ? admin::milliseconds_text(time) : "";
}

}  // namespace

int show_peers(const Endpoint& gate) {
  const auto answer = gate.expect("GET", "/api/v1/peers");
  if (!answer) return kRefused;
  if (gate.as_json) {
    print_json(*answer);
    return kDone;
  }
  const auto rows = list_of(*answer, "peers");
  if (text_of(*answer, "mode") == "off" || rows.empty()) {
    std::puts("no other front doors: this one decides alone");
    return kDone;
  }
  Table table({{"name"},
               {"kind"},
               {"state"},
               {"decides"},
               {"address"},
               {"up for"},
               {"round trip", true},
               {"in", true},
               {"out", true},
               {"behind", true},
               {"reconnects", true},
               {"error"}});
  for (const auto& row : rows) {
    const auto up_for = std::chrono::seconds(
        static_cast<std::int64_t>(std::clamp(number_of(row, "up_seconds"), 0.0, kMostSeconds)));
    const auto behind = count_of(row, "behind");
    table.add({{text_of(row, "name")},
               {text_of(row, "kind")},
               state_of(row),
               {flag_of(row, "in_view") ? "with us" : ""},
               {text_of(row, "address")},
               {flag_of(row, "up") ? admin::age(up_for) : ""},
               {round_trip_of(row)},
               {std::to_string(count_of(row, "updates_in"))},
               {std::to_string(count_of(row, "updates_out"))},
               {std::to_string(behind)},
               {std::to_string(count_of(row, "reconnects"))},
               {text_of(row, "error"), Tone::bad}});
  }
  std::fputs(table.text(style_for(stdout)).c_str(), stdout);
  return kDone;
}

}  // namespace roomgate::router::cli
