// Log lines an operator can read at three in the morning: one line, the event first, then key=value. No
// payload, no secrets. Any thread (spdlog underneath). Each LOG site is limited to 10 lines a second; what
// was left out is counted on the next line of that site, so that a flood tells its size and does not fill the
// disk.
//
//   LOG(warn, "shard_down", {"shard", name}, {"reason", "connect refused"}, {"failures", 3});
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace roomgate::log {

enum class Level { debug, info, warn, error };

struct Field {
  std::string_view key;
  std::string value;

  Field(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  Field(std::string_view k, bool v) : key(k), value(v ? "true" : "false") {}
  template <class Number>
  requires std::is_arithmetic_v<Number> Field(std::string_view k, Number v)
      : key(k), value(std::to_string(v)) {}
};

// Where lines go: stderr. `program` stands on every line. Call once, before threads start.
void init(std::string_view program, Level threshold);
bool enabled(Level level);

// The rate limit of one LOG site.
class Site {
 public:
  // Lines left out since the last one let through; -1: leave this one out too.
  std::int64_t admit();

 private:
  std::atomic<std::int64_t> second_{0};
  std::atomic<int> lines_{0};
  std::atomic<std::int64_t> left_out_{0};
};

void write(Level level, Site& site, std::string_view event, std::initializer_list<Field> fields);

}  // namespace roomgate::log

#define LOG(level, event, ...)                                                                \
  do {                                                                                        \
    static ::roomgate::log::Site log_site_;                                                   \
    if (::roomgate::log::enabled(::roomgate::log::Level::level)) {                            \
      ::roomgate::log::write(::roomgate::log::Level::level, log_site_, event, {__VA_ARGS__}); \
    }                                                                                         \
  } while (false)
