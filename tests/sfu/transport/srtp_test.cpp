#include "sfu/transport/srtp.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "base/random.hpp"

using namespace roomgate;
using namespace roomgate::sfu::transport;

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr SrtpProfile kProfiles[] = {SrtpProfile::aead_aes_128_gcm, SrtpProfile::aead_aes_256_gcm,
                                     SrtpProfile::aes128_cm_sha1_80};

SrtpMasterKey some_key() {
  SrtpMasterKey key;
  random_bytes(key.key);
  random_bytes(key.salt);
  return key;
}

// With room for the tag behind it.
struct Packet {
  Bytes bytes;
  std::size_t size = 0;
  ByteSpan view() { return ByteSpan(bytes).first(size); }
};

Packet rtp(std::uint32_t ssrc, std::uint16_t sequence, std::size_t payload = 50) {
  Packet packet{Bytes(12 + payload + SrtpSession::kMaxOverhead, std::uint8_t(sequence)), 12 + payload};
  packet.bytes[0] = 0x80;
  packet.bytes[1] = 111;
  store16(&packet.bytes[2], sequence);
  store32(&packet.bytes[4], 3000);
  store32(&packet.bytes[8], ssrc);
  return packet;
}

Packet rtcp(std::uint32_t ssrc, std::size_t payload = 20) {
  Packet packet{Bytes(8 + payload + SrtpSession::kMaxOverhead, 7), 8 + payload};
  packet.bytes[0] = 0x81;
  packet.bytes[1] = 201;
  store16(&packet.bytes[2], static_cast<std::uint16_t>((8 + payload) / 4 - 1));
  store32(&packet.bytes[4], ssrc);
  return packet;
}

struct Pair {
  explicit Pair(SrtpProfile profile, SrtpLimits limits = {}) : Pair(profile, some_key(), limits) {}
  Pair(SrtpProfile profile, const SrtpMasterKey& key, SrtpLimits limits)
      : sender(profile, key, SrtpDirection::protect, limits),
        receiver(profile, key, SrtpDirection::unprotect, limits) {}

  Packet sealed(Packet packet) {
    const auto size = sender.protect_rtp(packet.bytes, packet.size);
    REQUIRE(size);
    packet.size = *size;
    return packet;
  }
  Packet sealed_rtcp(Packet packet) {
    const auto size = sender.protect_rtcp(packet.bytes, packet.size);
    REQUIRE(size);
    packet.size = *size;
    return packet;
  }

  SrtpSession sender;
  SrtpSession receiver;
};

}  // namespace

TEST_CASE("shard rule 10: refuses a packet it has seen, and one that is older than its memory") {
  for (const SrtpProfile profile : kProfiles) {
    Pair pair(profile);
    std::vector<Packet> packets;
    for (std::uint16_t sequence = 0; sequence < 200; ++sequence)
      packets.push_back(pair.sealed(rtp(1, sequence)));
    Packet first = packets[0];
    Packet last = packets[199];
    for (std::size_t i = 1; i < packets.size(); ++i)
      CHECK(pair.receiver.unprotect_rtp(packets[i].view()).ok());

    CHECK(pair.receiver.unprotect_rtp(first.view()).error() == SrtpError::old);
    CHECK(pair.receiver.unprotect_rtp(last.view()).error() == SrtpError::replayed);
  }
}

TEST_CASE("shard rule 10: never protects two packets under one index") {
  for (const SrtpProfile profile : kProfiles) {
    Pair pair(profile);
    pair.sealed(rtp(1, 500));
    pair.sealed(rtp(1, 499));
    Packet again = rtp(1, 500);
    Packet long_ago = rtp(1, 300);

    CHECK(pair.sender.protect_rtp(again.bytes, again.size).error() == SrtpError::replayed);
    CHECK(pair.sender.protect_rtp(long_ago.bytes, long_ago.size).error() == SrtpError::old);
    // The same number of another stream is another index.
    Packet other = rtp(2, 500);
    CHECK(pair.sender.protect_rtp(other.bytes, other.size).ok());
  }
}

