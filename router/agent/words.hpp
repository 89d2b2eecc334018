// An agent beside a shard, in HAProxy's agent-check protocol: whoever connects gets one line of words, which
// say how the shard is. Pure; any thread.
//
//   up  down  failed  stopped     how it is ("fail" too); further text behind a # is for people
//   ready  drain  maint           what it takes: everything, no new rooms, nothing
//   N%                            share of its weight that it wants; 0 % is drain
//   maxconn:N, and what else      left alone: max_connections is the operator's
//
// What a line does not speak of stays as it was.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace roomgate::router::agent {

inline constexpr std::size_t kMaxLine = 1024;
inline constexpr std::uint32_t kMaxPercent = 256;  // as HAProxy has it

// What an agent has come to say; it counts until it says otherwise.
struct Word {
  enum class State { none, ready, drain, maint, down };
  State state = State::none;
  std::uint32_t percent = 100;  // of the shard's weight
  friend bool operator==(const Word&, const Word&) = default;
};
std::string_view to_text(Word::State state);

// One line of an agent. Where it contradicts itself the last word counts.
struct Answer {
  enum class Takes : std::uint8_t { ready, drain, maint };
  std::optional<bool> up;
  std::optional<Takes> takes;
  std::optional<std::uint32_t> percent;
  std::string_view remark;  // of the line given

  bool says_something() const { return up.has_value() || takes.has_value() || percent.has_value(); }
};
Answer read_line(std::string_view line);

// The first line of what has been received, without its end; nullopt: there is no whole one yet. A line
// that its agent did not end was cut off, and may mean the opposite of what it began to say.
std::optional<std::string_view> first_line(std::string_view received);

// The sum of all lines so far.
class Memory {
 public:
  // True: word() is another one now.
  bool hear(const Answer& answer);
  const Word& word() const { return word_; }

 private:
  bool down_ = false;
  std::optional<Answer::Takes> takes_;
  std::uint32_t percent_ = 100;
  Word word_;
};

}  // namespace roomgate::router::agent
