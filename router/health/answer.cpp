#include "router/health/answer.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

namespace roomgate::router::health {
namespace {

constexpr std::size_t kMaxName = 256;

// It goes into headers.
bool is_header_safe(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

std::optional<std::uint64_t> count_of(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains({name.data(), name.size()});
  if (value == nullptr || !value->is_number()) return std::nullopt;
  boost::system::error_code error;
  const auto count = value->to_number<std::uint64_t>(error);
  return error ? std::nullopt : std::optional(count);
}

std::optional<int> parse_status(std::string_view text) {
  const bool digits = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (text.size() != 3 || !digits || text.front() < '1' || text.front() > '5') return std::nullopt;
  return (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
}

}  // namespace

std::optional<StatusRange> parse_status_range(std::string_view text) {
  if (text.size() == 3 && text.ends_with("xx")) {
    const auto first = parse_status(std::string{text.front(), '0', '0'});
    if (!first) return std::nullopt;
    return StatusRange{*first, *first + 99};
  }
  const auto dash = text.find('-');
  const auto first = parse_status(text.substr(0, dash));
  const auto last = dash == text.npos ? first : parse_status(text.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return StatusRange{*first, *last};
}

Answer read_answer(int status, std::string_view body, const std::vector<StatusRange>& expected) {
  constexpr int kUnavailable = 503;
  Answer answer;
  answer.ok = std::any_of(expected.begin(), expected.end(),
                          [status](const StatusRange& range) { return range.contains(status); });
  answer.soft = !answer.ok && status == kUnavailable;
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
  answer.rooms = count_of(*object, "rooms");
  answer.participants = count_of(*object, "participants");
  if (const auto* state = object->if_contains("state"); state != nullptr && state->is_string()) {
    answer.refuses_new_rooms = state->get_string() == "drain" || state->get_string() == "full";
  }
  return answer;
}

}  // namespace roomgate::router::health
