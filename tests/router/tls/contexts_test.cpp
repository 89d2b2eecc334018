#include "router/tls/contexts.hpp"

#include "base/encoding.hpp"
#include "router/tls/handshake.hpp"
#include "support.hpp"

using namespace roomgate;
using namespace roomgate::router::tls;
using namespace roomgate::router::tls::test;

namespace {

bool has(const std::vector<std::string>& lines, std::string_view text) {
  for (const auto& line : lines) {
    if (line.find(text) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("chooses by exact name, then wildcard, then the first") {
  Folder folder;
  const auto first = make("DNS:default.example");
  const auto exact = make("DNS:meet.example.org");
  const auto wildcard = make("DNS:*.example.org");
  write(folder / "a.pem", first.key + first.certificate);
  write(folder / "b.pem", wildcard.certificate + wildcard.key);
  write(folder / "c.pem", exact.certificate + exact.key);

  const auto contexts = contexts_of({folder.path.string()});

  CHECK(Pair(*contexts, "meet.example.org").subject_names() == "meet.example.org");
  CHECK(Pair(*contexts, "MEET.example.ORG").subject_names() == "meet.example.org");
  CHECK(Pair(*contexts, "other.example.org").subject_names() == "*.example.org");
  CHECK(Pair(*contexts, "a.b.example.org").subject_names() == "default.example");
  CHECK(Pair(*contexts, nullptr).subject_names() == "default.example");
}

TEST_CASE("an RSA and an ECDSA certificate of one name serve whoever can use them") {
  Folder folder;
  const auto curve = make("DNS:one.example");
  const auto rsa = make({.names = "DNS:one.example", .rsa = true});
  write(folder / "1.pem", curve.certificate + curve.key);
  write(folder / "2.pem", rsa.certificate + rsa.key);
  const auto contexts = contexts_of({folder.path.string()});
  SSL_CTX* old = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_max_proto_version(old, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(old, "ECDHE-RSA-AES128-GCM-SHA256");
  SSL* client = SSL_new(old);
  SSL_set_connect_state(client);
  const auto server = contexts->accept();

  connect(client, server.get());
  const Pair usual(*contexts, "one.example");

  REQUIRE(SSL_is_init_finished(client) == 1);
  CHECK(EVP_PKEY_get_base_id(X509_get0_pubkey(SSL_get0_peer_certificate(client))) == EVP_PKEY_RSA);
  CHECK(EVP_PKEY_get_base_id(X509_get0_pubkey(SSL_get0_peer_certificate(usual.client))) == EVP_PKEY_EC);
  SSL_free(client);
  SSL_CTX_free(old);
}

TEST_CASE(
    "of two certificates for the same names the valid one serves, then the newer, and the other is told") {
  Folder folder;
  const auto expired = make({.names = "DNS:a.example", .from = -7200, .until = -60});
  const auto good = make({.names = "DNS:a.example", .from = -9000});
  const auto newer = make({.names = "DNS:a.example", .from = -30});
  write(folder / "1.pem", good.certificate + good.key);
  write(folder / "2.pem", expired.certificate + expired.key);
  write(folder / "3.pem", newer.certificate + newer.key);
  std::vector<std::string> warnings;

  const auto contexts = contexts_of({folder.path.string()}, {}, some_keys(), &warnings);
  const Pair pair(*contexts, "a.example");

  CHECK(X509_cmp(SSL_get0_peer_certificate(pair.client), newer.x509.get()) == 0);
  CHECK(has(warnings, "2.pem: is not used, " + (folder / "1.pem") + " has the same names"));
  CHECK(has(warnings, "1.pem: is not used, " + (folder / "3.pem") + " has the same names"));
}

TEST_CASE("a certificate that no name leads to is told") {
  Folder folder;
  const auto wide = make("DNS:a.example,DNS:b.example");
  const auto narrow = make("DNS:b.example");
  const auto nameless = make({.names = "IP:192.0.2.1"});
  write(folder / "1.pem", wide.certificate + wide.key);
  write(folder / "2.pem", narrow.certificate + narrow.key);
  write(folder / "3.pem", nameless.certificate + nameless.key);
  std::vector<std::string> warnings;

  contexts_of({folder.path.string()}, {}, some_keys(), &warnings);

  CHECK(has(warnings, "2.pem: is never chosen, earlier certificates have all its names"));
  CHECK(has(warnings, "3.pem: is never chosen, it names no host"));
  CHECK(warnings.size() == 2);
}

TEST_CASE("resumes with a ticket, also after two rotations, not after three") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    Folder folder;
    const auto one = make("DNS:one.example");
    write(folder / "one.pem", one.certificate + one.key);
    auto keys = TicketKeys::random();
    const auto contexts = contexts_of({folder / "one.pem"}, {}, std::make_shared<TicketKeys>(keys));
    const auto connect_with = [&](SSL_SESSION* session) {
      return std::make_unique<Pair>(*contexts,
                                    ClientWish{.name = "one.example", .resume = session, .version = version});
    };

    const auto first = connect_with(nullptr);
    REQUIRE(first->done());
    CHECK_FALSE(SSL_session_reused(first->server.get()));
    CHECK(SSL_session_reused(connect_with(first->session)->server.get()));
    for (int i = 0; i < 2; ++i) {
      keys = keys.rotated();
      contexts->set_ticket_keys(std::make_shared<TicketKeys>(keys));
      const auto again = connect_with(first->session);
      CHECK(again->done());
      CHECK(SSL_session_reused(again->client) == 1);
      CHECK(SSL_session_reused(again->server.get()) == 1);
    }
    contexts->set_ticket_keys(std::make_shared<TicketKeys>(keys.rotated()));
    const auto too_late = connect_with(first->session);
    CHECK(too_late->done());
    CHECK_FALSE(too_late->resumed());
  }
}

TEST_CASE("a resumed connection gets a ticket of its own, for the one after it") {
  Folder folder;
  const auto one = make("DNS:one.example");
  write(folder / "one.pem", one.certificate + one.key);
  const auto contexts = contexts_of({folder / "one.pem"});

  const Pair first(*contexts, "one.example");
  const Pair second(*contexts, "one.example", first.session);
  const Pair third(*contexts, "one.example", second.session);

  REQUIRE(second.resumed());
  CHECK(second.session != first.session);
  CHECK(third.resumed());
}

TEST_CASE("two gates with one key file resume each other's sessions, and a new set those of the old one") {
  Folder folder;
  const auto one = make("DNS:one.example");
  const auto renewed = make("DNS:one.example");
  write(folder / "one.pem", one.certificate + one.key);
  write(folder / "renewed.pem", renewed.certificate + renewed.key);
  const std::string file = to_base64(std::vector<std::uint8_t>(80, 7));
  const auto read = [&] { return std::make_shared<const TicketKeys>(*TicketKeys::parse(file)); };
  const auto here = contexts_of({folder / "one.pem"}, {}, read());
  const auto there = contexts_of({folder / "one.pem"}, {}, read());
  const auto later = contexts_of({folder / "renewed.pem"}, {}, read());
  const auto stranger = contexts_of({folder / "one.pem"});

  const Pair first(*here, "one.example");

  CHECK(Pair(*there, "one.example", first.session).resumed());
  CHECK(Pair(*later, "one.example", first.session).resumed());
  CHECK_FALSE(Pair(*stranger, "one.example", first.session).resumed());
}

TEST_CASE("gives as many tickets as set, and none when told so") {
  Folder folder;
  const auto one = make("DNS:one.example");
  write(folder / "one.pem", one.certificate + one.key);
  Options none;
  none.tickets = 0;
  Options three;
  three.tickets = 3;
  const auto without = contexts_of({folder / "one.pem"}, none);

  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const Pair first(*without, ClientWish{.name = "one.example", .version = version});
    const Pair second(*without,
                      ClientWish{.name = "one.example", .resume = first.session, .version = version});
    CHECK(second.done());
    CHECK_FALSE(second.resumed());
  }
  CHECK(SSL_get_num_tickets(contexts_of({folder / "one.pem"}, three)->accept().get()) == 3);
  CHECK(SSL_get_num_tickets(contexts_of({folder / "one.pem"})->accept().get()) == 1);
}

TEST_CASE("speaks TLS 1.2 at least, and 1.3 only when told so") {
  Folder folder;
  const auto one = make("DNS:one.example");
  write(folder / "one.pem", one.certificate + one.key);
  Options strict;
  strict.min_version = "1.3";
  const auto usual = contexts_of({folder / "one.pem"});
  const auto newest = contexts_of({folder / "one.pem"}, strict);

  CHECK(SSL_get_min_proto_version(usual->accept().get()) == TLS1_2_VERSION);
  CHECK(SSL_get_min_proto_version(newest->accept().get()) == TLS1_3_VERSION);
  CHECK(Pair(*usual, ClientWish{.version = TLS1_2_VERSION}).done());
  CHECK_FALSE(Pair(*newest, ClientWish{.version = TLS1_2_VERSION}).done());
}

TEST_CASE("the server's order of ciphers holds, but for a client that puts ChaCha first") {
  Folder folder;
  const auto one = make("DNS:one.example");
  write(folder / "one.pem", one.certificate + one.key);
  const auto contexts = contexts_of({folder / "one.pem"});
  const auto chosen = [&](const char* suites) {
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_ciphersuites(context, suites);
    SSL* client = SSL_new(context);
    SSL_set_connect_state(client);
    const auto server = contexts->accept();
    connect(client, server.get());
    const std::string name = SSL_get_cipher_name(client);
    SSL_free(client);
    SSL_CTX_free(context);
    return name;
  };

  CHECK(chosen("TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256") ==
        "TLS_AES_128_GCM_SHA256");
  CHECK(chosen("TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256") == "TLS_CHACHA20_POLY1305_SHA256");
}

TEST_CASE("a client cannot renegotiate") {
  Folder folder;
  const auto one = make("DNS:one.example");
  write(folder / "one.pem", one.certificate + one.key);
  const auto contexts = contexts_of({folder / "one.pem"});
  const Pair pair(*contexts, ClientWish{.version = TLS1_2_VERSION});
  REQUIRE(pair.done());
  char byte = 0;

  SSL_renegotiate(pair.client);
  SSL_do_handshake(pair.client);
  SSL_read(pair.server.get(), &byte, 1);
  const int answered = SSL_do_handshake(pair.client);

  CHECK(answered != 1);
  CHECK(SSL_num_renegotiations(pair.server.get()) == 0);
  CHECK(SSL_get_error(pair.client, answered) == SSL_ERROR_SSL);
  CHECK(ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_NO_RENEGOTIATION);
  ERR_clear_error();
}

TEST_CASE("selects http/1.1 where offered, and goes on without where not") {
  Folder folder;
  const auto one = make("DNS:one.example");
  write(folder / "one.pem", one.certificate + one.key);
  const auto contexts = contexts_of({folder / "one.pem"});
  const auto selected = [](SSL* ssl) {
    const unsigned char* data = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl, &data, &size);
    return std::string(reinterpret_cast<const char*>(data), size);
  };

  const Pair both(*contexts, ClientWish{.name = "one.example", .alpn = "\x02h2\x08http/1.1"});
  const Pair other(*contexts, ClientWish{.name = "one.example", .alpn = "\x02h2"});

  CHECK(selected(both.client) == "http/1.1");
  CHECK(other.done());
  CHECK(selected(other.client).empty());
}

TEST_CASE("a host with a certificate of its own does not fit a connection of another name") {
  Folder folder;
  const auto one = make("DNS:one.example");
  const auto two = make("DNS:two.example");
  write(folder / "1.pem", one.certificate + one.key);
  write(folder / "2.pem", two.certificate + two.key);
  const auto contexts = contexts_of({folder.path.string()});

  const Pair pair(*contexts, "two.example");

  CHECK(contexts->host_fits(pair.server.get(), "two.example"));
  CHECK(contexts->host_fits(pair.server.get(), "unknown.example"));
  CHECK_FALSE(contexts->host_fits(pair.server.get(), "one.example"));
}

TEST_CASE("the OCSP answer of the certificate that was chosen is stapled for who asks") {
  Folder folder;
  const auto authority = make({.authority = true});
  const auto first = make("DNS:default.example");
  const auto one = make({.names = "DNS:one.example", .issuer = &authority});
  const auto answer = ocsp_answer(one, authority, authority, {});
  write(folder / "0.pem", first.certificate + first.key);
  write(folder / "1.pem", one.certificate + authority.certificate + one.key);
  write(folder / "1.ocsp", answer);
  const auto contexts = contexts_of({folder.path.string()});

  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CHECK(
        Pair(*contexts, ClientWish{.name = "one.example", .ask_status = true, .version = version}).staple() ==
        answer);
    CHECK(Pair(*contexts, ClientWish{.name = "one.example", .version = version}).staple().empty());
    CHECK(Pair(*contexts, ClientWish{.name = "default.example", .ask_status = true, .version = version})
              .staple()
              .empty());
  }
}

