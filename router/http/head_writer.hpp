// Appends the pieces of a head to a string that connections reuse. The string is made long enough once, and
// cut to what was written at the end: a piece costs a comparison and a copy. Lives for one head, on the
// stack.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace roomgate::router::http {

class HeadWriter {
 public:
  // `expected`: how long the head will be, about; it grows where that was too little.
  HeadWriter(std::string& text, std::size_t expected) : text_(text) {
    const std::size_t size = text.size();
    text_.resize(size + expected);
    at_ = text_.data() + size;
    end_ = text_.data() + text_.size();
  }
  ~HeadWriter() { text_.resize(static_cast<std::size_t>(at_ - text_.data())); }
  HeadWriter(const HeadWriter&) = delete;
  HeadWriter& operator=(const HeadWriter&) = delete;

  [[gnu::always_inline]] void append(std::string_view piece) {
    if (static_cast<std::size_t>(end_ - at_) < piece.size()) [[unlikely]]
      grow(piece.size());
    std::copy_n(piece.data(), piece.size(), at_);
    at_ += piece.size();
  }

  void append_number(std::uint64_t value) {
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    append({digits.data(), static_cast<std::size_t>(end.ptr - digits.data())});
  }

 private:
  [[gnu::noinline]] void grow(std::size_t wanted) {
    const auto size = static_cast<std::size_t>(at_ - text_.data());
    text_.resize(2 * text_.size() + wanted);
    at_ = text_.data() + size;
    end_ = text_.data() + text_.size();
  }

  std::string& text_;
  char* at_;
  char* end_;
};

}  // namespace roomgate::router::http
