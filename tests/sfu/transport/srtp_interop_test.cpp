// Ours against libsrtp2, packet by packet: the same packets go into both senders, whatever comes out goes
// through a bad network into both receivers, and at every step bytes and verdicts must be equal.
#include <doctest/doctest.h>
#include <srtp2/srtp.h>

#include <algorithm>
#include <array>
#include <deque>
#include <random>
#include <vector>

#include "base/random.hpp"
#include "sfu/transport/srtp.hpp"

using namespace roomgate;
using namespace roomgate::sfu::transport;

namespace {

using Bytes = std::vector<std::uint8_t>;

struct Reference {
  Reference(SrtpProfile profile, const SrtpMasterKey& master, bool inbound) {
    static const bool ready = srtp_init() == srtp_err_status_ok;
    REQUIRE(ready);
    const auto theirs = static_cast<srtp_profile_t>(profile);
    srtp_policy_t policy{};
    REQUIRE(srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, theirs) == srtp_err_status_ok);
    REQUIRE(srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, theirs) == srtp_err_status_ok);
    std::array<std::uint8_t, 46> material{};
    std::copy_n(master.key.begin(), key_size(profile), material.begin());
    std::copy_n(master.salt.begin(), salt_size(profile),
                material.begin() + static_cast<std::ptrdiff_t>(key_size(profile)));
    policy.key = material.data();
    policy.ssrc.type = inbound ? ssrc_any_inbound : ssrc_any_outbound;
    policy.window_size = 128;
    REQUIRE(srtp_create(&session, &policy) == srtp_err_status_ok);
  }
  ~Reference() { srtp_dealloc(session); }

  srtp_t session = nullptr;
};

std::optional<SrtpError> meaning(srtp_err_status_t status) {
  switch (status) {
    case srtp_err_status_ok: return std::nullopt;
    case srtp_err_status_replay_fail: return SrtpError::replayed;
    case srtp_err_status_replay_old: return SrtpError::old;
    case srtp_err_status_auth_fail: return SrtpError::authentication_failed;
    default: return SrtpError::bad_header;
  }
}

