#include "router/admin/stats_page.hpp"

#include <openssl/sha.h>

#include <array>

#include "base/encoding.hpp"
#include "router/admin/stats_html.hpp"
#include "router/admin/stats_parts.hpp"
#include "router/admin/words.hpp"

namespace roomgate::router::admin {
namespace {

// Three doors in a frame.
constexpr std::string_view kIcon =
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' "
    "height='16' rx='3' fill='%232458d3'/%3E%3Cpath d='M3 13V5h2v8zm4 0V3h2v10zm4 0V7h2v6z' "
    "fill='white'/%3E%3C/svg%3E";

std::string source_hash(std::string_view text) {
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), digest.data());
  return "'sha256-" + to_base64(digest) + "'";
}

// By their hashes: whatever a name may smuggle into the page, it is none of these two.
const std::string& policy() {
  static const std::string text = "default-src 'none'; script-src " + source_hash(kStatsScript) +
                                  "; style-src " + source_hash(kStatsStyle) +
                                  "; img-src data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
                                  "frame-ancestors 'none'";
  return text;
}

void append_head(const StatsFacts& facts, std::size_t alerts, std::string& page) {
  page +=
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      "<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>\n";
  page += "<title>" + (alerts > 0 ? "(" + std::to_string(alerts) + ") " : "") + escaped(facts.status.name) +
          " - roomgate</title>\n";
  page.append("<link rel=\"icon\" href=\"").append(kIcon).append("\">\n");
  page.append("<style>").append(kStatsStyle).append("</style></head><body>\n");
}

void append_summary(const StatsFacts& facts, std::string_view alerts, std::string& page) {
  const Status& status = facts.status;
  page += "<div id=\"summary\" data-live>\n<p class=\"state\">";
  page += status.draining ? pill("draining", Mood::warn)
          : status.ready  ? pill("ready", Mood::good)
                          : pill(status.not_ready.empty() ? "not ready" : status.not_ready, Mood::bad);
  page += "<span class=\"quiet\">" + (status.region.empty() ? "" : "in " + escaped(status.region) + ", ") +
          "running for " + age(std::chrono::seconds(static_cast<std::int64_t>(status.uptime_seconds))) +
          ", on " + counted(status.threads, "thread") + "</span></p>\n";
  page += alerts;
  append_tiles(facts, page);
  page += "</div>\n";
}

void append_operator(bool takes_token, std::string& page) {
  if (!takes_token) {
    page +=
        "<p class=\"quiet operator\">to look at; changes: <code>roomgate drain SHARD</code> on this "
        "machine</p>\n";
    return;
  }
  page +=
      "<form id=\"operator\" class=\"operator\" hidden autocomplete=\"off\"><label>operator token "
      "<input type=\"password\" id=\"token\" autocomplete=\"off\" "
      "required></label><button>use</button></form>\n"
      "<p id=\"signed\" class=\"operator\" hidden><span class=\"quiet\">changes allowed</span><button "
      "type=\"button\" "
      "id=\"leave\">forget the token</button></p>\n";
}

constexpr std::string_view kDialog = R"(<p id="told" role="status" hidden></p>
<dialog id="confirm" aria-labelledby="question"><form method="dialog">
<h2 id="question"></h2><p id="consequence"></p>
<p id="until"><label>what is left then <select id="deadline"><option value="">stays until it ends</option><option value="15m">is moved after 15 minutes</option><option value="30m">is moved after 30 minutes</option><option value="1h">is moved after an hour</option><option value="2h">is moved after two hours</option></select></label></p>
<p class="choice"><button value="no">Cancel</button><button value="yes" class="primary" id="yes"></button></p></form></dialog>
)";

}  // namespace

StatsPage stats_page(Subject& subject, std::string_view prefix, bool takes_token,
                     std::chrono::system_clock::time_point now) {
  const StatsFacts facts{.status = subject.status(),
                         .overview = subject.overview(),
                         .shards = subject.shards(),
                         .discovery = subject.discovery(),
                         .peers = subject.peers(),
                         .now = now};
  std::string alerts;
  const std::size_t alert_count = append_alerts(facts, alerts);
  std::string page;
  append_head(facts, alert_count, page);
  page += "<header><h1>" + escaped(facts.status.name) + "</h1><p id=\"live\" class=\"quiet\"></p>\n";
  append_operator(takes_token, page);
  page += "</header>\n<main>\n";
  append_summary(facts, alerts, page);
  page += "<div id=\"shards\" data-live>\n";
  append_shards(facts, page);
  page +=
      "</div>\n<h2>Busiest rooms</h2>\n<div class=\"card\"><form method=\"get\" "
      "class=\"filter\"><label>beginning with "
      "<input name=\"prefix\" autocomplete=\"off\" value=\"" +
      escaped(prefix) + "\"></label><button>list</button></form>\n<div id=\"rooms\" data-live>";
  append_rooms(subject, prefix, facts, page);
  page += "</div></div>\n<div id=\"more\" class=\"more\" data-live>\n";
  append_refusals(facts, page);
  append_discovery(facts, page);
  append_bans(subject, page);
  append_certificates(facts, page);
  append_peers(facts, page);
  page +=
      "</div>\n</main>\n<footer class=\"quiet\">For machines: <a href=\"/metrics\">/metrics</a>, "
      "<a href=\"/api/v1/status\">/api/v1/status</a></footer>\n";
  page += kDialog;
  page.append("<script>").append(kStatsScript).append("</script>\n</body></html>\n");
  return {std::move(page), policy()};
}

}  // namespace roomgate::router::admin
