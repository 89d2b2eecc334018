#include "conf/haproxy/lines.hpp"

#include <doctest/doctest.h>

using namespace roomgate::conf::haproxy;

namespace {

std::vector<std::string> words_of(std::string_view text) {
  const auto lines = read_lines(text);
  REQUIRE(lines);
  REQUIRE(lines->size() == 1);
  return lines->front().words;
}

}  // namespace

TEST_CASE("a line becomes words as HAProxy reads them") {
  using Words = std::vector<std::string>;
  struct Row {
    const char* text;
    Words words;
  };
  const Row rows[] = {
      {"  bind\t*:80  ", {"bind", "*:80"}},
      {"bind *:80 # plain", {"bind", "*:80"}},
      {"bind *:80#plain", {"bind", "*:80"}},
      {R"(path \# \\ a\ b)", {"path", "#", "\\", "a b"}},
      {R"(log-format "a # b" 'c # "d"' e"f g"h)", {"log-format", "a # b", "c # \"d\"", "ef gh"}},
      {R"(x "" '')", {"x", "", ""}},
      {R"(x "say \"hi\" \$HOME")", {"x", "say \"hi\" $HOME"}},
      {R"(x 'no \escape\')", {"x", "no \\escape\\"}},
      {R"(httpchk HTTP/1.1\r\nHost:\ web)", {"httpchk", "HTTP/1.1\r\nHost: web"}},
      {R"(x \x41\x7e)", {"x", "A~"}},
      {R"(x ^/a\.b\d+$)", {"x", "^/a\\.b\\d+$"}},
      {"x y\r\n", {"x", "y"}},
  };

  for (const Row& row : rows) CHECK(words_of(row.text) == row.words);
}

TEST_CASE("lines keep their numbers and their text; blank ones and comments are left out") {
  const auto lines = read_lines("# head\n\nglobal\n  maxconn 5  # few\n   # no\nlisten a");

  REQUIRE(lines);
  REQUIRE(lines->size() == 3);
  CHECK((*lines)[0].number == 3);
  CHECK((*lines)[1].number == 4);
  CHECK((*lines)[1].text == "maxconn 5  # few");
  CHECK((*lines)[2].number == 6);
}

TEST_CASE("variables stay as they are and are told of, in double quotes only") {
  const auto lines = read_lines("a \"$HOME/x\"\nb '$HOME' $HOME \"\\$HOME\"\nc \"${PORT}\"");

  REQUIRE(lines);
  CHECK((*lines)[0].has_variable);
  CHECK((*lines)[0].words[1] == "$HOME/x");
  CHECK(!(*lines)[1].has_variable);
  CHECK((*lines)[2].has_variable);
}

TEST_CASE("what stands between .if and its .endif is conditional, nested or not") {
  const auto lines =
      read_lines("a\n.if defined(X)\nb\n.if 1\nc\n.endif\nd\n.else\ne\n.endif\nf\n.notice x\n");

  REQUIRE(lines);
  std::string conditional;
  for (const Line& line : *lines) conditional += line.conditional ? line.words[0] + " " : "";
  CHECK(conditional == ".if b .if c .endif d .else e .endif .notice ");
}

TEST_CASE("a quote without end, a wrong number and bytes that are no text make a line malformed") {
  for (const char* text : {"a \"b", "a 'b", R"(a \xg1)", R"(a \x4)", "a \xff"}) {
    const auto lines = read_lines(text);

    REQUIRE(lines);
    CHECK(lines->front().malformed);
  }
}

TEST_CASE("every bound is told with its line") {
  const Limits limits{.file_bytes = 100, .lines = 3, .line_bytes = 10, .words = 3};

  CHECK(read_lines(std::string(101, '\n'), limits).error() == "the file has more than 100 bytes");
  CHECK(read_lines("a\nb\nc\nd", limits).error() == "line 4: is one line too many: no more are read");
  CHECK(read_lines("a\n12345678901", limits).error() == "line 2: has more than 10 bytes");
  CHECK(read_lines("a b c d", limits).error() == "line 1: has more than 3 words");
  CHECK(read_lines(std::string("a\n\0b", 4), limits).error() ==
        "line 2: has a NUL byte: this is no HAProxy configuration");
  CHECK(read_lines("a\nb\nc", limits));
}
