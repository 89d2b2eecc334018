// Any bytes as an RTP packet. First byte: the profile. As they are they must not open; protected first, they
// must come back as they were, once, and not with any one byte changed.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "sfu/transport/srtp.hpp"

using namespace roomgate;
using namespace roomgate::sfu::transport;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || size > 2000) return 0;
  constexpr SrtpProfile kProfiles[] = {SrtpProfile::aead_aes_128_gcm, SrtpProfile::aead_aes_256_gcm,
                                       SrtpProfile::aes128_cm_sha1_80};
  const SrtpProfile profile = kProfiles[data[0] % 3];
  SrtpMasterKey key;
  key.key.fill(0x42);
  key.salt.fill(0x17);
  SrtpSession sender(profile, key, SrtpDirection::protect);
  SrtpSession receiver(profile, key, SrtpDirection::unprotect);

  const std::vector<std::uint8_t> plain(data + 1, data + size);
  std::vector<std::uint8_t> raw = plain;
  if (receiver.unprotect_rtp(raw)) std::abort();

  std::vector<std::uint8_t> sealed = plain;
  sealed.resize(plain.size() + SrtpSession::kMaxOverhead);
  const auto sealed_size = sender.protect_rtp(sealed, plain.size());
  if (!sealed_size) return 0;
  sealed.resize(*sealed_size);
  std::vector<std::uint8_t> broken = sealed;
  broken[data[0] % broken.size()] ^= 1;
  if (receiver.unprotect_rtp(broken)) std::abort();
  std::vector<std::uint8_t> again = sealed;
  const auto opened = receiver.unprotect_rtp(sealed);
  if (!opened || *opened != plain.size() || !std::equal(plain.begin(), plain.end(), sealed.begin()))
    std::abort();
  const auto repeated = receiver.unprotect_rtp(again);
  if (repeated || repeated.error() != SrtpError::replayed) std::abort();
  return 0;
}
