// Any bytes as a STUN message: parsed, verified, and put before an agent both as request and as response.
#include <cstdint>
#include <cstdlib>

#include "sfu/transport/ice.hpp"
#include "sfu/transport/stun.hpp"

using namespace roomgate;
using namespace roomgate::sfu::transport;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = StunMessageView::parse({data, size});
  if (!message) return 0;
  const HmacSha1 key(as_bytes("VOkJxbRl1RmTxUk/WvJxBt"));
  const bool authentic = message->integrity_matches(key) && message->fingerprint_matches();
  if (message->username.size() > size) std::abort();

  const TimePoint now = TimePoint{} + seconds(100);
  IceAgent agent({"evtj", "VOkJxbRl1RmTxUk/WvJxBt"});
  IceOutput out;
  const Address from = *Address::parse("192.0.2.1:32853");
  const bool taken = agent.on_binding(*message, from, now, out);
  if (taken && !authentic) std::abort();
  for (const IceDatagram& datagram : out.datagrams()) {
    if (datagram.size > size) std::abort();  // an answer larger than its request
  }
  out.clear();
  agent.set_remote("h6vY", "VOkJxbRl1RmTxUk/WvJxBt", now, out);
  agent.on_response(*message, from, now, out);
  agent.tick(now + seconds(1), out);
  return 0;
}
