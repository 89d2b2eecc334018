#include "sfu/transport/dtls.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <utility>

#include "tests/sfu/transport/dtls_client.hpp"

using namespace roomgate;
using namespace roomgate::sfu::transport;

namespace {

const DtlsContext& context() {
  static const std::unique_ptr<DtlsContext> made = std::move(DtlsContext::make()).value();
  return *made;
}

// A client and a server, a network between them that loses what `lost` says, and time.
class Scene {
 public:
  explicit Scene(DtlsClientOptions options = {}, DtlsLimits limits = {})
      : client(options), server(context(), TimePoint{} + seconds(500), limits) {}

  void expect() { expect("sha-256", client.fingerprint()); }
  void expect(std::string_view hash, const std::string& value) {
    server.expect(hash, value, now, out);
    collect();
  }

  // Until neither side has anything to say.
  void talk() {
    client.step();
    for (int turn = 0; turn < 50; ++turn) {
      const auto to_server = std::exchange(client.sent, {});
      for (const Datagram& datagram : to_server) to_server_(datagram);
      const auto to_client = std::exchange(waiting, {});
      for (const Datagram& datagram : to_client) {
        ++datagrams_from_server;
        largest = std::max(largest, datagram.size());
        if (!lost(false, datagrams_from_server)) client.receive(datagram);
      }
      if (to_server.empty() && to_client.empty()) return;
    }
  }

  void pass(Duration duration) {
    now += duration;
    server.tick(now, out);
    collect();
  }

  void connect() {
    expect();
    talk();
    REQUIRE(keys);
  }

  TimePoint now = TimePoint{} + seconds(500);
  DtlsClient client;
  DtlsServer server;
  DtlsOutput out;
  std::vector<Datagram> waiting;
  std::optional<SrtpKeys> keys;
  std::optional<DtlsError> failure;
  bool closed = false;
  int datagrams_from_server = 0;
  int datagrams_from_client = 0;
  std::size_t largest = 0;
  std::function<bool(bool from_client, int number)> lost = [](bool, int) { return false; };

 private:
  void to_server_(const Datagram& datagram) {
    ++datagrams_from_client;
    if (lost(true, datagrams_from_client)) return;
    server.consume(datagram, now, out);
    collect();
  }
  void collect() {
    for (Datagram& datagram : out.datagrams) waiting.push_back(std::move(datagram));
    if (out.keys) {
      CHECK(!keys);
      keys = out.keys;
    }
    if (out.failure) {
      CHECK(!failure);
      failure = out.failure;
    }
    closed = closed || out.closed;
    out.clear();
  }
};

}  // namespace

TEST_CASE("makes a certificate with a fingerprint as SDP writes it") {
  const auto other = std::move(DtlsContext::make()).value();
  const std::string& fingerprint = context().fingerprint();

  CHECK(fingerprint.size() == 32 * 3 - 1);
  CHECK(fingerprint.find_first_not_of("0123456789ABCDEF:") == std::string::npos);
  CHECK(ExpectedFingerprint::parse("sha-256", fingerprint).ok());
  CHECK(other->fingerprint() != fingerprint);
}

TEST_CASE("pitfall 13: as the DTLS server, hands out the keys that the client has") {
  Scene scene;

  scene.connect();

  CHECK(scene.server.state() == DtlsState::connected);
  CHECK(scene.client.done());
  CHECK(same_keys(*scene.keys, scene.client.keys()));
  CHECK(scene.keys->client.key != scene.keys->server.key);
  CHECK(scene.server.finished_at() == scene.now);
  CHECK(scene.server.next_deadline() == TimePoint::max());
  X509* certificate = SSL_get1_peer_certificate(scene.client.native());
  std::array<std::uint8_t, 32> digest;
  X509_digest(certificate, EVP_sha256(), digest.data(), nullptr);
  X509_free(certificate);
  CHECK(ExpectedFingerprint::parse("sha-256", context().fingerprint())->value ==
        std::vector<std::uint8_t>(digest.begin(), digest.end()));
}

TEST_CASE("chooses the profile by our order, whatever the client's") {
  struct Row {
    const char* offered;
    SrtpProfile chosen;
  };
  const Row rows[] = {
      {"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM", SrtpProfile::aead_aes_128_gcm},
      {"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM", SrtpProfile::aead_aes_128_gcm},
      {"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM", SrtpProfile::aead_aes_256_gcm},
      {"SRTP_AES128_CM_SHA1_32:SRTP_AES128_CM_SHA1_80", SrtpProfile::aes128_cm_sha1_80},
  };
  for (const Row& row : rows) {
    CAPTURE(row.offered);
    Scene scene({.profiles = row.offered});

    scene.connect();

    CHECK(scene.keys->profile == row.chosen);
    CHECK(same_keys(*scene.keys, scene.client.keys()));
  }
}

TEST_CASE("refuses a client without a common SRTP profile") {
  for (const char* profiles : {static_cast<const char*>(nullptr), "SRTP_AES128_CM_SHA1_32"}) {
    Scene scene({.profiles = profiles});
    scene.expect();

    scene.talk();

    CHECK(!scene.keys);
    CHECK(scene.failure == DtlsError::no_srtp_profile);
  }
}

