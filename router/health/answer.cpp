#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "router/health/checker.hpp"

namespace roomgate::router::health {
namespace {

constexpr std::size_t kMaxName = 256;

// It goes into headers.
bool is_header_safe(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

Answer read_answer(int status, std::string_view body) {
  Answer answer;
  answer.ok = status == 200;
  if (!answer.ok) answer.reason = "status " + std::to_string(status);
  boost::system::error_code error;
  const auto parsed = boost::json::parse({body.data(), body.size()}, error);
  const auto* object = error ? nullptr : parsed.if_object();
  if (object == nullptr) return answer;
  if (const auto* shard = object->if_contains("shard"); shard != nullptr && shard->is_string()) {
    const auto& name = shard->get_string();
    if (!name.empty() && name.size() <= kMaxName && is_header_safe(name))
      answer.announced = std::string(name);
  }
  if (const auto* stress = object->if_contains("stress"); stress != nullptr && stress->is_number()) {
    answer.load = std::clamp(stress->to_number<double>(), 0.0, 1.0);
  }
  if (const auto* state = object->if_contains("state"); state != nullptr && state->is_string()) {
    answer.refuses_new_rooms = state->get_string() == "drain" || state->get_string() == "full";
  }
  return answer;
}

}  // namespace roomgate::router::health
