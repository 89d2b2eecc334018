// The page for people at /stats: one look at shards, rooms, rates, refusals and certificates. Made whole on
// the server, needs no script and nothing from elsewhere, renews itself. Pure but for what it asks the
// Subject; control core.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "router/admin/subject.hpp"

namespace roomgate::router::admin {

// `prefix`: which rooms to list.
std::string stats_page(Subject& subject, std::string_view prefix, std::chrono::system_clock::time_point now);

}  // namespace roomgate::router::admin
