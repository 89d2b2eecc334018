#include <algorithm>

#include "base/encoding.hpp"
#include "conf/haproxy/parts.hpp"

namespace roomgate::conf::haproxy {
namespace {

bool speaks_http(const Section& section) {
  const Line* mode = setting(section, {"mode"});
  return mode == nullptr || mode->words.size() < 2 || mode->words[1] == "http";
}

bool has_servers(const Section& section) {
  return std::any_of(section.lines.begin(), section.lines.end(), [](const Line* line) {
    return line->words[0] == "server" || line->words[0] == "server-template";
  });
}

bool sticks(const Section& section) {
  return std::any_of(section.lines.begin(), section.lines.end(),
                     [](const Line* line) { return line->words[0] == "stick" && line->words.size() > 2; });
}

// By what names a room can have in a request, not by whom it comes from.
bool hashes_by_room(const Section& section) {
  const Line* balance = setting(section, {"balance"});
  if (balance == nullptr || balance->words.size() < 2) return false;
  const std::string& how = balance->words[1];
  return how == "url_param" || how == "hash" || how == "uri" || how.starts_with("hdr(");
}

bool leads_to(const Section& front, const Section& back) {
  const Line* usual = setting(front, {"default_backend"});
  if (usual != nullptr && usual->words.size() > 1 && usual->words[1] == back.name) return true;
  return std::any_of(front.lines.begin(), front.lines.end(), [&back](const Line* line) {
    return line->words[0] == "use_backend" && line->words.size() > 1 &&
           (line->words[1] == back.name || line->words[1].starts_with("%["));
  });
}

std::string table_of(const Section& section) {
  for (const Line* line : section.lines) {
    if (line->words[0] != "stick") continue;
    for (std::size_t i = 1; i + 1 < line->words.size(); ++i) {
      if (line->words[i] == "table") return line->words[i + 1];
    }
  }
  return section.name;
}

bool only_redirects(const Section& front) {
  bool redirects = false;
  for (const Line* line : front.lines) {
    if (line->words[0] == "use_backend" || line->words[0] == "default_backend") return false;
    redirects = redirects || begins_with(*line, {"redirect", "scheme", "https"}) ||
                begins_with(*line, {"http-request", "redirect", "scheme", "https"});
  }
  return redirects;
}

}  // namespace

bool Way::has(const Section& section) const {
  return &section == table || std::find(fronts.begin(), fronts.end(), &section) != fronts.end() ||
         std::find(rooms.begin(), rooms.end(), &section) != rooms.end();
}

Way find_way(const Config& config) {
  std::vector<const Section*> fronts;
  std::vector<const Section*> candidates;
  for (const Section& section : config.sections()) {
    if (!section.is_proxy() || !speaks_http(section)) continue;
    if (section.kind != Kind::backend) fronts.push_back(&section);
    if (section.kind != Kind::frontend && has_servers(section)) candidates.push_back(&section);
  }

  // What keeps rooms together counts most; then what hashes by them; then where requests go if nothing else
  // is said.
  Way way;
  int best = -1;
  for (const Section* candidate : candidates) {
    int score = (sticks(*candidate) ? 4 : 0) + (hashes_by_room(*candidate) ? 2 : 0);
    for (const Section* front : fronts) {
      const Line* usual = setting(*front, {"default_backend"});
      if (usual != nullptr && usual->words.size() > 1 && usual->words[1] == candidate->name) {
        score += 1;
        break;
      }
    }
    if (score <= best) continue;
    best = score;
    way.rooms = {candidate};
  }
  if (way.rooms.empty()) return way;

  const Section& main = *way.rooms[0];
  const std::string table = table_of(main);
  way.table_name = table;
  way.table = config.find({Kind::backend, Kind::listen, Kind::frontend}, table);
  if (sticks(main)) {
    for (const Section* candidate : candidates) {
      if (candidate != &main && sticks(*candidate) && table_of(*candidate) == table) {
        way.rooms.push_back(candidate);
      }
    }
  }
  for (const Section* front : fronts) {
    const bool leads = std::any_of(way.rooms.begin(), way.rooms.end(), [front](const Section* room) {
      return room == front || leads_to(*front, *room);
    });
    if (leads || only_redirects(*front)) way.fronts.push_back(front);
  }
  return way;
}

}  // namespace roomgate::conf::haproxy
