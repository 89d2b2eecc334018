#include <cstdio>

#include "base/encoding.hpp"
#include "router/admin/words.hpp"
#include "router/cli/actions.hpp"
#include "router/cli/table.hpp"
#include "router/cli/text.hpp"

namespace roomgate::router::cli {
namespace {

namespace json = boost::json;

// How it came to be there.
std::string how_of(const json::object& row) {
  if (flag_of(row, "provisional")) return "page only";
  const std::string why = text_of(row, "why");
  const std::string region = text_of(row, "region");
  return (why.empty() ? text_of(row, "origin") : why) + (region.empty() ? "" : " for " + region);
}

// "12, 3 of them here"
Cell tunnels_of(const json::object& row) {
  const std::string all = std::to_string(count_of(row, "tunnels"));
  if (!row.contains("tunnels_here")) return {all};
  const std::string text = all + ", " + std::to_string(count_of(row, "tunnels_here")) + " of them here";
  if (flag_of(row, "all_counted")) return {text};
  return {text + "; some front doors have not said theirs", Tone::warn};
}

}  // namespace

int show_rooms(const Endpoint& gate, const RoomList& wanted) {
  const auto answer =
      gate.expect("GET", "/api/v1/rooms?limit=" + std::to_string(wanted.limit) + "&sort=" + wanted.sort +
                             "&prefix=" + percent_encode(wanted.prefix) +
                             "&shard=" + percent_encode(wanted.shard) + (wanted.split ? "&split=1" : ""));
  if (!answer) return kRefused;
  if (gate.as_json) {
    print_json(*answer);
    return kDone;
  }
  const auto rows = list_of(*answer, "rooms");
  if (rows.empty()) {
    std::puts(wanted.split ? "no split rooms" : "no such rooms");
    return kDone;
  }
  Table table({{"room"}, {"shard"}, {"tunnels", true}, {"for", true}, {"how"}});
  for (const auto& row : rows) {
    table.add({{text_of(row, "room")},
               {text_of(row, "shard")},
               {std::to_string(count_of(row, "tunnels"))},
               {age_of(row, "since")},
               {how_of(row)}});
  }
  std::fputs(table.text(style_for(stdout)).c_str(), stdout);
  if (rows.size() == wanted.limit && rows.size() < count_of(*answer, "total"))
    std::fprintf(stderr, "the first %zu; --limit shows more\n", rows.size());
  return kDone;
}

int one_room(const Endpoint& gate, const Room& wanted) {
  const std::string path = ("/api/v1/rooms/" + percent_encode(wanted.key)).append(local_query(wanted.local));
  const bool moves = !wanted.move_to.empty();
  const auto answer = moves ? gate.expect("POST", path, json::object{{"move", wanted.move_to}})
                            : gate.expect(wanted.forget ? "DELETE" : "GET", path);
  if (!answer) return kRefused;
  if (gate.as_json) {
    print_json(*answer);
    return kDone;
  }
  if (moves) {
    const auto tunnels = count_of(*answer, "tunnels");
    std::printf("%s: from %s to %s; %s\n", printable(text_of(*answer, "room")).c_str(),
                printable(text_of(*answer, "from")).c_str(), printable(text_of(*answer, "to")).c_str(),
                tunnels == 0
                    ? "nobody was in it"
                    : (admin::counted(tunnels, "tunnel") + " will be closed, and come back there").c_str());
    return kDone;
  }
  if (wanted.forget) {
    std::printf("%s: forgotten; the next request decides anew\n", printable(wanted.key).c_str());
    return kDone;
  }
  const std::string since = text_of(*answer, "since");
  const std::string how = how_of(*answer);
  Table table({{"room"}, {text_of(*answer, "room")}});
  table.add({{"shard"}, {text_of(*answer, "shard")}});
  table.add({{"since"}, {since + " (" + age_of(*answer, "since") + ")"}});
  table.add({{"tunnels"}, tunnels_of(*answer)});
  table.add({{"origin"}, {text_of(*answer, "origin")}});
  if (how != text_of(*answer, "origin")) table.add({{"how"}, {how}});
  table.add({{"generation"}, {std::to_string(count_of(*answer, "generation"))}});
  if (const auto owner = text_of(*answer, "owner"); !owner.empty()) {
    table.add({{"decided by"}, {owner}});
    table.add({{"people at"}, {joined(*answer, "holders")}});
  }
  if (flag_of(*answer, "split")) table.add({{"split"}, {"yes: it has two homes, not judged yet", Tone::bad}});
  std::fputs(table.text(style_for(stdout)).c_str(), stdout);
  return kDone;
}

}  // namespace roomgate::router::cli
