// The lines that open a session. The connecting side says hello, the other answers a status. Pure, any
// thread.
//
//   HAProxyS 2.1 LF   name of the receiver LF   name of the sender, pid, relative pid, words LF        200 LF
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace roomgate::peers_sync::codec {

enum class Status : std::uint16_t {
  accepted = 200,
  try_later = 300,       // our own name, while one with it is here
  protocol_error = 501,  // not this protocol
  bad_version = 502,
  wrong_name = 503,    // the receiver is somebody else
  unknown_peer = 504,  // the sender is nobody we know
};

inline constexpr std::size_t kMaxHello = 1024;

struct Hello {
  unsigned minor = 1;  // of version 2; 0: no timed updates
  std::string to;
  std::string from;
  std::string process = "1";  // pid; told for people only
  std::string words;          // behind all that HAProxy knows of (gate_hello.hpp); may be empty

  bool timed_updates() const { return minor >= 1; }
};

struct HelloRead {
  Hello hello;
  std::size_t size = 0;  // bytes it took
};

// nullopt: there is more to come. The error is what to answer before closing. Whom the names speak of is for
// the session to judge.
Result<std::optional<HelloRead>, Status> read_hello(ByteView input);
void append_hello(const Hello& hello, std::string& out);

struct StatusRead {
  unsigned code = 0;
  std::size_t size = 0;
};
// nullopt: more to come. False: no status.
Result<std::optional<StatusRead>, bool> read_status(ByteView input);
void append_status(Status status, std::string& out);

}  // namespace roomgate::peers_sync::codec