TEST_CASE("carries the rollover counter over wraps, reordered packets included") {
  for (const SrtpProfile profile : kProfiles) {
    Pair pair(profile);
    std::vector<Packet> packets;
    for (std::uint32_t i = 0; i < 200'000; i += 97)
      packets.push_back(pair.sealed(rtp(9, std::uint16_t(60'000 + i))));
    for (std::size_t i = 0; i + 1 < packets.size(); i += 2) std::swap(packets[i], packets[i + 1]);
    std::size_t opened = 0;

    // A step of 97 is within the window of 128, so each swapped pair is still in time.
    for (Packet& packet : packets) opened += pair.receiver.unprotect_rtp(packet.view()).ok() ? 1 : 0;

    CHECK(opened == packets.size());
  }
}

TEST_CASE("shard rule 13: nothing about a stream changes before a packet of it was authentic") {
  for (const SrtpProfile profile : kProfiles) {
    Pair pair(profile);
    Packet good = pair.sealed(rtp(1, 10));
    CHECK(pair.receiver.unprotect_rtp(good.view()).ok());
    Packet forged = rtp(1, 30'000, 60);
    Packet stranger = rtp(2, 1, 60);

    CHECK(pair.receiver.unprotect_rtp(forged.view()).error() == SrtpError::authentication_failed);
    CHECK(pair.receiver.unprotect_rtp(stranger.view()).error() == SrtpError::authentication_failed);

    CHECK(pair.receiver.rtp_streams() == 1);
    Packet next = pair.sealed(rtp(1, 11));
    CHECK(pair.receiver.unprotect_rtp(next.view()).ok());
  }
}

TEST_CASE("refuses headers whose parts do not fit the packet") {
  for (const SrtpProfile profile : kProfiles) {
    Pair pair(profile);
    const auto protect_error = [&](Packet packet) {
      return pair.sender.protect_rtp(packet.bytes, packet.size).error();
    };
    Packet short_one = rtp(1, 1, 0);
    short_one.size = 11;
    CHECK(protect_error(short_one) == SrtpError::too_short);
    Packet version = rtp(1, 1);
    version.bytes[0] = 0x40;
    CHECK(protect_error(version) == SrtpError::bad_header);
    Packet sources = rtp(1, 1, 59);
    sources.bytes[0] = 0x8f;
    CHECK(protect_error(sources) == SrtpError::bad_header);
    Packet cut_extension = rtp(1, 1, 3);
    cut_extension.bytes[0] = 0x90;
    CHECK(protect_error(cut_extension) == SrtpError::bad_header);
    Packet long_extension = rtp(1, 1, 40);
    long_extension.bytes[0] = 0x90;
    store32(&long_extension.bytes[12], 0xbede000a);
    CHECK(protect_error(long_extension) == SrtpError::bad_header);
    Packet exact_extension = rtp(1, 1, 40);
    exact_extension.bytes[0] = 0x90;
    store32(&exact_extension.bytes[12], 0xbede0009);
    CHECK(pair.sender.protect_rtp(exact_extension.bytes, exact_extension.size).ok());
    Packet no_room = rtp(1, 2);
    CHECK(pair.sender.protect_rtp(no_room.view(), no_room.size).error() == SrtpError::no_room);

    Packet tagless = rtp(1, 1, tag_size(profile) - 1);
    CHECK(pair.receiver.unprotect_rtp(tagless.view()).error() == SrtpError::too_short);
    Packet wrong_version = rtp(1, 1);
    wrong_version.bytes[0] = 0xc0;
    CHECK(pair.receiver.unprotect_rtp(wrong_version.view()).error() == SrtpError::bad_header);
    CHECK(pair.receiver.unprotect_rtp(ByteSpan{}).error() == SrtpError::too_short);
  }
}

TEST_CASE("leaves header, CSRCs and extensions readable and hides the rest") {
  for (const SrtpProfile profile : kProfiles) {
    Pair pair(profile);
    Packet packet = rtp(1, 1, 8 + 4 + 8 + 30);
    packet.bytes[0] = 0x92;  // two CSRCs and an extension
    store32(&packet.bytes[20], 0x10000002);
    const Bytes plain(packet.bytes.begin(), packet.bytes.begin() + static_cast<std::ptrdiff_t>(packet.size));
    const std::ptrdiff_t payload = 12 + 8 + 4 + 8;

    Packet sealed = pair.sealed(packet);

    CHECK(std::equal(plain.begin(), plain.begin() + payload, sealed.bytes.begin()));
    CHECK(!std::equal(plain.begin() + payload, plain.end(), sealed.bytes.begin() + payload));
    const auto size = pair.receiver.unprotect_rtp(sealed.view());
    REQUIRE(size);
    CHECK(*size == plain.size());
    CHECK(std::equal(plain.begin(), plain.end(), sealed.bytes.begin()));
  }
}

TEST_CASE("counts RTCP packets and refuses repeated, changed and plain ones") {
  for (const SrtpProfile profile : kProfiles) {
    Pair pair(profile);
    std::vector<Packet> packets;
    for (int i = 0; i < 150; ++i) packets.push_back(pair.sealed_rtcp(rtcp(5)));
    Packet first = packets[0];
    Packet last = packets[149];
    Packet changed = packets[149];
    changed.bytes[10] ^= 1;
    for (std::size_t i = 1; i < 149; ++i) CHECK(pair.receiver.unprotect_rtcp(packets[i].view()).ok());

    CHECK(pair.receiver.unprotect_rtcp(changed.view()).error() == SrtpError::authentication_failed);
    CHECK(pair.receiver.unprotect_rtcp(packets[149].view()).ok());
    CHECK(pair.receiver.unprotect_rtcp(last.view()).error() == SrtpError::replayed);
    CHECK(pair.receiver.unprotect_rtcp(first.view()).error() == SrtpError::old);

    Packet plain = rtcp(5, 40);
    std::fill(plain.bytes.begin() + 8, plain.bytes.end(), std::uint8_t{0});
    CHECK(pair.receiver.unprotect_rtcp(plain.view()).error() == SrtpError::bad_header);  // no E flag
    Packet tiny = rtcp(5, 0);
    CHECK(pair.receiver.unprotect_rtcp(tiny.view()).error() == SrtpError::too_short);
    Packet headless = rtcp(5);
    CHECK(pair.sender.protect_rtcp(headless.bytes, 7).error() == SrtpError::too_short);
    CHECK(pair.sender.protect_rtcp(headless.view(), headless.size).error() == SrtpError::no_room);
    headless.bytes[0] = 0x01;
    CHECK(pair.sender.protect_rtcp(headless.bytes, headless.size).error() == SrtpError::bad_header);
  }
}

TEST_CASE("keeps as many streams as it may and no more") {
  Pair pair(SrtpProfile::aead_aes_128_gcm, {.max_streams = 100});
  Pair other(SrtpProfile::aead_aes_128_gcm);
  for (std::uint32_t ssrc = 1; ssrc <= 100; ++ssrc) {
    Packet packet = pair.sealed(rtp(ssrc * 0x10001, 1));
    CHECK(pair.receiver.unprotect_rtp(packet.view()).ok());
  }
  Packet one_more = rtp(7, 1);

  CHECK(pair.sender.protect_rtp(one_more.bytes, one_more.size).error() == SrtpError::table_full);
  CHECK(pair.receiver.unprotect_rtp(one_more.view()).error() == SrtpError::table_full);
  CHECK(pair.receiver.rtp_streams() == 100);
  for (std::uint32_t ssrc = 1; ssrc <= 100; ++ssrc) {
    Packet packet = pair.sealed(rtp(ssrc * 0x10001, 2));
    CHECK(pair.receiver.unprotect_rtp(packet.view()).ok());
  }
}

TEST_CASE("a batch does what one call per packet does, over several sessions") {
  const std::uint32_t seed = std::random_device{}();
  MESSAGE("seed " << seed);
  std::mt19937 random(seed);
  for (const SrtpProfile profile : kProfiles) {
    std::vector<SrtpMasterKey> keys;
    for (int i = 0; i < 5; ++i) keys.push_back(some_key());
    std::vector<std::unique_ptr<Pair>> single;
    std::vector<std::unique_ptr<Pair>> batched;
    for (const SrtpMasterKey& key : keys) {
      single.push_back(std::make_unique<Pair>(profile, key, SrtpLimits{}));
      batched.push_back(std::make_unique<Pair>(profile, key, SrtpLimits{}));
    }
    std::vector<std::uint16_t> sequence(5, 65'500);
    for (int round = 0; round < 60; ++round) {
      std::vector<Packet> expected;
      std::vector<Packet> actual;
      std::vector<std::size_t> owner;
      std::vector<std::optional<SrtpError>> errors;
      const std::size_t count = 1 + random() % 80;
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t who = random() % 5;
        Packet packet = rtp(static_cast<std::uint32_t>(1 + random() % 3), sequence[who]++, random() % 300);
        if (random() % 10 == 0) packet.bytes[0] = 0;
        if (random() % 10 == 0) --sequence[who];  // the next one repeats it
        owner.push_back(who);
        actual.push_back(packet);
        const auto size = single[who]->sender.protect_rtp(packet.bytes, packet.size);
        errors.push_back(size ? std::nullopt : std::optional(size.error()));
        if (size) packet.size = *size;
        expected.push_back(packet);
      }
      std::vector<SrtpPacket> batch;
      for (std::size_t i = 0; i < count; ++i) {
        batch.push_back({&batched[owner[i]]->sender, actual[i].bytes, actual[i].size, {}});
      }

      SrtpSession::protect_rtp(batch);

      std::vector<SrtpPacket> back;
      for (std::size_t i = 0; i < count; ++i) {
        REQUIRE(batch[i].error == errors[i]);
        if (batch[i].error) continue;
        REQUIRE(batch[i].size == expected[i].size);
        REQUIRE(actual[i].bytes == expected[i].bytes);
        back.push_back({&batched[owner[i]]->receiver, actual[i].bytes, batch[i].size, {}});
      }
      // Some come twice, some broken.
      std::vector<Packet> copies;
      copies.reserve(back.size());
      for (std::size_t i = 0, n = back.size(); i < n; ++i) {
        if (random() % 8 != 0) continue;
        copies.push_back({Bytes(back[i].buffer.begin(), back[i].buffer.end()), back[i].size});
        back.push_back({back[i].session, copies.back().bytes, copies.back().size, {}});
      }
      std::size_t broken = back.size();
      if (!back.empty() && random() % 2 == 0) {
        broken = random() % back.size();
        back[broken].buffer[back[broken].size - 1] ^= 1;
      }
      std::vector<Packet> reference;
      std::vector<std::optional<SrtpError>> verdicts;
      for (SrtpPacket& packet : back) {
        Packet copy{Bytes(packet.buffer.begin(), packet.buffer.end()), packet.size};
        std::size_t who = 0;
        while (&batched[who]->receiver != packet.session) ++who;
        const auto size = single[who]->receiver.unprotect_rtp(copy.view());
        verdicts.push_back(size ? std::nullopt : std::optional(size.error()));
        if (size) copy.size = *size;
        reference.push_back(copy);
      }

      SrtpSession::unprotect_rtp(back);

      for (std::size_t i = 0; i < back.size(); ++i) {
        REQUIRE(back[i].error.has_value() == verdicts[i].has_value());
        if (back[i].error) continue;
        REQUIRE(back[i].size == reference[i].size);
        REQUIRE(std::equal(back[i].buffer.begin(),
                           back[i].buffer.begin() + static_cast<std::ptrdiff_t>(back[i].size),
                           reference[i].bytes.begin()));
      }
    }
  }
}
