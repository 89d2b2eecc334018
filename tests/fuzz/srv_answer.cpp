// Any bytes as the answer to an SRV question: what is taken is bounded, and every target is a name that could
// be asked for.
#include <cstdlib>

#include "base/dns/srv_answer.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate;

namespace {

// Four characters for a byte at most, and a dot for each label's length.
constexpr std::size_t kLongestText = 4 * 255;

bool plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '\\';
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const dns::SrvLimits limits{.max_bytes = 4096, .max_records = 64, .max_aliases = 4};
  const auto answer = dns::parse_srv_answer({data, size}, limits);
  if (!answer) {
    require(!dns::to_string(answer.error()).empty());
    require(size <= limits.max_bytes || answer.error() == dns::DnsError::too_large);
    return 0;
  }
  require(!answer->records.empty() && answer->records.size() <= limits.max_records);
  require(answer->ttl >= Duration::zero() && answer->ttl <= seconds(0x7fffffff));
  for (const dns::SrvRecord& record : answer->records) {
    require(record.target.size() <= kLongestText);
    for (const char c : record.target) require(plain(c));
  }
  return 0;
}
