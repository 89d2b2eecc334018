// Everything on the page at /stats but the shards.
#include <algorithm>
#include <array>

#include "router/admin/replies.hpp"
#include "router/admin/stats_html.hpp"
#include "router/admin/stats_parts.hpp"
#include "router/admin/words.hpp"
#include "router/http/error_response.hpp"

namespace roomgate::router::admin {
namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;

constexpr std::size_t kBusiest = 15;
constexpr std::size_t kFound = 100;  // of those that somebody looks for
constexpr std::size_t kBans = 25;
constexpr std::size_t kAlertsOfAKind = 5;
constexpr auto kSoon = std::chrono::hours(24 * 14);

void tile(std::string_view name, std::string_view value, std::string& page, Mood mood = Mood::plain) {
  page.append("<div><dt>").append(name).append("</dt><dd");
  if (mood != Mood::plain) page.append(" class=\"").append(class_of(mood)).append("\"");
  page.append(">").append(value).append("</dd></div>\n");
}

std::string ago(std::size_t count) { return age(seconds(static_cast<std::int64_t>(count))); }

// Scanners ask for what is not there all day long: nothing to call anybody for. What is refused for want of
// something here, or by a limit, is.
bool is_clients_mistake(std::string_view label) {
  for (int i = 0; i <= static_cast<int>(http::kLastReason); ++i) {
    const http::ReasonText& reason = http::describe(static_cast<http::Reason>(i));
    if (reason.label == label)
      return (reason.status < 500 && reason.status != 429) || reason.status == 501 || reason.status == 505;
  }
  return false;
}

// At most a few of one kind, then how many more there are.
class Alerts {
 public:
  explicit Alerts(std::string& page) : page_(page) {}
  ~Alerts() { end_kind(); }
  Alerts(const Alerts&) = delete;
  Alerts& operator=(const Alerts&) = delete;

  void begin_kind(Mood mood) {
    end_kind();
    mood_ = mood;
    of_kind_ = 0;
  }
  void add(std::string_view text) {
    ++total_;
    if (++of_kind_ <= kAlertsOfAKind) item(text);
  }
  std::size_t total() const { return total_; }

 private:
  void end_kind() {
    if (of_kind_ > kAlertsOfAKind)
      item("and " + std::to_string(of_kind_ - kAlertsOfAKind) + " more like that");
  }
  void item(std::string_view text) {
    page_.append("<li class=\"")
        .append(class_of(mood_))
        .append("\">")
        .append(escaped(text))
        .append("</li>\n");
  }
  std::string& page_;
  Mood mood_ = Mood::bad;
  std::size_t of_kind_ = 0;
  std::size_t total_ = 0;
};

}  // namespace

std::size_t append_alerts(const StatsFacts& facts, std::string& page) {
  std::string items;
  std::size_t total = 0;
  {
    Alerts alerts(items);
    alerts.begin_kind(Mood::bad);
    for (const ShardRow& row : facts.shards) {
      if (!row.up) alerts.add(row.name + " is down" + (row.reason.empty() ? "" : ": " + row.reason));
    }
    alerts.begin_kind(Mood::bad);
    const bool nowhere = std::ranges::none_of(facts.shards, &ShardRow::takes_rooms);
    if (nowhere) alerts.add("no shard takes new rooms");
    alerts.begin_kind(Mood::bad);
    if (facts.peers.mode != "off" && !facts.peers.may_decide && !facts.status.draining)
      alerts.add("this front door may not decide about new rooms now: " + facts.peers.state);
    for (const std::string& name : facts.peers.missing)
      alerts.add(name + " left without goodbye; new rooms are placed as its side would place them");
    alerts.begin_kind(Mood::warn);
    for (const Peers::Row& row : facts.peers.rows) {
      const bool told = std::ranges::find(facts.peers.missing, row.name) != facts.peers.missing.end();
      if (!row.up && !told)
        alerts.add("no session with " + row.name + (row.error.empty() ? "" : ": " + row.error));
    }
    alerts.begin_kind(Mood::warn);
    for (const DiscoveryRow& row : facts.discovery) {
      if (row.state == "stale") {
        alerts.add("DNS has no good answer for " + row.question + " since " + ago(row.seconds_since_good) +
                   (row.error.empty() ? "" : ": " + row.error) + "; the last one is kept");
      } else if (row.state != "ok") {
        alerts.add("DNS has not answered for " + row.question + " yet" +
                   (row.error.empty() ? "" : ": " + row.error));
      }
    }
    alerts.begin_kind(Mood::warn);
    for (const auto& certificate : facts.overview.certificates) {
      const auto left = duration_cast<seconds>(certificate.ends - facts.now);
      if (left.count() <= 0)
        alerts.add(certificate.file + " has expired");
      else if (left < kSoon)
        alerts.add(certificate.file + " expires in " + age(left));
    }
    alerts.begin_kind(Mood::warn);
    for (const auto& refusal : facts.overview.refused) {
      if (refusal.last_minute > 0 && !is_clients_mistake(refusal.reason))
        alerts.add(counted(refusal.last_minute, "request") +
                   " refused in the last minute: " + refusal.reason);
    }
    if (facts.overview.waiting > 0)
      alerts.add(counted(facts.overview.waiting, "request") + " wait for a shard");
    total = alerts.total();
  }
  if (!items.empty()) page += "<ul class=\"alerts\">\n" + items + "</ul>\n";
  return total;
}