// Any mixture of CSRCs, one-byte, two-byte and odd extensions, payload sizes.
Bytes random_packet(std::mt19937& random, std::uint32_t ssrc, std::uint16_t sequence) {
  Bytes out(12);
  out[0] = 0x80;
  out[1] = static_cast<std::uint8_t>(96 + random() % 16);
  store16(&out[2], sequence);
  store32(&out[4], static_cast<std::uint32_t>(random()));
  store32(&out[8], ssrc);
  if (random() % 4 == 0) {
    const std::size_t count = random() % 16;
    out[0] = static_cast<std::uint8_t>(out[0] | count);
    for (std::size_t i = 0; i < count * 4; ++i) out.push_back(static_cast<std::uint8_t>(random()));
  }
  if (random() % 2 == 0) {
    out[0] |= 0x10;
    const std::size_t words = random() % 20;
    const std::uint16_t forms[] = {0xbede, 0x1000, 0x1005, 0xabcd};
    const std::size_t at = out.size();
    out.resize(at + 4 + words * 4);
    store16(&out[at], forms[random() % 4]);
    store16(&out[at + 2], static_cast<std::uint16_t>(words));
    for (std::size_t i = at + 4; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(random());
  }
  const std::size_t payload = random() % 8 == 0 ? 1000 + random() % 200 : 1 + random() % 120;
  const std::size_t at = out.size();
  out.resize(at + payload);
  for (std::size_t i = at; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(i * 7 + sequence);
  return out;
}

void compare_rtp(SrtpProfile profile, int packets, CipherEngine& engine) {
  const std::uint32_t seed = random_u32();
  MESSAGE("seed " << seed);
  std::mt19937 random(seed);
  SrtpMasterKey master;
  random_bytes(master.key);
  random_bytes(master.salt);
  SrtpSession sender(profile, master, SrtpDirection::protect, {}, engine);
  SrtpSession receiver(profile, master, SrtpDirection::unprotect, {}, engine);
  Reference their_sender(profile, master, false);
  Reference their_receiver(profile, master, true);
  struct Stream {
    std::uint32_t ssrc;
    std::uint16_t next;
    bool wild;  // loses more than half a turn now and then
  };
  std::vector<Stream> streams;
  for (std::uint32_t i = 0; i < 12; ++i) {
    // Some begin just before a wrap, as any number may be the first.
    const auto first = static_cast<std::uint16_t>(i % 3 == 0 ? 65'300 + random() % 236 : random());
    streams.push_back({static_cast<std::uint32_t>(random()) | 1, first, i >= 10});
  }
  std::deque<Bytes> network;
  std::uint64_t refused_sends = 0;
  std::uint64_t refused_arrivals = 0;
  std::uint64_t opened = 0;
  for (int i = 0; i < packets; ++i) {
    Stream& stream = streams[random() % streams.size()];
    std::uint16_t sequence = stream.next;
    switch (random() % 40) {
      case 0:
        sequence = static_cast<std::uint16_t>(sequence - 1 - random() % 160);
        break;  // again, or filled in late
      case 1: sequence = static_cast<std::uint16_t>(sequence + random() % 3000); break;  // a burst was lost
      case 2: sequence = static_cast<std::uint16_t>(sequence + (stream.wild ? random() % 65'536 : 0)); break;
      default: sequence = static_cast<std::uint16_t>(sequence + random() % 40); break;
    }
    if (static_cast<std::uint16_t>(sequence - stream.next) < 0x8000)
      stream.next = static_cast<std::uint16_t>(sequence + 1);

    const Bytes plain = random_packet(random, stream.ssrc, sequence);
    Bytes ours = plain;
    ours.resize(plain.size() + SRTP_MAX_TRAILER_LEN);
    Bytes theirs = ours;
    int their_size = static_cast<int>(plain.size());
    const auto verdict = sender.protect_rtp(ours, plain.size());
    const auto their_verdict = meaning(srtp_protect(their_sender.session, theirs.data(), &their_size));
    REQUIRE(verdict.ok() == !their_verdict);
    if (!verdict) {
      REQUIRE(verdict.error() == *their_verdict);
      ++refused_sends;
      continue;
    }
    REQUIRE(*verdict == static_cast<std::size_t>(their_size));
    ours.resize(*verdict);
    theirs.resize(*verdict);
    REQUIRE(ours == theirs);

    // Lost, in order, swapped with a near one, twice, or broken.
    if (random() % 30 == 0) continue;
    const std::size_t back = random() % 6 == 0 ? std::min<std::size_t>(network.size(), random() % 200) : 0;
    network.insert(network.end() - static_cast<std::ptrdiff_t>(back), ours);
    if (random() % 30 == 0) network.push_back(ours);
    if (random() % 50 == 0) {
      Bytes broken = ours;
      broken[random() % broken.size()] ^= static_cast<std::uint8_t>(1u << (random() % 8));
      network.push_back(broken);
    }
    while (network.size() > 256 || (i + 1 == packets && !network.empty())) {
      Bytes arrived = network.front();
      network.pop_front();
      Bytes at_theirs = arrived;
      int size = static_cast<int>(at_theirs.size());
      const auto result = receiver.unprotect_rtp(arrived);
      const auto their_result = meaning(srtp_unprotect(their_receiver.session, at_theirs.data(), &size));
      REQUIRE(result.ok() == !their_result);
      if (!result) {
        // Which of two things wrong with a broken header is found first, may differ.
        const bool header = result.error() == SrtpError::bad_header || *their_result == SrtpError::bad_header;
        REQUIRE((header || result.error() == *their_result));
        ++refused_arrivals;
        continue;
      }
      REQUIRE(*result == static_cast<std::size_t>(size));
      REQUIRE(std::equal(arrived.begin(), arrived.begin() + size, at_theirs.begin()));
      ++opened;
    }
  }
  CHECK(opened > static_cast<std::uint64_t>(packets) / 4);
  CHECK(refused_sends > 0);
  CHECK(refused_arrivals > 0);
}

void compare_rtcp(SrtpProfile profile, int packets, CipherEngine& engine) {
  const std::uint32_t seed = random_u32();
  MESSAGE("seed " << seed);
  std::mt19937 random(seed);
  SrtpMasterKey master;
  random_bytes(master.key);
  random_bytes(master.salt);
  SrtpSession sender(profile, master, SrtpDirection::protect, {}, engine);
  SrtpSession receiver(profile, master, SrtpDirection::unprotect, {}, engine);
  Reference their_sender(profile, master, false);
  Reference their_receiver(profile, master, true);
  std::vector<std::uint32_t> streams;
  const auto make = [&](std::uint32_t ssrc) {
    Bytes out(8 + 4 * (random() % 40));
    for (std::uint8_t& b : out) b = static_cast<std::uint8_t>(random());
    out[0] = 0x81;
    out[1] = static_cast<std::uint8_t>(200 + random() % 8);
    store16(&out[2], static_cast<std::uint16_t>(out.size() / 4 - 1));
    store32(&out[4], ssrc);
    return out;
  };
  for (int i = 0; i < 5; ++i) {
    streams.push_back(static_cast<std::uint32_t>(random()) | 1);
    // libsrtp's first index is 1, ours 0 (RFC 3711 3.4 says 0): one packet sets both level.
    Bytes first = make(streams.back());
    const std::size_t size = first.size();
    first.resize(size + SrtpSession::kMaxOverhead);
    REQUIRE(sender.protect_rtcp(first, size).ok());
  }
  std::deque<Bytes> network;
  std::uint64_t opened = 0;
  std::uint64_t refused = 0;
  for (int i = 0; i < packets; ++i) {
    const Bytes plain = make(streams[random() % streams.size()]);
    Bytes ours = plain;
    ours.resize(plain.size() + SRTP_MAX_TRAILER_LEN + 4);
    Bytes theirs = ours;
    int their_size = static_cast<int>(plain.size());
    const auto verdict = sender.protect_rtcp(ours, plain.size());
    REQUIRE(verdict);
    REQUIRE(srtp_protect_rtcp(their_sender.session, theirs.data(), &their_size) == srtp_err_status_ok);
    REQUIRE(*verdict == static_cast<std::size_t>(their_size));
    ours.resize(*verdict);
    theirs.resize(*verdict);
    REQUIRE(ours == theirs);

    const std::size_t back = random() % 6 == 0 ? std::min<std::size_t>(network.size(), random() % 200) : 0;
    network.insert(network.end() - static_cast<std::ptrdiff_t>(back), ours);
    if (random() % 20 == 0) network.push_back(ours);
    if (random() % 20 == 0) {
      Bytes broken = ours;
      broken[8 + random() % (broken.size() - 8)] ^= static_cast<std::uint8_t>(1u << (random() % 8));
      network.push_back(broken);
    }
    while (network.size() > 1000 || (i + 1 == packets && !network.empty())) {
      Bytes arrived = network.front();
      network.pop_front();
      Bytes at_theirs = arrived;
      int size = static_cast<int>(at_theirs.size());
      const auto result = receiver.unprotect_rtcp(arrived);
      const auto their_result = meaning(srtp_unprotect_rtcp(their_receiver.session, at_theirs.data(), &size));
      REQUIRE(result.ok() == !their_result);
      if (!result) {
        ++refused;
        continue;
      }
      REQUIRE(*result == static_cast<std::size_t>(size));
      REQUIRE(std::equal(arrived.begin(), arrived.begin() + size, at_theirs.begin()));
      ++opened;
    }
  }
  CHECK(opened > static_cast<std::uint64_t>(packets) / 4);
  CHECK(refused > 0);
}

}  // namespace

TEST_CASE("RTP under AES-128-GCM is the same as libsrtp2's over 100,000 packets") {
  compare_rtp(SrtpProfile::aead_aes_128_gcm, 100'000, evp_engine());
}

TEST_CASE("RTP under AES-128-CM with HMAC-SHA1-80 is the same as libsrtp2's over 100,000 packets") {
  compare_rtp(SrtpProfile::aes128_cm_sha1_80, 100'000, evp_engine());
}

TEST_CASE("RTP under AES-256-GCM is the same as libsrtp2's") {
  compare_rtp(SrtpProfile::aead_aes_256_gcm, 20'000, evp_engine());
}

TEST_CASE("RTCP is the same as libsrtp2's under each profile") {
  compare_rtcp(SrtpProfile::aead_aes_128_gcm, 20'000, evp_engine());
  compare_rtcp(SrtpProfile::aes128_cm_sha1_80, 20'000, evp_engine());
  compare_rtcp(SrtpProfile::aead_aes_256_gcm, 5'000, evp_engine());
}

TEST_CASE("the multi-buffer engine is the same as libsrtp2 as well") {
  CipherEngine* const engine = multi_buffer_engine();
  if (engine == nullptr) {
    MESSAGE("skipped: no multi-buffer library, or no processor for it");
    return;
  }
  compare_rtp(SrtpProfile::aead_aes_128_gcm, 100'000, *engine);
  compare_rtp(SrtpProfile::aead_aes_256_gcm, 20'000, *engine);
  compare_rtp(SrtpProfile::aes128_cm_sha1_80, 20'000, *engine);
  compare_rtcp(SrtpProfile::aead_aes_128_gcm, 20'000, *engine);
  compare_rtcp(SrtpProfile::aead_aes_256_gcm, 5'000, *engine);
}
