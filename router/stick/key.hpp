// A room's key as an entry keeps it: one of usual length lies inside the object, so that comparing it reads
// no memory but the entry's own. Never changes. A value, any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace roomgate::router::stick {

class Key {
 public:
  static constexpr std::size_t kInside = 39;

  explicit Key(std::string_view text) : text_(Short{}) {
    if (text.size() > kInside) {
      text_ = std::string(text);
    } else {
      Short& inside = std::get<Short>(text_);
      inside.size = static_cast<std::uint8_t>(text.size());
      std::copy(text.begin(), text.end(), inside.text.begin());
    }
  }

  std::string_view view() const {
    if (const Short* inside = std::get_if<Short>(&text_)) return {inside->text.data(), inside->size};
    return std::get<std::string>(text_);
  }

 private:
  struct Short {
    std::uint8_t size;
    std::array<char, kInside> text;
  };
  std::variant<Short, std::string> text_;
};

}  // namespace roomgate::router::stick