void append_tiles(const StatsFacts& facts, std::string& page) {
  const Status& status = facts.status;
  const Overview& seen = facts.overview;
  page += "<dl class=\"tiles\">\n";
  tile("rooms", std::to_string(status.rooms), page);
  tile("new rooms/min", std::to_string(seen.new_rooms_last_minute), page);
  tile("tunnels", std::to_string(seen.tunnels), page);
  tile("shards up", std::to_string(status.shards_up) + " of " + std::to_string(status.shards), page,
       status.shards_up < status.shards ? Mood::bad : Mood::plain);
  tile("requests/s", rate(seen.requests_per_second), page);
  tile("connections", std::to_string(status.connections), page);
  tile("connects/s", rate(seen.connections_per_second), page);
  tile("handshakes/s", rate(seen.handshakes_per_second), page);
  page += "</dl>\n";
}

void append_rooms(Subject& subject, std::string_view prefix, const StatsFacts& facts, std::string& page) {
  const std::size_t limit = prefix.empty() ? kBusiest : kFound;
  const auto rooms = subject.rooms({.prefix = prefix, .order = RoomQuery::Order::tunnels, .limit = limit});
  if (rooms.empty()) {
    none(prefix.empty() ? "none" : "none that begins so", page);
    return;
  }
  begin_scrolled("Table of rooms", page);
  page +=
      "<table><thead><tr><th>room<th>shard<th "
      "class=\"n\">tunnels<th class=\"n\">for<th class=\"extra\">how</tr></thead>"
      "<tbody>\n";
  for (const RoomRow& row : rooms) {
    std::string how = row.provisional ? "page only" : row.why.empty() ? row.origin : row.why;
    if (!row.region.empty()) how += " for " + row.region;
    Row(page)
        .text(row.room, Mood::plain)
        .html(escaped(row.shard), "nb")
        .number(row.tunnels)
        .html(age(duration_cast<seconds>(facts.now - row.since)), "n")
        .html(escaped(how), "quiet extra");
  }
  page += "</tbody></table></div>";
  if (rooms.size() == limit)
    none("the first " + std::to_string(limit) + "; there are " + counted(facts.status.rooms, "room") +
             " in all",
         page);
}

void append_refusals(const StatsFacts& facts, std::string& page) {
  begin_card("Refused, and limits hit", page);
  if (facts.overview.refused.empty()) {
    none("nothing since the start", page);
  } else {
    page +=
        "<table><thead><tr><th>reason<th class=\"n\">last minute<th class=\"n\">since the "
        "start</tr></thead><tbody>\n";
    for (const auto& refusal : facts.overview.refused) {
      Row(page)
          .text(refusal.reason, refusal.last_minute > 0 ? Mood::warn : Mood::plain)
          .number(refusal.last_minute)
          .number(refusal.total);
    }
    page += "</tbody></table>";
  }
  end_card(page);
}

void append_certificates(const StatsFacts& facts, std::string& page) {
  if (facts.overview.certificates.empty()) return;
  begin_card("Certificates", page);
  page += "<table><thead><tr><th>file<th>ends<th>left</tr></thead><tbody>\n";
  for (const auto& certificate : facts.overview.certificates) {
    const auto left = duration_cast<seconds>(certificate.ends - facts.now);
    const std::string ends = rfc3339(certificate.ends);
    const bool over = left.count() <= 0;
    Row(page)
        .text(certificate.file)
        .html(ends.substr(0, ends.find('T')), "nb")
        .text(over ? "expired" : age(left), over           ? Mood::bad
                                            : left < kSoon ? Mood::warn
                                                           : Mood::good);
  }
  page += "</tbody></table>";
  end_card(page);
}

void append_discovery(const StatsFacts& facts, std::string& page) {
  if (facts.discovery.empty()) return;
  begin_card("Found by DNS", page);
  begin_scrolled("Table of what DNS answered", page);
  page +=
      "<table><thead><tr><th>question<th>answer<th class=\"n\">shards<th>asked again "
      "in<th></tr></thead>"
      "<tbody>\n";
  for (const DiscoveryRow& row : facts.discovery) {
    const bool good = row.state == "ok";
    std::string answer = row.state;
    if (row.state == "stale") answer += " since " + ago(row.seconds_since_good);
    Row(page)
        .text(row.question)
        .text(answer, good ? Mood::good : Mood::warn)
        .number(row.shards)
        .text(ago(row.seconds_to_next))
        .text(row.error, Mood::quiet);
  }
  page += "</tbody></table></div>";
  end_card(page);
}

void append_bans(Subject& subject, std::string& page) {
  const auto bans = subject.bans();
  if (bans.empty()) return;
  constexpr std::array<std::string_view, 3> kKinds{"room", "prefix", "tenant"};
  begin_card("Banned", page);
  page += "<table><thead><tr><th>what<th>pattern<th class=\"n\">answer<th>set by</tr></thead><tbody>\n";
  for (std::size_t i = 0; i < std::min(bans.size(), kBans); ++i) {
    Row(page)
        .text(kKinds[static_cast<std::size_t>(bans[i].kind)])
        .text(bans[i].text)
        .number(static_cast<std::uint64_t>(bans[i].status))
        .text(bans[i].from_settings ? "settings" : "operator", Mood::quiet);
  }
  page += "</tbody></table>";
  if (bans.size() > kBans) none("and " + std::to_string(bans.size() - kBans) + " more", page);
  end_card(page);
}

}  // namespace roomgate::router::admin
