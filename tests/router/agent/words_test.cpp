#include "router/agent/words.hpp"

#include <doctest.h>

#include <initializer_list>

using namespace roomgate::router::agent;
using Takes = Answer::Takes;
using State = Word::State;

namespace {

// What an agent has come to say behind these lines: "drain 75%".
std::string word_after(std::initializer_list<std::string_view> lines) {
  Memory memory;
  for (const std::string_view line : lines) (void)memory.hear(read_line(line));
  return std::string(to_text(memory.word().state)) + " " + std::to_string(memory.word().percent) + "%";
}

}  // namespace

TEST_CASE("reads the words of a line") {
  const Answer all = read_line("ready up 75%");
  CHECK(all.takes == Takes::ready);
  CHECK(all.up == true);
  CHECK(all.percent == 75);

  const Answer other = read_line("\t DRAIN,,Down 0% # disk is full, up soon");
  CHECK(other.takes == Takes::drain);
  CHECK(other.up == false);
  CHECK(other.percent == 0);
  CHECK(other.remark == " disk is full, up soon");

  CHECK(read_line("failed").up == false);
  CHECK(read_line("stopped#by hand").up == false);
  CHECK(read_line("up down").up == false);
}

TEST_CASE("passes over what it does not know") {
  for (const std::string_view line :
       {"", " ", ",", "#", "# up", "maxconn:30", "75", "%", "-1%", "1.5%", "75%%", "257%", "99999999999%",
        "upp", "ready:", "update", "\xff\xfe"}) {
    CAPTURE(line);
    CHECK_FALSE(read_line(line).says_something());
  }
  CHECK(read_line("maxconn:30 up").up == true);
  CHECK(read_line("256%").percent == 256);
}

TEST_CASE("a line counts when its agent has ended it") {
  CHECK(first_line("up\n") == "up");
  CHECK(first_line("up\r\ndown\n") == "up");
  CHECK(first_line("\n") == "");
  CHECK_FALSE(first_line("50% do"));
  CHECK_FALSE(first_line(""));
  CHECK(first_line(std::string(kMaxLine, 'x') + "\n"));
  CHECK_FALSE(first_line(std::string(kMaxLine + 1, 'x') + "\n"));
}

TEST_CASE("what a line does not speak of stays") {
  CHECK(word_after({}) == "nothing 100%");
  CHECK(word_after({"75%"}) == "nothing 75%");
  CHECK(word_after({"ready up 75%", "up"}) == "ready 75%");
  CHECK(word_after({"down"}) == "down 100%");
  CHECK(word_after({"down", "ready"}) == "down 100%");
  CHECK(word_after({"down", "up"}) == "nothing 100%");
  CHECK(word_after({"drain", "up 50%"}) == "drain 50%");
  CHECK(word_after({"drain", "down"}) == "down 100%");
  CHECK(word_after({"drain", "down", "up"}) == "drain 100%");
  CHECK(word_after({"drain", "ready"}) == "ready 100%");
  CHECK(word_after({"maint", "down"}) == "maint 100%");
  CHECK(word_after({"maint", "ready"}) == "ready 100%");
  CHECK(word_after({"0%"}) == "drain 0%");
  CHECK(word_after({"0%", "ready"}) == "drain 0%");
  CHECK(word_after({"0%", "100%"}) == "nothing 100%");
}

TEST_CASE("says when the word is another one") {
  Memory memory;
  CHECK(memory.hear(read_line("ready")));
  CHECK_FALSE(memory.hear(read_line("ready up 100%")));
  CHECK(memory.hear(read_line("99%")));
  CHECK_FALSE(memory.hear(read_line("nonsense")));
}
