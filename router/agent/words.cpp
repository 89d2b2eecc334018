#include "router/agent/words.hpp"

#include <charconv>

#include "base/encoding.hpp"

namespace roomgate::router::agent {
namespace {

using Takes = Answer::Takes;

constexpr std::string_view kSeparators = " \t,";
constexpr std::string_view kLineEnds = "\r\n";

std::optional<std::uint32_t> percent_of(std::string_view word) {
  if (!word.ends_with('%')) return std::nullopt;
  word.remove_suffix(1);
  std::uint32_t percent = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), percent);
  if (error != std::errc() || end != word.data() + word.size() || percent > kMaxPercent) return std::nullopt;
  return percent;
}

void read_word(std::string_view word, Answer& answer) {
  const auto is = [word](std::string_view known) { return ascii_iequals(word, known); };
  if (is("up")) {
    answer.up = true;
  } else if (is("down") || is("failed") || is("fail") || is("stopped")) {
    answer.up = false;
  } else if (is("ready")) {
    answer.takes = Takes::ready;
  } else if (is("drain")) {
    answer.takes = Takes::drain;
  } else if (is("maint")) {
    answer.takes = Takes::maint;
  } else if (const auto percent = percent_of(word)) {
    answer.percent = percent;
  }
}

}  // namespace

std::string_view to_text(Word::State state) {
  switch (state) {
    case Word::State::none: return "nothing";
    case Word::State::ready: return "ready";
    case Word::State::drain: return "drain";
    case Word::State::maint: return "maint";
    case Word::State::down: return "down";
  }
  return "";
}

std::optional<std::string_view> first_line(std::string_view received) {
  const auto end = received.find_first_of(kLineEnds);
  if (end == received.npos || end > kMaxLine) return std::nullopt;
  return received.substr(0, end);
}

Answer read_line(std::string_view line) {
  Answer answer;
  const auto hash = line.find('#');
  if (hash != line.npos) {
    answer.remark = line.substr(hash + 1);
    line = line.substr(0, hash);
  }
  while (true) {
    const auto begin = line.find_first_not_of(kSeparators);
    if (begin == line.npos) return answer;
    line.remove_prefix(begin);
    const auto end = std::min(line.find_first_of(kSeparators), line.size());
    read_word(line.substr(0, end), answer);
    line.remove_prefix(end);
  }
}

bool Memory::hear(const Answer& answer) {
  if (answer.up) down_ = !*answer.up;
  if (answer.takes) takes_ = answer.takes;
  if (answer.percent) percent_ = *answer.percent;

  Word next{.state = Word::State::none, .percent = percent_};
  if (takes_ == Takes::maint) {
    next.state = Word::State::maint;  // nothing goes there, up or down
  } else if (down_) {
    next.state = Word::State::down;
  } else if (takes_ == Takes::drain || percent_ == 0) {
    next.state = Word::State::drain;
  } else if (takes_ == Takes::ready) {
    next.state = Word::State::ready;
  }
  const bool changed = next != word_;
  word_ = next;
  return changed;
}

}  // namespace roomgate::router::agent
