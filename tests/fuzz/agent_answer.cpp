// An agent's answer: bounded, the same however its bytes arrive, and what it leads to holds together.
#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "router/agent/words.hpp"

using namespace roomgate::router::agent;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto line = first_line(text);
  for (std::size_t have = 0; have <= std::min(size, kMaxLine + 1); ++have) {
    const auto early = first_line(text.substr(0, have));
    if (early && early != line) std::abort();
  }
  if (!line) return 0;
  if (line->size() > kMaxLine || line->find_first_of("\r\n") != line->npos) std::abort();
  const Answer answer = read_line(*line);
  if (answer.percent && *answer.percent > kMaxPercent) std::abort();
  if (answer.remark.size() > line->size()) std::abort();

  Memory memory;
  const bool changed = memory.hear(answer);
  const Word word = memory.word();
  if (changed && !answer.says_something()) std::abort();
  if (memory.hear(answer) || memory.word() != word) std::abort();  // saying it twice changes nothing
  if (word.percent == 0 && (word.state == Word::State::none || word.state == Word::State::ready))
    std::abort();
  return 0;
}
