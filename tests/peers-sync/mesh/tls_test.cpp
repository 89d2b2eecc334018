#include "peers-sync/mesh/tls.hpp"

#include <doctest/doctest.h>
#include <openssl/err.h>

#include "tests/support/certificates.hpp"

using namespace roomgate;
using namespace roomgate::peers_sync::mesh;
using namespace roomgate::tests;

namespace {

struct Certificates {
  Folder folder;
  Made authority = make(Wish{.authority = true, .common_name = "the house"});
  Made stranger = make(Wish{.authority = true, .common_name = "another house"});

  // Files of a gate whose certificate is for `names`, or has that common name.
  TlsFiles files(const std::string& file, const std::string& names, const std::string& common_name = {},
                 const Made* issuer = nullptr) {
    const Made made = make(
        Wish{.names = names, .issuer = issuer == nullptr ? &authority : issuer, .common_name = common_name});
    write(folder / (file + ".pem"), made.certificate + made.key);
    write(folder / "ca.pem", authority.certificate);
    return {.certificate = folder / (file + ".pem"), .key = "", .ca = folder / "ca.pem"};
  }
};

// Both ends in memory, until neither gets further. True: both are through.
bool handshake(SSL* client, SSL* server) {
  BIO* a = nullptr;
  BIO* b = nullptr;
  BIO_new_bio_pair(&a, 256 * 1024, &b, 256 * 1024);
  SSL_set_bio(client, a, a);
  SSL_set_bio(server, b, b);
  for (int i = 0; i < 6; ++i) {
    (void)SSL_do_handshake(client);
    (void)SSL_do_handshake(server);
  }
  return SSL_is_init_finished(client) == 1 && SSL_is_init_finished(server) == 1;
}

}  // namespace

TEST_CASE("both sides are shown who the other is") {
  Certificates made;
  const auto one = TlsContext::load(made.files("gate-1", "DNS:gate-1"), "gate-1");
  const auto two = TlsContext::load(made.files("gate-2", "", "gate-2"), "gate-2");
  REQUIRE(one.ok());
  REQUIRE(two.ok());
  const auto client = (*one)->connect();
  const auto server = (*two)->accept();

  REQUIRE(handshake(client.get(), server.get()));

  CHECK(shows_name(client.get(), "gate-2"));
  CHECK(shows_name(server.get(), "gate-1"));
  CHECK_FALSE(shows_name(server.get(), "gate-2"));
  CHECK_FALSE(shows_name(server.get(), "gate"));
  CHECK_FALSE(shows_name(server.get(), ""));
}

TEST_CASE("a wildcard, or a name that begins with a dot, stands for nobody") {
  Certificates made;
  const auto one = TlsContext::load(made.files("gate-1", "DNS:gate-1,DNS:*.example,DNS:a.example"), "gate-1");
  const auto two = TlsContext::load(made.files("gate-2", "DNS:gate-2"), "gate-2");
  REQUIRE(one.ok());
  REQUIRE(two.ok());
  const auto client = (*two)->connect();
  const auto server = (*one)->accept();

  REQUIRE(handshake(client.get(), server.get()));

  CHECK(shows_name(client.get(), "a.example"));
  CHECK_FALSE(shows_name(client.get(), "b.example"));
  CHECK_FALSE(shows_name(client.get(), ".example"));
}

TEST_CASE("a certificate of another authority ends the handshake, and is told of") {
  Certificates made;
  const auto good = TlsContext::load(made.files("gate-1", "DNS:gate-1"), "gate-1");
  const auto bad = TlsContext::load(made.files("gate-2", "DNS:gate-2", "", &made.stranger), "gate-2");
  REQUIRE(good.ok());
  REQUIRE(bad.ok());
  const auto client = (*good)->connect();
  const auto server = (*bad)->accept();

  CHECK_FALSE(handshake(client.get(), server.get()));

  CHECK(tls_failure(client.get()).starts_with("TLS: certificate: "));
  CHECK_FALSE(shows_name(client.get(), "gate-2"));
}

TEST_CASE("a client without a certificate gets nowhere") {
  Certificates made;
  const auto one = TlsContext::load(made.files("gate-1", "DNS:gate-1"), "gate-1");
  REQUIRE(one.ok());
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  SSL_CTX_free);
  const net::SslPointer client(SSL_new(context.get()));
  SSL_set_connect_state(client.get());
  const auto server = (*one)->accept();

  CHECK_FALSE(handshake(client.get(), server.get()));

  ERR_clear_error();
}

TEST_CASE("files that will not do are told of at the start") {
  Certificates made;
  const TlsFiles good = made.files("gate-1", "DNS:gate-1");
  TlsFiles bad = good;

  CHECK(TlsContext::load(good, "gate-2").error().find("does not have the name gate-2") != std::string::npos);
  bad.certificate = made.folder / "nothing.pem";
  CHECK(TlsContext::load(bad, "gate-1").error().find("nothing.pem") != std::string::npos);
  bad = good;
  bad.key = made.folder / "ca.pem";
  CHECK(TlsContext::load(bad, "gate-1").error().find("ca.pem") != std::string::npos);
  bad = good;
  bad.ca = made.folder / "nobody.pem";
  CHECK(TlsContext::load(bad, "gate-1").error().find("nobody.pem") != std::string::npos);
}
