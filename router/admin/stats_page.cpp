#include "router/admin/stats_page.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "router/http/access_log.hpp"

namespace roomgate::router::admin {
namespace {

constexpr std::size_t kRooms = 25;
constexpr auto kSoon = std::chrono::hours(24 * 14);

// Light and dark by what the reader's system says; nothing may be loaded, run or framed.
constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="10">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; form-action 'self'">
<meta name="color-scheme" content="light dark">
<style>
:root { color-scheme: light dark; --back: #f6f7f9; --card: #fff; --text: #1c2127; --quiet: #5c6773; --line: #e1e5ea; --good: #12703a; --warn: #8a5300; --bad: #b3261e }
@media (prefers-color-scheme: dark) { :root { --back: #14171b; --card: #1d2126; --text: #e6e9ed; --quiet: #9aa5b1; --line: #30363d; --good: #57c785; --warn: #e3a94b; --bad: #ff8a80 } }
body { margin: 0 auto; padding: 1.5rem; max-width: 62rem; background: var(--back); color: var(--text); font: 15px/1.45 system-ui, sans-serif }
h1 { font-size: 1.35rem; margin: 0 }
h2 { font-size: 1rem; margin: 1.75rem 0 .5rem }
header { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline }
.quiet { color: var(--quiet) } .good { color: var(--good) } .warn { color: var(--warn) } .bad { color: var(--bad) }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem; margin: 1rem 0 0; padding: 0 }
.tiles div { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem }
.tiles dt { color: var(--quiet); font-size: .85rem } .tiles dd { margin: 0; font-size: 1.4rem; font-variant-numeric: tabular-nums }
.wide { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: .5rem }
table { border-collapse: collapse; width: 100% } th, td { padding: .4rem .8rem; text-align: left; white-space: nowrap } th { color: var(--quiet); font-weight: 500; font-size: .85rem }
tr + tr td { border-top: 1px solid var(--line) } .n { text-align: right; font-variant-numeric: tabular-nums }
p.none { margin: 0; padding: .6rem .8rem } input { font: inherit; padding: .25rem .5rem } button { font: inherit; padding: .25rem .75rem }
</style>
)";

std::string escaped(std::string_view raw) {
  std::string out;
  for (const char c : raw) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      default: out.push_back(c);
    }
  }
  return out;
}

std::string decimal(double value) {
  std::array<char, 48> text;
  std::snprintf(text.data(), text.size(), value < 10 ? "%.1f" : "%.0f", value);
  return text.data();
}

// 3 d 4 h, 5 h 2 min, 10 min, 7 s
std::string lasting(std::chrono::seconds time) {
  const auto s = time.count();
  if (s >= 86400) return std::to_string(s / 86400) + " d " + std::to_string(s % 86400 / 3600) + " h";
  if (s >= 3600) return std::to_string(s / 3600) + " h " + std::to_string(s % 3600 / 60) + " min";
  return s >= 60 ? std::to_string(s / 60) + " min" : std::to_string(s) + " s";
}

void tile(std::string_view name, std::string_view value, std::string& page) {
  page.append("<div><dt>").append(name).append("</dt><dd>").append(value).append("</dd></div>\n");
}

// Cells of text are escaped, cells of numbers stand to the right.
class Row {
 public:
  explicit Row(std::string& page) : page_(page) { page_ += "<tr>"; }
  ~Row() { page_ += "</tr>\n"; }
  Row& text(std::string_view value, std::string_view kind = "") {
    page_ += "<td";
    if (!kind.empty()) page_.append(" class=\"").append(kind).append("\"");
    page_ += ">" + escaped(value);
    return *this;
  }
  Row& number(std::uint64_t value) {
    page_ += "<td class=\"n\">" + std::to_string(value);
    return *this;
  }
  Row& raw(std::string_view html) {
    page_.append(html);
    return *this;
  }

