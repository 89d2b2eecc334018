// Our side of DTLS against the shard's, without sockets.
#include "bench/roomload/transport/dtls_client.hpp"

#include <doctest/doctest.h>

#include "sfu/transport/dtls.hpp"

using namespace roomgate;
using namespace roomgate::sfu::transport;
using roomgate::bench::roomload::transport::DtlsClient;
using roomgate::bench::roomload::transport::DtlsIdentity;
using roomgate::bench::roomload::transport::SrtpChoice;

namespace {

constexpr TimePoint kStart{seconds(1000)};

struct Pair {
  explicit Pair(SrtpChoice choice, const std::string& fingerprint = "")
      : context(*DtlsContext::make()),
        identity(DtlsIdentity::make(choice)),
        server(*context, kStart),
        client(*identity, "sha-256", fingerprint.empty() ? context->fingerprint() : fingerprint) {
    server.expect("sha-256", identity->fingerprint(), kStart, out);
  }
  void shake() {
    client.start();
    for (int round = 0; round < 20; ++round) {
      const auto sent = client.take_output();
      for (const auto& datagram : sent) server.consume(datagram, kStart, out);
      const auto answers = std::exchange(out.datagrams, {});
      for (const auto& datagram : answers) client.consume(datagram);
      if (sent.empty() && answers.empty()) return;
    }
    FAIL("the handshake does not end");
  }

  DtlsOutput out;
  std::unique_ptr<DtlsContext> context;
  std::unique_ptr<DtlsIdentity> identity;
  DtlsServer server;
  DtlsClient client;
};

}  // namespace

TEST_CASE("both sides come to the same keys, under the profile that was offered") {
  for (const auto& [choice, profile] : {std::pair{SrtpChoice::gcm, SrtpProfile::aead_aes_128_gcm},
                                        std::pair{SrtpChoice::cm, SrtpProfile::aes128_cm_sha1_80},
                                        std::pair{SrtpChoice::any, SrtpProfile::aead_aes_128_gcm}}) {
    Pair pair(choice);

    pair.shake();

    REQUIRE(pair.client.state() == DtlsClient::State::connected);
    REQUIRE(pair.out.keys);
    const SrtpKeys keys = pair.client.keys();
    CHECK(keys.profile == profile);
    CHECK(keys.profile == pair.out.keys->profile);
    CHECK(keys.client.key == pair.out.keys->client.key);
    CHECK(keys.client.salt == pair.out.keys->client.salt);
    CHECK(keys.server.key == pair.out.keys->server.key);
    CHECK(keys.server.salt == pair.out.keys->server.salt);
  }
}

TEST_CASE("a server that is not the one of the offer gets no media") {
  Pair pair(
      SrtpChoice::any,
      "00:72:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:53:72:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:E4");

  pair.shake();

  CHECK(pair.client.state() == DtlsClient::State::failed);
  CHECK(pair.client.reason().find("not the one of the offer") != std::string::npos);
}

TEST_CASE("goodbyes are heard on both sides") {
  Pair pair(SrtpChoice::any);
  pair.shake();

  pair.client.close();
  for (const auto& datagram : pair.client.take_output()) pair.server.consume(datagram, kStart, pair.out);
  CHECK(pair.server.state() == DtlsState::closed);

  Pair other(SrtpChoice::any);
  other.shake();
  other.server.close(kStart, other.out);
  for (const auto& datagram : other.out.datagrams) other.client.consume(datagram);
  CHECK(other.client.state() == DtlsClient::State::closed);
}

TEST_CASE("bytes that are no DTLS change nothing") {
  Pair pair(SrtpChoice::any);
  pair.client.start();
  const std::vector<std::uint8_t> noise(100, 0x16);

  pair.client.consume(noise);
  pair.client.consume({});

  CHECK(pair.client.state() == DtlsClient::State::handshaking);
}