TEST_CASE("accepts each hash that RFC 8122 names, in any case") {
  struct Row {
    const char* name;
    const EVP_MD* digest;
  };
  const Row rows[] = {
      {"sha-1", EVP_sha1()}, {"SHA-256", EVP_sha256()}, {"sha-384", EVP_sha384()}, {"sha-512", EVP_sha512()}};
  for (const Row& row : rows) {
    Scene scene;
    std::string value = scene.client.fingerprint(row.digest);
    if (row.digest == EVP_sha1()) {
      for (char& c : value) c = static_cast<char>(std::tolower(c));
    }

    scene.expect(row.name, value);
    scene.talk();

    CAPTURE(row.name);
    CHECK(scene.keys);
  }
}

TEST_CASE("refuses what is no fingerprint") {
  const std::string good = context().fingerprint();
  std::string no_colon = good;
  no_colon[2] = '-';
  std::string no_hex = good;
  no_hex[0] = 'G';
  std::string sign = good;
  sign[0] = '-';

  CHECK(!ExpectedFingerprint::parse("md5", good));
  CHECK(!ExpectedFingerprint::parse("sha-1", good));
  CHECK(!ExpectedFingerprint::parse("sha-256", ""));
  CHECK(!ExpectedFingerprint::parse("sha-256", good.substr(3)));
  CHECK(!ExpectedFingerprint::parse("sha-256", no_colon));
  CHECK(!ExpectedFingerprint::parse("sha-256", no_hex));
  CHECK(!ExpectedFingerprint::parse("sha-256", sign));

  Scene scene;
  scene.expect("sha-256", "00:11");
  CHECK(scene.failure == DtlsError::bad_fingerprint);
}

TEST_CASE("refuses another certificate during the handshake, with an alert") {
  Scene scene;
  scene.expect("sha-256", context().fingerprint());

  scene.talk();

  CHECK(!scene.keys);
  CHECK(scene.failure == DtlsError::fingerprint_mismatch);
  CHECK(scene.client.failed);
  CHECK(scene.server.state() == DtlsState::failed);
}

TEST_CASE("shard rule 5: holds the keys back until the fingerprint is told, and for good if it is another") {
  for (const bool right : {true, false}) {
    Scene scene;
    scene.talk();
    CHECK(scene.client.done());
    CHECK(scene.server.state() == DtlsState::unverified);
    CHECK(!scene.keys);
    CHECK(!scene.server.finished_at());

    scene.expect("sha-256", right ? scene.client.fingerprint() : context().fingerprint());

    CHECK(scene.keys.has_value() == right);
    CHECK(scene.failure == (right ? std::nullopt : std::optional(DtlsError::fingerprint_mismatch)));
    if (right) CHECK(same_keys(*scene.keys, scene.client.keys()));
    scene.expect();  // a second word does not change the first
    CHECK(scene.server.state() == (right ? DtlsState::connected : DtlsState::failed));
  }
}

TEST_CASE("gives up when the fingerprint never comes") {
  Scene scene;
  scene.talk();

  scene.pass(seconds(31));

  CHECK(scene.failure == DtlsError::timed_out);
  CHECK(!scene.keys);
}

TEST_CASE("refuses a client without a certificate") {
  Scene scene({.certificate = false});
  scene.expect();

  scene.talk();

  CHECK(!scene.keys);
  CHECK(scene.failure == DtlsError::no_certificate);
  CHECK(scene.client.failed);
}

TEST_CASE("shard rule 5: puts a ClientHello together that came in several datagrams, in any order") {
  for (const bool reversed : {false, true}) {
    Scene scene({.link_mtu = 400, .padding = 600});
    scene.expect();
    scene.client.step();
    REQUIRE(scene.client.sent.size() >= 2);
    if (reversed) std::reverse(scene.client.sent.begin(), scene.client.sent.end());

    scene.talk();

    CHECK(scene.keys);
  }
}

TEST_CASE("shard rule 5: keeps every datagram within the link's MTU") {
  Scene scene;
  scene.connect();
  CHECK(scene.largest <= 1200 - 48);

  Scene narrow({}, {.link_mtu = 500});
  narrow.connect();
  CHECK(narrow.largest <= 500 - 48);
  CHECK(narrow.datagrams_from_server > scene.datagrams_from_server);
}

TEST_CASE("repeats a lost flight by time, with growing pauses") {
  Scene scene;
  scene.expect();
  scene.lost = [](bool from_client, int) { return !from_client; };
  scene.talk();
  CHECK(!scene.client.done());
  const int first = scene.datagrams_from_server;
  REQUIRE(first >= 1);

  scene.pass(milliseconds(240));
  CHECK(scene.waiting.empty());
  scene.pass(milliseconds(20));
  CHECK(scene.waiting.size() == static_cast<std::size_t>(first));
  scene.waiting.clear();
  scene.pass(milliseconds(300));
  CHECK(scene.waiting.empty());
  scene.pass(milliseconds(210));
  CHECK(scene.waiting.size() == static_cast<std::size_t>(first));

  scene.lost = [](bool, int) { return false; };
  scene.talk();
  CHECK(scene.keys);
  CHECK(same_keys(*scene.keys, scene.client.keys()));
}

