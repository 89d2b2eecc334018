// The page at /stats, part by part. Parts with data-live are renewed in place by the page's script; forms
// stand outside of them, so that nothing that is being typed is disturbed. Pure but for what is asked of the
// Subject.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "router/admin/subject.hpp"

namespace roomgate::router::admin {

// Asked once for the whole page.
struct StatsFacts {
  Status status;
  Overview overview;
  std::vector<ShardRow> shards;
  std::vector<DiscoveryRow> discovery;
  Peers peers;
  std::chrono::system_clock::time_point now;
};

// stats_style.cpp, stats_script.cpp: the whole of what the page's policy allows.
extern const std::string_view kStatsStyle;
extern const std::string_view kStatsScript;

// stats_shards.cpp
void append_shards(const StatsFacts& facts, std::string& page);

// stats_sections.cpp
// What somebody should look at now, worst first; their number.
std::size_t append_alerts(const StatsFacts& facts, std::string& page);
void append_tiles(const StatsFacts& facts, std::string& page);
void append_rooms(Subject& subject, std::string_view prefix, const StatsFacts& facts, std::string& page);
void append_refusals(const StatsFacts& facts, std::string& page);
void append_certificates(const StatsFacts& facts, std::string& page);
void append_discovery(const StatsFacts& facts, std::string& page);
void append_bans(Subject& subject, std::string& page);
// stats_peers.cpp
void append_peers(const StatsFacts& facts, std::string& page);

// Is it neither well nor as the operator wants it?
enum class ShardHealth : std::uint8_t { up, soft, down };
ShardHealth health_of(const ShardRow& row);

}  // namespace roomgate::router::admin
