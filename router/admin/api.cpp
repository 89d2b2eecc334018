#include "router/admin/api.hpp"

#include <openssl/crypto.h>

#include <array>

#include "router/admin/replies.hpp"
#include "router/admin/resources.hpp"
#include "router/admin/stats_page.hpp"

namespace roomgate::router::admin {
namespace {

using http::Method;

using Resource = ApiResponse (*)(Subject&, const ApiRequest&, std::string_view rest, bool may_write);
constexpr std::array<std::pair<std::string_view, Resource>, 6> kResources{{
    {"status", status_resource},
    {"shards", shards_resource},
    {"rooms", rooms_resource},
    {"bans", bans_resource},
    {"discovery", discovery_resource},
    {"peers", peers_resource},
}};

ApiResponse text(int status, std::string body) {
  return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(body)};
}

bool may_write(const ApiRequest& request, Access access, std::string_view token) {
  if (access == Access::full) return true;
  constexpr std::string_view kScheme = "Bearer ";
  if (token.empty() || !request.authorization.starts_with(kScheme)) return false;
  const auto given = request.authorization.substr(kScheme.size());
  return given.size() == token.size() && CRYPTO_memcmp(given.data(), token.data(), token.size()) == 0;
}

}  // namespace

ApiResponse answer(Subject& subject, const ApiRequest& asked, Access access, std::string_view token) {
  // A HEAD is a GET whose body the server leaves out.
  ApiRequest request = asked;
  if (request.method == Method::head) request.method = Method::get;
  const bool get = request.method == Method::get;
  std::string_view path = request.path;
  if (get && path == "/live") return text(200, "live\n");
  if (get && path == "/ready") {
    return subject.status().ready ? text(200, "ready\n") : text(503, "not ready: draining\n");
  }
  if (get && path == "/metrics") {
    const auto format = metrics::asked_for(request.accept);
    return {.content_type = std::string(metrics::content_type(format)), .body = subject.metrics_text(format)};
  }
  if (access == Access::probe) return refuse(404, "not here");
  if (get && (path == "/stats" || path == "/")) {
    StatsPage page = stats_page(subject, parameter(request.query, "prefix"), !token.empty(),
                                std::chrono::system_clock::now());
    return {.content_type = "text/html; charset=utf-8",
            .body = std::move(page.html),
            .content_security_policy = std::move(page.policy)};
  }
  constexpr std::string_view kRoot = "/api/v1/";
  if (!path.starts_with(kRoot)) return refuse(404, "not here");
  path.remove_prefix(kRoot.size());
  const auto slash = path.find('/');
  const auto rest = slash == path.npos ? std::string_view() : path.substr(slash + 1);
  for (const auto& [name, resource] : kResources) {
    if (name == path.substr(0, slash))
      return resource(subject, request, rest, may_write(request, access, token));
  }
  return refuse(404, "not here");
}

}  // namespace roomgate::router::admin