TEST_CASE("comes through when single datagrams of either side are lost") {
  for (const bool from_client : {false, true}) {
    for (int number = 1; number <= 8; ++number) {
      CAPTURE(from_client);
      CAPTURE(number);
      Scene scene({.link_mtu = 400, .padding = 300}, {.link_mtu = 400});
      scene.expect();
      scene.client.impatient = true;
      scene.lost = [&](bool by_client, int n) { return by_client == from_client && n == number; };

      for (int i = 0; i < 12 && !(scene.keys && scene.client.done()); ++i) {
        scene.talk();
        scene.pass(milliseconds(500));
      }

      CHECK(scene.keys);
      CHECK(scene.client.done());
      if (scene.keys && scene.client.done()) CHECK(same_keys(*scene.keys, scene.client.keys()));
    }
  }
}

TEST_CASE("answers a client again that missed the end of the handshake") {
  Scene scene;
  scene.client.impatient = true;
  scene.expect();
  scene.client.step();
  std::vector<Datagram> repeated;  // the client's last flight, for the second time
  for (int i = 0; i < 10 && !scene.keys; ++i) {
    for (const Datagram& datagram : std::exchange(scene.client.sent, {})) {
      if (scene.keys) {
        repeated.push_back(datagram);
        continue;
      }
      scene.server.consume(datagram, scene.now, scene.out);
      scene.keys = scene.out.keys;
    }
    const auto datagrams = std::exchange(scene.out.datagrams, {});
    if (scene.keys) break;  // and what the server said to that is lost
    for (const Datagram& datagram : datagrams) scene.client.receive(datagram);
  }
  REQUIRE(scene.keys);
  REQUIRE(!scene.client.done());
  REQUIRE(!repeated.empty());
  scene.out.clear();

  for (const Datagram& datagram : repeated) scene.server.consume(datagram, scene.now, scene.out);
  for (const Datagram& datagram : scene.out.datagrams) scene.client.receive(datagram);

  CHECK(scene.client.done());
  CHECK(scene.server.state() == DtlsState::connected);
}

TEST_CASE("notices when the client says goodbye") {
  Scene scene;
  scene.connect();
  scene.client.sent.clear();
  scene.client.send_data("nobody listens");
  scene.talk();
  CHECK(!scene.closed);

  scene.client.send_close();
  scene.talk();

  CHECK(scene.closed);
  CHECK(scene.server.state() == DtlsState::closed);
}

TEST_CASE("says goodbye itself") {
  Scene scene;
  scene.connect();

  scene.server.close(scene.now, scene.out);
  REQUIRE(scene.out.datagrams.size() == 1);
  scene.client.receive(scene.out.datagrams[0]);

  CHECK(scene.client.closed);
}

TEST_CASE("ignores nonsense, before and after the handshake") {
  Scene scene;
  scene.expect();
  DtlsOutput out;
  for (int i = 0; i < 20; ++i) {
    const Datagram nonsense(static_cast<std::size_t>(1 + i * 13), static_cast<std::uint8_t>(20 + i));
    scene.server.consume(nonsense, scene.now, out);
  }
  CHECK(!out.failure);

  scene.talk();
  CHECK(scene.keys);
  for (int i = 0; i < 20; ++i) {
    const Datagram nonsense(static_cast<std::size_t>(1 + i * 13), static_cast<std::uint8_t>(20 + i));
    scene.server.consume(nonsense, scene.now, out);
  }

  CHECK(scene.server.state() == DtlsState::connected);
  CHECK(!out.closed);
}

TEST_CASE("bounds what a handshake may take in, and how long it may last") {
  Scene many({}, {.max_datagrams = 10});
  DtlsOutput out;
  const Datagram nonsense(50, 22);
  for (int i = 0; i < 10; ++i) many.server.consume(nonsense, many.now, out);
  CHECK(!out.failure);
  many.server.consume(nonsense, many.now, out);
  CHECK(out.failure == DtlsError::limit_exceeded);

  Scene large({}, {.max_bytes = 1000});
  DtlsOutput other;
  for (int i = 0; i < 21; ++i) large.server.consume(nonsense, large.now, other);
  CHECK(other.failure == DtlsError::limit_exceeded);

  Scene slow;
  slow.pass(seconds(29));
  CHECK(!slow.failure);
  slow.pass(seconds(2));
  CHECK(slow.failure == DtlsError::timed_out);
  slow.expect();
  slow.talk();
  CHECK(!slow.keys);
}

TEST_CASE("sends at most a few times what it received before the client has proved anything") {
  Scene scene;
  scene.client.step();
  std::size_t in = 0;
  for (const Datagram& datagram : scene.client.sent) {
    in += datagram.size();
    scene.server.consume(datagram, scene.now, scene.out);
  }
  std::size_t sent = 0;
  for (const Datagram& datagram : scene.out.datagrams) sent += datagram.size();

  CHECK(sent > 0);
  CHECK(sent < 5 * in);
}