TEST_CASE("client certificates: required, optional, unknown, and what the shard is told") {
  Folder folder;
  const auto authority = make({.authority = true});
  const auto stranger = make({.authority = true});
  const auto door = make("DNS:one.example");
  const auto friendly = make({.issuer = &authority, .common_name = "Ada, of the \xc3\x84rzte"});
  const auto unknown = make({.issuer = &stranger, .common_name = "Eve"});
  write(folder / "one.pem", door.certificate + door.key);
  write(folder / "ca.crt", authority.certificate);
  Options required;
  required.client_ca = folder / "ca.crt";
  Options optional = required;
  optional.client_verify = "optional";
  const auto strict = contexts_of({folder / "one.pem"}, required);
  const auto lenient = contexts_of({folder / "one.pem"}, optional);

  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    const auto with = [&](const Contexts& contexts, const Made* certificate) {
      return std::make_unique<Pair>(contexts, ClientWish{.certificate = certificate, .version = version});
    };

    const auto good = with(*strict, &friendly);
    REQUIRE(good->done());
    CHECK(client_subject(good->server.get()) == "CN=Ada\\, of the \\C3\\84rzte");
    const auto none = with(*strict, nullptr);
    const auto why_none = explain_failure(none->server.get());
    CHECK(SSL_is_init_finished(none->server.get()) == 0);
    CHECK(why_none.refused);
    CHECK(why_none.reason == "no certificate shown");
    const auto bad = with(*lenient, &unknown);
    const auto why_bad = explain_failure(bad->server.get());
    CHECK(SSL_is_init_finished(bad->server.get()) == 0);
    CHECK(why_bad.refused);
    CHECK(why_bad.reason == "certificate: unable to get local issuer certificate");
    const auto anonymous = with(*lenient, nullptr);
    CHECK(anonymous->done());
    CHECK(client_subject(anonymous->server.get()).empty());
  }
}

