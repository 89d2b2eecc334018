#include "router/gate/words.hpp"

#include <array>
#include <charconv>

namespace roomgate::router::gate {
namespace {

using route::Ban;
using route::Bans;
using std::chrono::system_clock;

constexpr std::string_view kState = "shard-state/";
constexpr std::string_view kBan = "ban/";
constexpr std::array kKinds{Ban::Kind::room, Ban::Kind::prefix, Ban::Kind::tenant};
constexpr std::int64_t kLatest = 9'000'000'000;  // of Unix: what a clock of nanoseconds can tell

}  // namespace

std::string_view to_text(Ban::Kind kind) {
  switch (kind) {
    case Ban::Kind::room: return "room";
    case Ban::Kind::prefix: return "prefix";
    case Ban::Kind::tenant: return "tenant";
  }
  return "";
}

std::string state_word(std::string_view shard) { return std::string(kState).append(shard); }

std::string state_value(const StateSaid& said) {
  std::string value(balance::to_text(said.state));
  if (!said.deadline) return value;
  const auto since = said.deadline->time_since_epoch();
  return value + " " + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(since).count());
}

std::optional<StateSaid> read_state(std::string_view value) {
  const auto space = value.find(' ');
  const auto state = balance::parse_shard_state(value.substr(0, space));
  if (!state) return std::nullopt;
  StateSaid said{.state = *state, .deadline = std::nullopt};
  if (space == value.npos) return said;
  const std::string_view digits = value.substr(space + 1);
  std::int64_t at = 0;
  const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), at);
  if (wrong != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (at < 0 || at > kLatest || *state != balance::ShardState::drain) return std::nullopt;
  said.deadline = system_clock::time_point(std::chrono::seconds(at));
  return said;
}

std::string ban_word(const Ban& ban) {
  return std::string(kBan).append(to_text(ban.kind)).append("/").append(ban.text);
}

std::string ban_value(const Ban& ban) { return std::to_string(ban.status); }

std::optional<std::string_view> shard_of_state_word(std::string_view name) {
  if (!name.starts_with(kState) || name.size() == kState.size()) return std::nullopt;
  return name.substr(kState.size());
}

std::optional<BanSaid> read_ban(std::string_view name, std::string_view value) {
  if (!name.starts_with(kBan)) return std::nullopt;
  name.remove_prefix(kBan.size());
  const auto slash = name.find('/');
  if (slash == name.npos) return std::nullopt;
  for (const Ban::Kind kind : kKinds) {
    if (to_text(kind) != name.substr(0, slash)) continue;
    const Ban ban = Bans::normalised(
        {.kind = kind, .text = std::string(name.substr(slash + 1)), .status = value == "429" ? 429 : 403});
    if (ban.text.empty() || ban.text.size() > Bans::kLongest) return std::nullopt;
    if (!value.empty() && value != "403" && value != "429") return std::nullopt;
    return BanSaid{.ban = ban, .lifted = value.empty()};
  }
  return std::nullopt;
}

}  // namespace roomgate::router::gate
