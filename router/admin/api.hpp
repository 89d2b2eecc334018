// The admin endpoint's answers: request in, response out, no socket. Called on the control core; what the
// request's views point into outlives the task.
#pragma once

#include <string>
#include <string_view>

#include "router/admin/subject.hpp"
#include "router/http/types.hpp"

namespace roomgate::router::admin {

// What a listener allows.
enum class Access {
  probe,  // /live /ready /metrics
  read,   // everything that changes nothing; changes need the token
  full,   // the unix socket: its file mode is the guard
};

struct ApiRequest {
  http::Method method = http::Method::get;
  std::string_view path;
  std::string_view query;
  std::string_view authorization;
  std::string_view accept;
  std::string_view body;
};

struct ApiResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string content_security_policy;  // of pages
};

// `token`: empty means that nobody may change anything over TCP.
net::Task<ApiResponse> answer(Subject& subject, ApiRequest request, Access access, std::string_view token);

}  // namespace roomgate::router::admin
