// What a bridge knows of each endpoint's traffic: values, a few seconds old at most, for people and their
// dashboards. Nothing is decided by them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace roomgate::sfu::bridge {

// A video as one receiver gets it.
struct VideoReport {
  std::uint32_t ssrc = 0;  // as announced
  std::string source;      // its name; filled in where names are known
  int wanted_height = 0;   // negative: as high as there is
  int spatial = -1;        // the layers that are sent; -1: none
  int temporal = -1;
};

struct TrafficReport {
  double bits_per_second = 0;
  double packets_per_second = 0;
  double loss = 0;  // share of packets
};

struct EndpointReport {
  std::uint64_t key = 0;
  std::string id;
  TrafficReport in;   // from it
  TrafficReport out;  // to it
  Duration round_trip{};
  double estimate = -1;  // of what its path carries, bit/s; negative: not known
  int wanted_videos = 0;
  int last_n = -1;               // at most so many are sent now, the worker being busy; negative: no limit
  bool limited = false;          // less than it wants, for lack of bandwidth
  std::uint64_t dropped = 0;     // packets from it beyond what one sender may send
  bool rewritten = false;        // it gets everything under SSRCs of ours
  std::uint64_t relabelled = 0;  // times that one of them went to another source
  std::vector<VideoReport> videos;
};

struct ConferenceReport {
  std::string id;
  std::vector<EndpointReport> endpoints;
};

struct WorkerReport {
  double stress = 0;
  int last_n = -1;
};

struct BridgeReport {
  std::vector<WorkerReport> workers;
  std::vector<ConferenceReport> conferences;
};

}  // namespace roomgate::sfu::bridge
