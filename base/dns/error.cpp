#include "base/dns/error.hpp"

namespace roomgate::dns {

std::string_view to_string(DnsError error) {
  switch (error) {
    case DnsError::no_such_name: return "no such name";
    case DnsError::no_data: return "no such records";
    case DnsError::refused: return "the server refuses to answer";
    case DnsError::server_failed: return "the server failed";
    case DnsError::malformed: return "malformed answer";
    case DnsError::truncated: return "truncated answer";
    case DnsError::too_many_aliases: return "too many aliases";
    case DnsError::too_large: return "too large an answer";
    case DnsError::timed_out: return "timed out";
    case DnsError::unreachable: return "no server gives an answer";
    case DnsError::bad_name: return "no valid name";
    case DnsError::busy: return "too many questions at once";
    case DnsError::cancelled: return "cancelled";
    case DnsError::system: return "system error";
  }
  return "unknown";
}

}  // namespace roomgate::dns
