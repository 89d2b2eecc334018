#include "bench/roomload/report/words.hpp"

#include <array>
#include <cmath>
#include <cstdio>

namespace roomgate::bench::roomload::report {

std::string count(std::uint64_t value) {
  std::string text = std::to_string(value);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

std::string digits(double value) {
  std::array<char, 64> text{};
  const double size = std::abs(value);
  const int decimals = size < 0.0005 ? 0 : size < 0.9995 ? 3 : size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  std::string out = text.data();
  if (out.find('.') != std::string::npos) {
    while (out.back() == '0') out.pop_back();
    if (out.back() == '.') out.pop_back();
  }
  return out;
}

double milliseconds_of(Duration value) { return std::chrono::duration<double, std::milli>(value).count(); }

std::string time(Duration value) {
  const double ms = milliseconds_of(value);
  return ms < 1000 ? digits(ms) + " ms" : digits(ms / 1000) + " s";
}

std::string percent(double share) {
  if (share <= 0) return "0 %";
  if (share < 0.00001) return "< 0.001 %";
  return digits(share * 100) + " %";
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  return percent(whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole));
}

std::string bitrate(double bits_per_second) {
  if (bits_per_second < 1e6) return digits(bits_per_second / 1e3) + " kbit/s";
  if (bits_per_second < 1e9) return digits(bits_per_second / 1e6) + " Mbit/s";
  return digits(bits_per_second / 1e9) + " Gbit/s";
}

std::string plural(std::uint64_t number, std::string_view one, std::string_view many) {
  return count(number) + " " + std::string(number == 1 ? one : many);
}

std::string people(std::uint64_t number) { return plural(number, "person", "people"); }

std::string clock_time(Duration value) {
  const auto total = std::chrono::duration_cast<seconds>(value).count();
  std::array<char, 64> text{};
  if (total >= 3600) {
    std::snprintf(text.data(), text.size(), "%lld:%02lld:%02lld", static_cast<long long>(total / 3600),
                  static_cast<long long>(total / 60 % 60), static_cast<long long>(total % 60));
  } else {
    std::snprintf(text.data(), text.size(), "%lld:%02lld", static_cast<long long>(total / 60),
                  static_cast<long long>(total % 60));
  }
  return text.data();
}

}  // namespace roomgate::bench::roomload::report