 private:
  std::string& page_;
};

void append_shards(Subject& subject, std::string& page) {
  page +=
      "<h2>Shards</h2><div class=\"wide\"><table><tr><th>shard<th>address<th>region<th>state<th>health"
      "<th class=\"n\">rooms<th class=\"n\">tunnels<th class=\"n\">load<th>note</tr>\n";
  for (const ShardRow& row : subject.shards()) {
    Row(page)
        .text(row.name)
        .text(row.address)
        .text(row.region)
        .text(row.state, row.state == "ready" ? "" : "warn")
        .text(row.up ? "up" : "down", row.up ? "good" : "bad")
        .number(row.rooms)
        .number(row.tunnels)
        .raw("<td class=\"n\">" + std::to_string(static_cast<int>(row.load * 100)) + " %")
        .text(row.reason);
  }
  page += "</table></div>\n";
}

void append_refusals(const Overview& overview, std::string& page) {
  page += "<h2>Refused, and limits hit</h2><div class=\"wide\">";
  if (overview.refused.empty()) {
    page += "<p class=\"none quiet\">nothing since the start</p></div>\n";
    return;
  }
  page += "<table><tr><th>reason<th class=\"n\">last minute<th class=\"n\">since the start</tr>\n";
  for (const auto& refusal : overview.refused) {
    Row(page)
        .text(refusal.reason, refusal.last_minute > 0 ? "warn" : "")
        .number(refusal.last_minute)
        .number(refusal.total);
  }
  page += "</table></div>\n";
}

void append_certificates(const Overview& overview, std::chrono::system_clock::time_point now,
                         std::string& page) {
  if (overview.certificates.empty()) return;
  page += "<h2>Certificates</h2><div class=\"wide\"><table><tr><th>file<th>ends<th>left</tr>\n";
  for (const auto& certificate : overview.certificates) {
    const auto left = std::chrono::duration_cast<std::chrono::seconds>(certificate.ends - now);
    std::string ends;
    http::append_rfc3339(certificate.ends, ends);
    const bool over = left.count() <= 0;
    Row(page)
        .text(certificate.file)
        .text(ends.substr(0, ends.find('T')))
        .text(over ? "expired" : lasting(left), over           ? "bad"
                                                : left < kSoon ? "warn"
                                                               : "good");
  }
  page += "</table></div>\n";
}

void append_rooms(Subject& subject, std::string_view prefix, std::size_t total,
                  std::chrono::system_clock::time_point now, std::string& page) {
  page += "<h2>Rooms</h2><form method=\"get\"><p><label>beginning with <input name=\"prefix\" value=\"" +
          escaped(prefix) + "\"></label> <button>list</button> <span class=\"quiet\">the first " +
          std::to_string(kRooms) + " by tunnels, of " + std::to_string(total) + "</span></p></form>\n";
  const auto rooms = subject.rooms({.prefix = prefix, .order = RoomQuery::Order::tunnels, .limit = kRooms});
  page += "<div class=\"wide\">";
  if (rooms.empty()) {
    page += "<p class=\"none quiet\">none</p></div>\n";
    return;
  }
  page += "<table><tr><th>room<th>shard<th class=\"n\">tunnels<th>for<th></tr>\n";
  for (const RoomRow& row : rooms) {
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - row.since);
    Row(page)
        .text(row.room)
        .text(row.shard)
        .number(row.tunnels)
        .text(lasting(std::max(age, std::chrono::seconds(0))))
        .text(row.provisional         ? "page only"
              : row.origin == "moved" ? "moved"
                                      : "",
              "quiet");
  }
  page += "</table></div>\n";
}

}  // namespace

std::string stats_page(Subject& subject, std::string_view prefix, std::chrono::system_clock::time_point now) {
  const Status status = subject.status();
  const Overview overview = subject.overview();
  std::string page(kHead);
  page += "<title>" + escaped(status.name) + " - roomgate</title></head><body>\n<header><h1>" +
          escaped(status.name) + "</h1>";
  if (!status.region.empty()) page += "<span class=\"quiet\">" + escaped(status.region) + "</span>";
  page += status.draining ? "<span class=\"warn\">draining</span>"
          : status.ready  ? "<span class=\"good\">ready</span>"
                          : "<span class=\"bad\">not ready</span>";
  page += "<span class=\"quiet\">up for " + lasting(std::chrono::seconds(status.uptime_seconds)) + ", " +
          std::to_string(status.threads) + (status.threads == 1 ? " thread" : " threads") +
          "</span></header>\n<dl class=\"tiles\">\n";
  tile("requests/s", decimal(overview.requests_per_second), page);
  tile("new connections/s", decimal(overview.connections_per_second), page);
  tile("TLS handshakes/s", decimal(overview.handshakes_per_second), page);
  tile("connections", std::to_string(status.connections), page);
  tile("tunnels", std::to_string(overview.tunnels), page);
  tile("rooms", std::to_string(status.rooms), page);
  tile("waiting for a shard", std::to_string(overview.waiting), page);
  tile("shards up", std::to_string(status.shards_up) + " of " + std::to_string(status.shards), page);
  page += "</dl>\n";
  append_shards(subject, page);
  append_refusals(overview, page);
  append_certificates(overview, now, page);
  append_rooms(subject, prefix, status.rooms, now, page);
  page +=
      "<p class=\"quiet\">Renewed every ten seconds. For machines: /metrics, "
      "/api/v1/status.</p>\n</body></html>\n";
  return page;
}

}  // namespace roomgate::router::admin
