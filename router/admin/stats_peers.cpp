// The other front doors on the page at /stats.
#include "router/admin/stats_html.hpp"
#include "router/admin/stats_parts.hpp"
#include "router/admin/words.hpp"

namespace roomgate::router::admin {
namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

std::string state_of(const Peers::Row& row) {
  if (!row.via.empty()) return row.state + ", through " + row.via;
  return row.up ? row.state : row.state.empty() ? "no session" : row.state + ", no session";
}

Mood mood_of(const Peers::Row& row) {
  if (!row.up && row.via.empty()) return Mood::bad;
  return row.state == "learning" || row.state == "joining" ? Mood::warn : Mood::good;
}

// Who decides with us, in one sentence.
void append_view(const Peers& peers, std::string& page) {
  std::string text = "here: " + peers.state + "; ";
  text += peers.view.empty() ? "not deciding yet" : "deciding together: " + joined(peers.view);
  if (!peers.missing.empty()) text += "; missing: " + joined(peers.missing);
  if (peers.splits > 0) text += "; " + counted(peers.splits, "split room") + " found so far";
  none(escaped(text), page);
}

}  // namespace

void append_peers(const StatsFacts& facts, std::string& page) {
  const Peers& peers = facts.peers;
  begin_card("Other front doors", page);
  if (peers.mode == "off") {
    none("none: this one decides alone", page);
    return end_card(page);
  }
  append_view(peers, page);
  begin_scrolled("Table of other front doors", page);
  page +=
      "<table><thead><tr><th>name<th>kind<th>state<th class=\"n\">round trip<th "
      "class=\"n\">behind<th class=\"n extra\">in<th class=\"n extra\">out<th></tr></thead><tbody>\n";
  for (const Peers::Row& row : peers.rows) {
    Row(page)
        .text(row.name)
        .text(row.kind, Mood::quiet)
        .text(state_of(row), mood_of(row))
        .html(row.up && row.round_trip_ms > 0 ? milliseconds_text(row.round_trip_ms) : "", "n")
        .number(row.behind)
        .html(std::to_string(row.updates_in), "n extra")
        .html(std::to_string(row.updates_out), "n extra")
        .text(row.error, Mood::quiet);
  }
  page += "</tbody></table></div>";
  end_card(page);
}

}  // namespace roomgate::router::admin
