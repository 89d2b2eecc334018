#include <cstdio>

#include "base/encoding.hpp"
#include "router/admin/words.hpp"
#include "router/cli/actions.hpp"
#include "router/cli/drain_watch.hpp"
#include "router/cli/table.hpp"
#include "router/cli/text.hpp"

namespace roomgate::router::cli {
namespace {

namespace json = boost::json;

// "3", "3/200" with a bound, "3/150+" with a soft one.
std::string rooms_of(const json::object& row) {
  std::string text = std::to_string(count_of(row, "rooms"));
  if (const auto most = count_of(row, "max_rooms"); most > 0) return text + "/" + std::to_string(most);
  if (const auto soft = count_of(row, "soft_rooms"); soft > 0) return text + "/" + std::to_string(soft) + "+";
  return text;
}

// "2", "2 x 50%" when its agent asks for less; empty: the usual.
std::string weight_of(const json::object& row) {
  const auto weight = count_of(row, "weight");
  const auto share = count_of(row, "share");
  const bool whole = share == 100 || row.if_contains("share") == nullptr;
  if (whole) return weight == 1 ? "" : std::to_string(weight);
  return std::to_string(weight) + " x " + std::to_string(share) + "%";
}

std::string note_of(const json::object& row) {
  std::string note = text_of(row, "reason");
  const auto add = [&note](const std::string& more) { note += (note.empty() ? "" : "; ") + more; };
  if (flag_of(row, "local")) add("set for this front door only");
  if (flag_of(row, "leaving")) add("leaving: no longer in the settings or in DNS");
  if (const auto* drain = row.if_contains("drain"); drain != nullptr && drain->is_object()) {
    DrainWatch watch("");
    watch.see(row);
    add(watch.line(std::chrono::system_clock::now()).substr(2));
  }
  return note;
}

}  // namespace

int show_shards(const Endpoint& gate) {
  const auto answer = gate.expect("GET", "/api/v1/shards");
  if (!answer) return kRefused;
  if (gate.as_json) {
    print_json(*answer);
    return kDone;
  }
  const auto rows = list_of(*answer, "shards");
  if (rows.empty()) {
    std::puts("no shards: the settings have none, or DNS has not answered yet (roomgate discovery)");
    return kDone;
  }
  Table table({{"name"},
               {"region"},
               {"state"},
               {"health"},
               {"rooms", true},
               {"tunnels", true},
               {"load", true},
               {"weight", true},
               {"release"},
               {"address"},
               {"source"},
               {"note"}});
  for (const auto& row : rows) {
    const std::string state = text_of(row, "state");
    const bool up = flag_of(row, "up");
    const std::string source = text_of(row, "source");
    std::string address = text_of(row, "address");
    if (const auto* all = row.if_contains("addresses");
        all != nullptr && all->is_array() && all->get_array().size() > 1) {
      address += " +" + std::to_string(all->get_array().size() - 1);
    }
    table.add({{text_of(row, "name")},
               {text_of(row, "region")},
               {state, state == "ready" ? Tone::plain : Tone::warn},
               {up ? "up" : "down", up ? Tone::good : Tone::bad},
               {rooms_of(row)},
               {std::to_string(count_of(row, "tunnels"))},
               {admin::percent(number_of(row, "load"))},
               {weight_of(row)},
               {text_of(row, "release")},
               {std::move(address)},
               {source == "settings" ? "" : source},
               {note_of(row)}});
  }
  std::fputs(table.text(style_for(stdout)).c_str(), stdout);
  return kDone;
}

int set_state(const Endpoint& gate, const State& wanted) {
  const std::string path = "/api/v1/shards/" + percent_encode(wanted.shard) + "/state";
  const auto answer = gate.expect("POST", path + std::string(local_query(wanted.local)),
                                  json::object{{"state", wanted.state}});
  if (!answer) return kRefused;
  if (gate.as_json) {
    print_json(*answer);
  } else {
    std::printf("%s: %s\n", printable(wanted.shard).c_str(),
                wanted.state == "ready" ? "ready" : "in maintenance: nothing at all is sent to it");
  }
  return kDone;
}

}  // namespace roomgate::router::cli
