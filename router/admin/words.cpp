#include "router/admin/words.hpp"

#include <array>
#include <cstdio>

namespace roomgate::router::admin {
namespace {

template <class... Arguments>
std::string format(const char* pattern, Arguments... arguments) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), pattern, arguments...);
  return text.data();
}

}  // namespace

std::string age(std::chrono::seconds time) {
  const long long s = time.count() < 0 ? 0 : time.count();
  if (s < 60) return format("%llds", s);
  if (s < 3600) return format("%lldm%02llds", s / 60, s % 60);
  if (s < 86400) return format("%lldh%02lldm", s / 3600, s % 3600 / 60);
  return format("%lldd%02lldh", s / 86400, s % 86400 / 3600);
}

std::string percent(double share) { return format("%.0f%%", share * 100); }

std::string rate(double per_second) {
  return format(per_second > 0 && per_second < 10 ? "%.1f" : "%.0f", per_second);
}

std::string milliseconds_text(double time) { return format(time < 10 ? "%.2f ms" : "%.0f ms", time); }

std::string counted(std::uint64_t count, std::string_view one) {
  return std::to_string(count) + " " + std::string(one) + (count == 1 ? "" : "s");
}

}  // namespace roomgate::router::admin
