#include "router/admin/api.hpp"

#include <openssl/crypto.h>

#include <array>

#include "router/admin/replies.hpp"
#include "router/admin/resources.hpp"
#include "router/admin/stats_page.hpp"

namespace roomgate::router::admin {
namespace {

using http::Method;

// Those that need nobody else's answer; rooms do.
using Resource = ApiResponse (*)(Subject&, const ApiRequest&, std::string_view rest, bool may_write);
constexpr std::array<std::pair<std::string_view, Resource>, 5> kResources{{
    {"status", status_resource},
    {"shards", shards_resource},
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

ApiResponse readiness(const Status& status) {
  if (status.ready) return text(200, "ready\n");
  return text(503, "not ready: " + (status.draining ? "draining" : status.not_ready) + "\n");
}

ApiResponse metrics_answer(Subject& subject, std::string_view accept) {
  const auto format = metrics::asked_for(accept);
  return {.content_type = std::string(metrics::content_type(format)), .body = subject.metrics_text(format)};
}

ApiResponse page_answer(Subject& subject, const ApiRequest& request, std::string_view token) {
  StatsPage page = stats_page(subject, parameter(request.query, "prefix"), !token.empty(),
                              std::chrono::system_clock::now());
  return {.content_type = "text/html; charset=utf-8",
          .body = std::move(page.html),
          .content_security_policy = std::move(page.policy)};
}

}  // namespace

net::Task<ApiResponse> answer(Subject& subject, ApiRequest request, Access access, std::string_view token) {
  // A HEAD is a GET whose body the server leaves out.
  if (request.method == Method::head) request.method = Method::get;
  const bool get = request.method == Method::get;
  std::string_view path = request.path;
  // Probes wait for nobody.
  if (get && path == "/live") co_return text(200, "live\n");
  if (get && path == "/ready") co_return readiness(subject.status());
  // What is asked of this front door alone is in its own table.
  if (!get || scope_of(request.query) == Scope::everywhere) co_await subject.look();
  if (get && path == "/metrics") co_return metrics_answer(subject, request.accept);
  if (access == Access::probe) co_return refuse(404, "not here");
  if (get && (path == "/stats" || path == "/")) co_return page_answer(subject, request, token);
  constexpr std::string_view kRoot = "/api/v1/";
  if (!path.starts_with(kRoot)) co_return refuse(404, "not here");
  path.remove_prefix(kRoot.size());
  const auto slash = path.find('/');
  const auto rest = slash == path.npos ? std::string_view() : path.substr(slash + 1);
  const bool writes = may_write(request, access, token);
  if (path.substr(0, slash) == "rooms") co_return co_await rooms_resource(subject, request, rest, writes);
  for (const auto& [name, resource] : kResources) {
    if (name == path.substr(0, slash)) co_return resource(subject, request, rest, writes);
  }
  co_return refuse(404, "not here");
}

}  // namespace roomgate::router::admin