TEST_CASE("a ticket of a door that asks for no certificate opens none that does") {
  Folder folder;
  const auto authority = make({.authority = true});
  const auto door = make("DNS:one.example");
  const auto friendly = make({.issuer = &authority});
  write(folder / "one.pem", door.certificate + door.key);
  write(folder / "ca.crt", authority.certificate);
  const auto keys = some_keys();
  Options asking;
  asking.client_ca = folder / "ca.crt";
  const auto open = contexts_of({folder / "one.pem"}, {}, keys);
  const auto closed = contexts_of({folder / "one.pem"}, asking, keys);

  const Pair outside(*open, "one.example");
  const Pair tried(*closed, "one.example", outside.session);
  const Pair inside(*closed, ClientWish{.name = "one.example", .certificate = &friendly});
  const Pair again(*closed, ClientWish{.name = "one.example", .resume = inside.session});

  CHECK(SSL_is_init_finished(tried.server.get()) == 0);
  CHECK(again.resumed());
  CHECK(client_subject(again.server.get()) == client_subject(inside.server.get()));
  ERR_clear_error();
}

TEST_CASE("a client whose certificate was revoked is refused") {
  Folder folder;
  const auto authority = make({.authority = true});
  const auto door = make("DNS:one.example");
  const auto revoked = make({.issuer = &authority});
  X509_CRL* list = X509_CRL_new();
  X509_CRL_set_version(list, 1);
  X509_CRL_set_issuer_name(list, X509_get_subject_name(authority.x509.get()));
  ASN1_TIME* at = X509_gmtime_adj(nullptr, -30);
  X509_CRL_set1_lastUpdate(list, at);
  X509_gmtime_adj(at, 3600);
  X509_CRL_set1_nextUpdate(list, at);
  X509_REVOKED* entry = X509_REVOKED_new();
  X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked.x509.get()));
  X509_REVOKED_set_revocationDate(entry, at);
  X509_CRL_add0_revoked(list, entry);
  X509_CRL_sign(list, authority.pkey.get(), EVP_sha256());
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509_CRL(bio, list);
  X509_CRL_free(list);
  ASN1_TIME_free(at);
  write(folder / "one.pem", door.certificate + door.key);
  write(folder / "ca.crt", authority.certificate + text_of(bio));
  Options asking;
  asking.client_ca = folder / "ca.crt";
  const auto contexts = contexts_of({folder / "one.pem"}, asking);

  const Pair pair(*contexts, ClientWish{.certificate = &revoked});
  const auto why = explain_failure(pair.server.get());

  CHECK(why.refused);
  CHECK(why.reason == "certificate: certificate revoked");
}

