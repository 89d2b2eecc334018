// Why a participant could not do what it was to do, for the person who can mend it: a kind to count by, and
// one sentence that names the address, the path or the name it is about. A value; any thread.
#pragma once

#include <string>
#include <string_view>

namespace roomgate::bench::roomload::signal {

enum class ProblemKind {
  name,         // the host name has no address
  refused,      // nobody listens there
  unreachable,  // no route, or no answer in time
  tls,          // the certificate, or no TLS at all
  not_jitsi,    // something answers, but not a Jitsi-compatible shard
  not_allowed,  // the room, or the login, is refused
  full,         // the shard or the room takes nobody more
  ice,          // signalling went well, but no datagram came back
  dtls,
  lost,      // it was there, and went: a connection that broke, a session that was ended
  protocol,  // the other side said something that it must not
  local,     // this machine: descriptors, memory
};
std::string_view to_string(ProblemKind kind);

struct Problem {
  ProblemKind kind = ProblemKind::protocol;
  std::string text;
};

}  // namespace roomgate::bench::roomload::signal
