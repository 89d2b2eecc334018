#include "router/limits/refusal.hpp"

#include <doctest.h>

#include <set>

using namespace roomgate::router::limits;

TEST_CASE("every limit has a setting and a label of its own") {
  std::set<std::string_view> settings;
  std::set<std::string_view> labels;
  for (std::size_t i = 0; i < kLimits; ++i) {
    CHECK(settings.insert(setting_of(static_cast<Limit>(i))).second);
    CHECK(labels.insert(label_of(static_cast<Limit>(i))).second);
  }
  CHECK(!settings.contains(""));
  CHECK(!labels.contains(""));
}
