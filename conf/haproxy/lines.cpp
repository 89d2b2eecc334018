#include "conf/haproxy/lines.hpp"

#include <optional>

#include "base/encoding.hpp"

namespace roomgate::conf::haproxy {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

// One line into words. A quote may begin and end inside of a word; a word may be empty only in quotes.
class Splitter {
 public:
  Splitter(std::string_view text, Line& line) : text_(text), line_(line) {}

  void run() {
    while (at_ < text_.size() && !ended_) step();
    if (quote_ != 0) line_.malformed = true;
    finish_word();
  }

 private:
  void step() {
    const char c = text_[at_++];
    if (quote_ == '\'') {
      if (c == '\'') {
        quote_ = 0;
      } else {
        word_.push_back(c);
      }
      return;
    }
    if (c == '\\') return escape();
    if (c == '"') {
      quote_ = quote_ == 0 ? '"' : '\0';
      open_ = true;
      return;
    }
    if (quote_ == '"') {
      if (c == '$') line_.has_variable = true;
      word_.push_back(c);
      return;
    }
    if (c == '\'') {
      quote_ = '\'';
      open_ = true;
    } else if (c == '#') {
      ended_ = true;
    } else if (is_blank(c)) {
      finish_word();
    } else {
      word_.push_back(c);
      open_ = true;
    }
  }

  // What stands behind a backslash; one that means nothing stays as it is, as HAProxy keeps it in regular
  // expressions.
  void escape() {
    open_ = true;
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    ++at_;
    switch (c) {
      case ' ':
      case '\\':
      case '#':
      case '\'':
      case '"':
      case '$': word_.push_back(c); return;
      case 'n': word_.push_back('\n'); return;
      case 'r': word_.push_back('\r'); return;
      case 't': word_.push_back('\t'); return;
      case 'x':
        if (at_ + 1 < text_.size()) {
          const auto high = hex_digit(text_[at_]);
          const auto low = hex_digit(text_[at_ + 1]);
          if (high && low) {
            word_.push_back(static_cast<char>(*high * 16 + *low));
            at_ += 2;
            return;
          }
        }
        line_.malformed = true;
        return;
      default: break;
    }
    word_.push_back('\\');
    --at_;
  }

  void finish_word() {
    if (open_) line_.words.push_back(std::move(word_));
    word_.clear();
    open_ = false;
  }

  std::string_view text_;
  Line& line_;
  std::size_t at_ = 0;
  char quote_ = 0;
  bool open_ = false;
  bool ended_ = false;
  std::string word_;
};

}  // namespace

Result<std::vector<Line>, std::string> read_lines(std::string_view text, const Limits& limits) {
  if (text.size() > limits.file_bytes) {
    return fail("the file has more than " + std::to_string(limits.file_bytes) + " bytes");
  }
  std::vector<Line> lines;
  int number = 0;
  int conditions = 0;
  const auto refuse = [&number](const std::string& why) {
    return fail("line " + std::to_string(number) + ": " + why);
  };
  while (!text.empty()) {
    ++number;
    const auto end = text.find('\n');
    const std::string_view raw = trimmed(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (raw.size() > limits.line_bytes) {
      return refuse("has more than " + std::to_string(limits.line_bytes) + " bytes");
    }
    if (raw.find('\0') != raw.npos) return refuse("has a NUL byte: this is no HAProxy configuration");
    Line line{.number = number, .text = std::string(raw)};
    Splitter(raw, line).run();
    if (line.words.empty()) continue;
    if (line.words.size() > limits.words) {
      return refuse("has more than " + std::to_string(limits.words) + " words");
    }
    for (const std::string& word : line.words) line.malformed = line.malformed || !is_valid_utf8(word);
    const std::string& first = line.words[0];
    if (first == ".if") ++conditions;
    line.conditional = conditions > 0 || first.starts_with('.');
    if (first == ".endif" && conditions > 0) --conditions;
    lines.push_back(std::move(line));
    if (lines.size() > limits.lines) return refuse("is one line too many: no more are read");
  }
  return lines;
}

}  // namespace roomgate::conf::haproxy
