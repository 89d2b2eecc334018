#include "router/tls/contexts.hpp"

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

using namespace roomgate::router::tls;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path;
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "roomgate-tls-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~Folder() { fs::remove_all(path); }
  std::string operator/(const std::string& name) const { return (path / name).string(); }
};

struct Made {
  std::string certificate;
  std::string key;
};

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

// A self-signed certificate for "DNS:a,DNS:b".
Made make(const std::string& names, int curve = NID_X9_62_prime256v1) {
  EVP_PKEY* key = EVP_EC_gen(OBJ_nid2sn(curve));
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
  X509_sign(certificate, key, EVP_sha256());
  BIO* first = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(first, certificate);
  BIO* second = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(second, key, nullptr, nullptr, 0, nullptr, nullptr);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return {text_of(first), text_of(second)};
}

void write(const std::string& file, const std::string& text) { std::ofstream(file) << text; }

// Both ends in memory, through a BIO pair.
struct Pair {
  SSL_CTX* client_context = SSL_CTX_new(TLS_client_method());
  SSL* client = nullptr;
  roomgate::net::SslPointer server;
  SSL_SESSION* session = nullptr;

  Pair(const Contexts& contexts, const char* name, SSL_SESSION* resume = nullptr,
       const std::string& alpn = "") {
    client = SSL_new(client_context);
    SSL_set_connect_state(client);
    if (name != nullptr) {
      SSL_ctrl(client, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(name));
    }
    if (resume != nullptr) SSL_set_session(client, resume);
    if (!alpn.empty()) {
      SSL_set_alpn_protos(client, reinterpret_cast<const unsigned char*>(alpn.data()),
                          static_cast<unsigned>(alpn.size()));
    }
    server = contexts.accept();
    BIO* a = nullptr;
    BIO* b = nullptr;
    BIO_new_bio_pair(&a, 64 * 1024, &b, 64 * 1024);
    SSL_set_bio(client, a, a);
    SSL_set_bio(server.get(), b, b);
    for (int i = 0; i < 10; ++i) {
      SSL_do_handshake(client);
      SSL_do_handshake(server.get());
    }
    char nothing = 0;
    SSL_read(client, &nothing, 1);  // takes the ticket
    session = SSL_get1_session(client);
  }
  ~Pair() {
    SSL_SESSION_free(session);
    SSL_free(client);
    SSL_CTX_free(client_context);
  }
  bool done() const { return SSL_is_init_finished(client) == 1 && SSL_is_init_finished(server.get()) == 1; }
  std::string subject_names() const {
    X509* certificate = SSL_get1_peer_certificate(client);
    if (certificate == nullptr) return "";
    auto* names =
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    const auto* first = sk_GENERAL_NAME_value(names, 0)->d.dNSName;
    std::string text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(first)));
    GENERAL_NAMES_free(names);
    X509_free(certificate);
    return text;
  }
};

std::unique_ptr<Contexts> contexts_of(const std::vector<std::string>& files, Options options = {}) {
  const auto identities = load_identities(files);
  REQUIRE_MESSAGE(identities.ok(), (identities.ok() ? "" : identities.error()));
  auto made = Contexts::make(options, *identities, std::make_shared<TicketKeys>(TicketKeys::random()));
  REQUIRE(made.ok());
  return std::move(made).value();
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

TEST_CASE("finds key and chain in separate files, and takes the longer chain of one leaf") {
  Folder folder;
  const auto leaf = make("DNS:one.example");
  const auto authority = make("DNS:ca.example");
  write(folder / "cert.pem", leaf.certificate);
  write(folder / "chain.pem", authority.certificate);
  write(folder / "fullchain.pem", leaf.certificate + authority.certificate);
  write(folder / "privkey.pem", leaf.key);

  const auto identities = load_identities({folder.path.string()});

  REQUIRE(identities.ok());
  REQUIRE(identities->size() == 1);
  CHECK(identities->front().chain.size() == 2);
  CHECK(identities->front().names == std::vector<std::string>{"one.example"});
}

TEST_CASE("names the file whose key is missing, and the one that cannot be read") {
  Folder folder;
  const auto one = make("DNS:one.example");
  const auto other = make("DNS:two.example");
  write(folder / "one.crt", one.certificate);
  write(folder / "two.key", other.key);

  const auto missing = load_identities({folder / "one.crt", folder / "two.key"});
  const auto absent = load_identities({folder / "none.pem"});

  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().find("one.crt: no private key") != std::string::npos);
  REQUIRE_FALSE(absent.ok());
  CHECK(absent.error().find("none.pem") != std::string::npos);
}

TEST_CASE("resumes with a ticket, also after the keys have rotated once, not twice") {
  Folder folder;
  const auto one = make("DNS:one.example");
  write(folder / "one.pem", one.certificate + one.key);
  const auto identities = load_identities({folder / "one.pem"});
  REQUIRE(identities.ok());
  const TicketKeys keys = TicketKeys::random();
  auto contexts = Contexts::make({}, *identities, std::make_shared<TicketKeys>(keys));
  REQUIRE(contexts.ok());

  Pair first(**contexts, "one.example");
  REQUIRE(first.done());
  CHECK(SSL_session_reused(first.client) == 0);

  Pair again(**contexts, "one.example", first.session);
  CHECK(SSL_session_reused(again.client) == 1);

  (*contexts)->set_ticket_keys(std::make_shared<TicketKeys>(keys.rotated()));
  Pair later(**contexts, "one.example", first.session);
  CHECK(SSL_session_reused(later.client) == 1);

  (*contexts)->set_ticket_keys(std::make_shared<TicketKeys>(keys.rotated().rotated()));
  Pair too_late(**contexts, "one.example", first.session);
  CHECK(too_late.done());
  CHECK(SSL_session_reused(too_late.client) == 0);
}

TEST_CASE("speaks TLS 1.2 at least, and 1.3 only when told so") {
  Folder folder;
  const auto one = make("DNS:one.example");
  write(folder / "one.pem", one.certificate + one.key);

  const auto usual = contexts_of({folder / "one.pem"});
  Options strict;
  strict.min_version = "1.3";
  const auto newest = contexts_of({folder / "one.pem"}, strict);

  CHECK(SSL_get_min_proto_version(usual->accept().get()) == TLS1_2_VERSION);
  CHECK(SSL_get_min_proto_version(newest->accept().get()) == TLS1_3_VERSION);
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

  Pair both(*contexts, "one.example", nullptr, "\x02h2\x08http/1.1");
  Pair other(*contexts, "one.example", nullptr, "\x02h2");

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

  Pair pair(*contexts, "two.example");

  CHECK(contexts->host_fits(pair.server.get(), "two.example"));
  CHECK(contexts->host_fits(pair.server.get(), "unknown.example"));
  CHECK_FALSE(contexts->host_fits(pair.server.get(), "one.example"));
}

TEST_CASE("a wildcard stands for one label") {
  CHECK(name_matches("*.example.org", "a.example.org"));
  CHECK_FALSE(name_matches("*.example.org", "example.org"));
  CHECK_FALSE(name_matches("*.example.org", ".example.org"));
  CHECK_FALSE(name_matches("*.example.org", "a.b.example.org"));
  CHECK(name_matches("example.org", "EXAMPLE.org"));
}
