// The resources below /api/v1/, a file each: what they answer, and their rows as JSON. `rest` is the path
// behind the resource's name, without the slash; `may_write` whether this caller may change anything. Called
// on the control core.
#pragma once

#include <string_view>

#include "router/admin/api.hpp"
#include "router/admin/subject.hpp"

namespace roomgate::router::admin {

// status_api.cpp
ApiResponse status_resource(Subject& subject, const ApiRequest& request, std::string_view rest,
                            bool may_write);
ApiResponse discovery_resource(Subject& subject, const ApiRequest& request, std::string_view rest,
                               bool may_write);
ApiResponse peers_resource(Subject& subject, const ApiRequest& request, std::string_view rest,
                           bool may_write);
// shards_api.cpp
ApiResponse shards_resource(Subject& subject, const ApiRequest& request, std::string_view rest,
                            bool may_write);
// rooms_api.cpp; the request outlives the task
net::Task<ApiResponse> rooms_resource(Subject& subject, const ApiRequest& request, std::string_view rest,
                                      bool may_write);
// bans_api.cpp
ApiResponse bans_resource(Subject& subject, const ApiRequest& request, std::string_view rest, bool may_write);

}  // namespace roomgate::router::admin
