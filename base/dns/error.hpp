// Why a DNS question has no answer, in the words the callers decide by. Values, any thread.
#pragma once

#include <string_view>

namespace roomgate::dns {

enum class DnsError {
  no_such_name,  // NXDOMAIN: the server is sure
  no_data,       // the name is there, what was asked for is not
  refused,       // by the server's policy
  server_failed,
  malformed,         // the answer cannot be read
  truncated,         // even over TCP
  too_many_aliases,  // a CNAME chain that is too long, or goes round
  too_large,
  timed_out,
  unreachable,  // no server can be reached, or all have failed
  bad_name,     // this is no name to ask for
  busy,         // too many questions are open
  cancelled,    // the resolver is going
  system,       // out of descriptors or memory
};

std::string_view to_string(DnsError error);

// The server has said that nothing is there; all else says nothing about what is there.
constexpr bool means_none(DnsError error) {
  return error == DnsError::no_such_name || error == DnsError::no_data;
}

}  // namespace roomgate::dns
