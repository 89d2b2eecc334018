// How two gates recognise each other on a session that could be with a HAProxy: words behind the third line
// of the hello, which HAProxy reads only up to the first space, and the same words in the first message of
// the accepting side, of a class that HAProxy skips. Pure, any thread.
//
//   roomgate/1 life=1764195000123 hash=siphash24-rdv-1
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace roomgate::peers_sync::codec {

// Messages between gates, for which HAProxy has no use.
inline constexpr std::uint8_t kGateClass = 0x52;
// The first of them, from the accepting side, and its first message at all.
inline constexpr std::uint8_t kGateIntroduction = 128;

// What both have to speak, and the hash by which both find a room's owner.
inline constexpr unsigned kGateVersion = 1;
inline constexpr std::string_view kGateHash = "siphash24-rdv-1";

// nullopt: not a gate's words. Else the life of the gate that says them. The error: it is a gate, but one
// with which we cannot agree; why, for people.
Result<std::optional<std::uint64_t>, std::string> read_gate_words(std::string_view text);
std::string gate_words(std::uint64_t life);

// The body of the introduction: the gate's name, a space, its words.
struct Introduction {
  std::string name;
  std::uint64_t life = 0;
};
Result<Introduction, std::string> read_introduction(std::string_view body);
void append_introduction(const Introduction& introduction, std::string& out);  // the whole message

}  // namespace roomgate::peers_sync::codec
