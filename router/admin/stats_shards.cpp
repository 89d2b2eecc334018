// Shards by region, with totals; those that need a look come first where not all are shown.
#include <algorithm>
#include <map>

#include "router/admin/stats_html.hpp"
#include "router/admin/stats_parts.hpp"
#include "router/admin/words.hpp"

namespace roomgate::router::admin {
namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;

constexpr std::size_t kShownPerRegion = 50;
constexpr std::size_t kAddressesShown = 3;
constexpr double kHighLoad = 0.8;

struct Region {
  std::vector<const ShardRow*> shards;
  std::size_t up = 0;
  std::size_t rooms = 0;
  std::size_t tunnels = 0;
  double requests_per_second = 0;
};

bool wants_a_look(const ShardRow& row) {
  return health_of(row) != ShardHealth::up || row.state != "ready" || row.leaving;
}

std::string name_cell(const ShardRow& row) {
  std::string html = "<b>" + escaped(row.name) + "</b>";
  if (!row.release.empty()) html += " <span class=\"tag\">" + escaped(row.release) + "</span>";
  std::string where = row.addresses.empty() ? row.address : "";
  for (std::size_t i = 0; i < std::min(row.addresses.size(), kAddressesShown); ++i) {
    where += (i == 0 ? "" : ", ") + row.addresses[i];
  }
  if (row.addresses.size() > kAddressesShown)
    where += " and " + std::to_string(row.addresses.size() - kAddressesShown) + " more";
  if (where.empty()) where = "no address";
  html += "<small>" + escaped(where);
  if (!row.source.empty() && row.source != "settings") html += " <i>by DNS</i>";
  return html + "</small>";
}

std::string health_cell(const ShardRow& row) {
  std::string html;
  switch (health_of(row)) {
    case ShardHealth::up: html = pill("up", Mood::good); break;
    case ShardHealth::soft: html = pill("no new rooms", Mood::warn); break;
    case ShardHealth::down: html = pill("down", Mood::bad); break;
  }
  if (row.state != "ready") html += pill(row.state, Mood::warn);
  if (row.leaving) html += pill("leaving", Mood::warn);
  return html;
}

std::string load_cell(const ShardRow& row) {
  return bar(row.load, row.load >= kHighLoad ? Mood::warn : Mood::good) + "<span>" + percent(row.load) +
         "</span>";
}

// How full it is, where there is a bound.
std::string rooms_cell(const ShardRow& row) {
  std::string html = std::to_string(row.rooms);
  if (row.max_rooms > 0)
    html += "<small>of " + std::to_string(row.max_rooms) + "</small>";
  else if (row.soft_rooms > 0)
    html += "<small>of about " + std::to_string(row.soft_rooms) + "</small>";
  return html;
}

std::string drain_note(const ShardRow::Drain& drain, const ShardRow& row,
                       std::chrono::system_clock::time_point now) {
  if (drain.empty || (row.rooms == 0 && row.tunnels == 0)) return "<div class=\"good\">empty</div>";
  const std::size_t begun = std::max(drain.rooms_at_start, row.rooms);
  const double done = begun == 0 ? 0 : static_cast<double>(begun - row.rooms) / static_cast<double>(begun);
  std::string text = begun > row.rooms ? std::to_string(row.rooms) + " of " + counted(begun, "room")
                                       : counted(row.rooms, "room");
  text += " left after " + age(duration_cast<seconds>(now - drain.since));
  if (drain.deadline) {
    text += *drain.deadline > now ? "; moved in " + age(duration_cast<seconds>(*drain.deadline - now))
                                  : "; being moved";
  }
  return "<div class=\"drain\">" + bar(done, Mood::warn) + "<span>" + text + "</span></div>";
}

std::string note_cell(const ShardRow& row, std::chrono::system_clock::time_point now) {
  std::string html;
  if (row.drain) html += drain_note(*row.drain, row, now);
  if (!row.reason.empty()) html += "<div>" + escaped(row.reason) + "</div>";
  if (row.local) html += "<div>" + escaped(row.state) + " for this front door only</div>";
  if (row.share != 100) {
    html += "<div>weight " + std::to_string(row.weight) + ", of which it wants " + std::to_string(row.share) +
            "%</div>";
  } else if (row.weight != 1) {
    html += "<div>weight " + std::to_string(row.weight) + "</div>";
  }
  if (!row.announced.empty() && row.announced != row.name)
    html += "<div>calls itself " + escaped(row.announced) + "</div>";
  return html;
}

// Shown only to who has given the operator token.
std::string buttons(const ShardRow& row) {
  const auto button = [&row](std::string_view state, std::string_view text) {
    const std::string name = escaped(row.name);
    return "<button type=\"button\" data-shard=\"" + name + "\" data-state=\"" + std::string(state) +
           "\" data-rooms=\"" + std::to_string(row.rooms) + "\" data-tunnels=\"" +
           std::to_string(row.tunnels) + "\" aria-label=\"" + std::string(text) + " " + name + "\">" +
           std::string(text) + "</button>";
  };
  return row.state == "ready" ? button("drain", "Drain") : button("ready", "Ready");
}

void append_region(const std::string& name, Region& region, std::chrono::system_clock::time_point now,
                   std::string& page) {
  const bool well = region.up == region.shards.size();
  page += "<div class=\"card\"><h3>" + (name.empty() ? "no region" : escaped(name)) + " <span class=\"" +
          (well ? "quiet" : "bad") + "\">" + std::to_string(region.up) + " of " +
          counted(region.shards.size(), "shard") + " up</span><span class=\"quiet sums\">" +
          counted(region.rooms, "room") + ", " + counted(region.tunnels, "tunnel") + ", " +
          rate(region.requests_per_second) + " requests/s</span></h3>\n";
  begin_scrolled(name.empty() ? "Shards of no region" : "Shards of " + name, page);
  page +=
      "<table class=\"shards\"><thead><tr><th>shard<th>health<th>load<th "
      "class=\"n\">rooms"
      "<th class=\"n\">new/min<th class=\"n\">tunnels<th class=\"n\">requests/s<th>note<th "
      "class=\"act\">change"
      "</tr></thead><tbody>\n";
  std::size_t left_out = 0;
  if (region.shards.size() > kShownPerRegion) {
    std::stable_partition(region.shards.begin(), region.shards.end(),
                          [](const ShardRow* row) { return wants_a_look(*row); });
    left_out = region.shards.size() - kShownPerRegion;
    region.shards.resize(kShownPerRegion);
  }
  for (const ShardRow* row : region.shards) {
    Row(page)
        .html(name_cell(*row), "name")
        .html(health_cell(*row), "health")
        .html(load_cell(*row), "load", "load")
        .html(rooms_cell(*row), "n", "rooms")
        .number(row->new_rooms_last_minute, "new/min")
        .number(row->tunnels, "tunnels")
        .html(rate(row->requests_per_second), "n", "requests/s")
        .html(note_cell(*row, now), "note")
        .html(buttons(*row), "act");
  }
  page += "</tbody></table></div>";
  if (left_out > 0) page += "<p class=\"none quiet\">and " + std::to_string(left_out) + " more</p>";
  page += "</div>\n";
}

}  // namespace

ShardHealth health_of(const ShardRow& row) {
  if (!row.up) return ShardHealth::down;
  const bool asked_to = row.state == "ready" && !row.leaving;
  return asked_to && !row.takes_rooms ? ShardHealth::soft : ShardHealth::up;
}

void append_shards(const StatsFacts& facts, std::string& page) {
  page += "<h2>Shards</h2>\n";
  if (facts.shards.empty()) {
    page +=
        "<div class=\"card\"><p class=\"none\">none: the settings have none, or DNS has not answered "
        "yet</p></div>\n";
    return;
  }
  std::map<std::string, Region> regions;
  for (const ShardRow& row : facts.shards) {
    Region& region = regions[row.region];
    region.shards.push_back(&row);
    region.up += row.up ? 1 : 0;
    region.rooms += row.rooms;
    region.tunnels += row.tunnels;
    region.requests_per_second += row.requests_per_second;
  }
  for (auto& [name, region] : regions) append_region(name, region, facts.now, page);
}

}  // namespace roomgate::router::admin
