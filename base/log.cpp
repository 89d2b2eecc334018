#include "base/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/clock.hpp"

namespace roomgate::log {
namespace {

constexpr int kLinesPerSecond = 10;

std::atomic<int> g_threshold{static_cast<int>(Level::warn)};

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warn: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

// Values with spaces or quotes are quoted, control bytes are escaped: one event stays one line, whatever a
// client sends.
void append_value(std::string& out, std::string_view value) {
  const bool plain =
      !value.empty() && value.find_first_of(" \"=\\") == std::string_view::npos &&
      std::none_of(value.begin(), value.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (plain) {
    out += value;
    return;
  }
  out.push_back('"');
  for (char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20 || byte == 0x7f) {
      constexpr std::string_view kHex = "0123456789abcdef";
      out += "\\x";
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

}  // namespace

void init(std::string_view program, Level threshold) {
  auto logger = spdlog::stderr_logger_mt(std::string(program));
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %n %^%l%$ %v");
  logger->set_level(spdlog::level::debug);
  logger->flush_on(spdlog::level::debug);
  spdlog::set_default_logger(std::move(logger));
  g_threshold.store(static_cast<int>(threshold), std::memory_order_relaxed);
}

bool enabled(Level level) { return static_cast<int>(level) >= g_threshold.load(std::memory_order_relaxed); }

std::int64_t Site::admit() {
  const auto now = std::chrono::duration_cast<seconds>(Clock::now().time_since_epoch()).count();
  // Two threads may both see a new second; a line more or less does not matter, a lock would.
  if (second_.exchange(now, std::memory_order_relaxed) != now) lines_.store(0, std::memory_order_relaxed);
  if (lines_.fetch_add(1, std::memory_order_relaxed) >= kLinesPerSecond) {
    left_out_.fetch_add(1, std::memory_order_relaxed);
    return -1;
  }
  return left_out_.exchange(0, std::memory_order_relaxed);
}

void write(Level level, Site& site, std::string_view event, std::initializer_list<Field> fields) {
  const std::int64_t left_out = site.admit();
  if (left_out < 0) return;
  std::string line(event);
  for (const Field& field : fields) {
    line.push_back(' ');
    line += field.key;
    line.push_back('=');
    append_value(line, field.value);
  }
  if (left_out > 0) line += " left_out=" + std::to_string(left_out);
  spdlog::default_logger_raw()->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace roomgate::log
