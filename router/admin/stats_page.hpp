// The page for people at /stats: one look at shards by region, rooms, rates, refusals, DNS, bans and
// certificates. Made whole on the server and readable without script; with it, the page renews itself in
// place and an operator who gives the token gets buttons. Nothing comes from elsewhere, and the page's policy
// lets only its own script and style run. Control core.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "router/admin/subject.hpp"

namespace roomgate::router::admin {

struct StatsPage {
  std::string html;
  std::string policy;  // for Content-Security-Policy
};

// `prefix`: which rooms to list. `takes_token`: there is one that allows changes.
StatsPage stats_page(Subject& subject, std::string_view prefix, bool takes_token,
                     std::chrono::system_clock::time_point now);

}  // namespace roomgate::router::admin
