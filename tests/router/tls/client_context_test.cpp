#include "router/tls/client_context.hpp"

#include "router/tls/handshake.hpp"
#include "support.hpp"

using namespace roomgate;
using namespace roomgate::router::tls;
using namespace roomgate::router::tls::test;

namespace {

struct House {
  Folder folder;
  Made authority = make({.authority = true});
  Made stranger = make({.authority = true});
  Made shard = make({.names = "DNS:shard.example,IP:127.0.0.1", .issuer = &authority});
  std::unique_ptr<Contexts> server;

  House() {
    write(folder / "shard.pem", shard.certificate + authority.certificate + shard.key);
    write(folder / "ca.pem", authority.certificate);
    write(folder / "stranger.pem", stranger.certificate);
    write(folder / "leaf.pem", shard.certificate);
    server = contexts_of({folder / "shard.pem"});
  }

  std::shared_ptr<const ClientContext> towards(ClientOptions options) const {
    const auto store = load_authorities(options.ca);
    REQUIRE_MESSAGE(store.ok(), (store.ok() ? "" : store.error()));
    auto made = ClientContext::make(std::move(options), *store);
    REQUIRE(made.ok());
    return *made;
  }

  struct Outcome {
    bool done = false;
    bool resumed = false;
    std::string sni = {};
    HandshakeFailure failure = {};
  };
  Outcome try_with(const ClientContext& context) const {
    const auto client = context.connect();
    const auto accepted = server->accept();
    connect(client.get(), accepted.get());
    Outcome outcome;
    outcome.failure = explain_failure(client.get());
    outcome.done = SSL_is_init_finished(client.get()) == 1;
    outcome.resumed = SSL_session_reused(client.get()) == 1;
    const char* name = SSL_get_servername(accepted.get(), TLSEXT_NAMETYPE_host_name);
    outcome.sni = name == nullptr ? "" : name;
    char byte = 0;
    if (outcome.done) SSL_read(client.get(), &byte, 1);  // takes the ticket
    ERR_clear_error();
    return outcome;
  }
};

}  // namespace

TEST_CASE("a shard is verified by its name, or by its address where there is none") {
  const House house;
  const auto by_name =
      house.towards({.address = "127.0.0.1:8443", .ca = house.folder / "ca.pem", .sni = "shard.example"});
  const auto by_address = house.towards({.address = "127.0.0.1:8443", .ca = house.folder / "ca.pem"});
  const auto pinned = house.towards({.address = "127.0.0.1:8443", .ca = house.folder / "leaf.pem"});

  const auto named = house.try_with(*by_name);
  const auto addressed = house.try_with(*by_address);

  CHECK(named.done);
  CHECK(named.sni == "shard.example");
  CHECK(addressed.done);
  CHECK(addressed.sni.empty());
  CHECK(house.try_with(*pinned).done);
}

TEST_CASE("a shard of another name, another address or another authority is refused, and why is said") {
  const House house;
  const auto ca = house.folder / "ca.pem";
  const auto reason = [&](ClientOptions options) {
    const auto outcome = house.try_with(*house.towards(std::move(options)));
    CHECK_FALSE(outcome.done);
    CHECK(outcome.failure.refused);
    return outcome.failure.reason;
  };

  CHECK(reason({.address = "127.0.0.1:1", .ca = ca, .sni = "other.example"}) ==
        "certificate: hostname mismatch");
  CHECK(reason({.address = "127.0.0.2:1", .ca = ca}) == "certificate: IP address mismatch");
  CHECK(reason({.address = "[::1]:1", .ca = ca}) == "certificate: IP address mismatch");
  CHECK(reason({.address = "127.0.0.1:1", .ca = house.folder / "stranger.pem"}).starts_with("certificate: "));
  CHECK(reason({.address = "127.0.0.1:1"}).starts_with("certificate: "));
}

TEST_CASE("without verification any certificate will do") {
  const House house;

  CHECK(house.try_with(*house.towards({.address = "127.0.0.2:1", .verify = false})).done);
}

TEST_CASE("reconnecting resumes, and a failure leaves nothing to resume from") {
  const House house;
  const auto good = house.towards({.address = "127.0.0.1:1", .ca = house.folder / "ca.pem"});
  const auto bad = house.towards({.address = "127.0.0.9:1", .ca = house.folder / "ca.pem"});

  CHECK_FALSE(house.try_with(*good).resumed);
  CHECK(house.try_with(*good).resumed);
  CHECK(house.try_with(*good).resumed);
  CHECK_FALSE(house.try_with(*bad).done);
  CHECK_FALSE(house.try_with(*bad).done);
}

TEST_CASE("a connection that outlives its context leaves nothing behind") {
  const House house;
  auto context = house.towards({.address = "127.0.0.1:1", .ca = house.folder / "ca.pem"});
  const auto client = context->connect();
  context.reset();
  const auto accepted = house.server->accept();

  connect(client.get(), accepted.get());
  char byte = 0;
  SSL_read(client.get(), &byte, 1);

  CHECK(SSL_is_init_finished(client.get()) == 1);
}

TEST_CASE("authorities that cannot be read are told by file") {
  Folder folder;
  write(folder / "empty.pem", "");

  const auto none = load_authorities(folder / "none.pem");
  const auto empty = load_authorities(folder / "empty.pem");

  REQUIRE_FALSE(none.ok());
  CHECK(none.error().find("none.pem") != std::string::npos);
  REQUIRE_FALSE(empty.ok());
  CHECK(empty.error().find("empty.pem: has no certificate") != std::string::npos);
}