TEST_CASE("a failure that is not ours is told as such") {
  Folder folder;
  const auto one = make("DNS:one.example");
  write(folder / "one.pem", one.certificate + one.key);
  const auto contexts = contexts_of({folder / "one.pem"});
  const auto server = contexts->accept();
  BIO* in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(BIO_s_mem());
  BIO_puts(in, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  SSL_set_bio(server.get(), in, out);

  SSL_do_handshake(server.get());
  const auto why = explain_failure(server.get());

  CHECK_FALSE(why.refused);
  CHECK(why.label() == "failed");
  CHECK(why.reason == "http request");
  CHECK(explain_failure(nullptr).reason == "the peer went away");
}

TEST_CASE("failures are told once in a while, with their number") {
  FailureTally tally({.every = seconds(10)});
  const TimePoint start{};

  CHECK(tally.note(start) == 1);
  CHECK_FALSE(tally.note(start + seconds(1)));
  CHECK_FALSE(tally.note(start + seconds(9)));
  CHECK(tally.note(start + seconds(11)) == 3);
}

TEST_CASE("a thousand certificates are found without looking at each") {
  Folder folder;
  const auto issuer = make({.authority = true});
  const auto key = make("DNS:key.example");
  std::vector<Identity> identities;
  for (int i = 0; i < 1000; ++i) {
    Identity identity{.file = std::to_string(i),
                      .names = {"h" + std::to_string(i) + ".example"},
                      .key = key.pkey,
                      .chain = {key.x509}};
    identities.push_back(std::move(identity));
  }
  std::vector<std::string> warnings;
  auto certificates = Certificates::make({}, std::move(identities), {}, 0, warnings);
  REQUIRE(certificates.ok());

  CHECK((*certificates)->groups().size() == 1000);
  CHECK((*certificates)->find("h999.example") == 999);
  auto contexts = Contexts::make(*certificates, some_keys());
  REQUIRE(contexts.ok());
  CHECK(Pair(**contexts, "h500.example").done());
}
