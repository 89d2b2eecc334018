#include "router/tls/identity.hpp"

#include "support.hpp"

using namespace roomgate::router::tls;
using namespace roomgate::router::tls::test;

namespace {

std::int64_t now() { return std::time(nullptr); }

bool has(const std::vector<std::string>& lines, std::string_view text) {
  for (const auto& line : lines) {
    if (line.find(text) != std::string::npos) return true;
  }
  return false;
}

std::string error_of(const std::vector<std::string>& paths) {
  const auto loaded = load_identities(paths, now());
  return loaded ? "" : loaded.error();
}

}  // namespace

TEST_CASE("finds key and chain in separate files, and takes the longer chain of one leaf") {
  Folder folder;
  const auto authority = make({.authority = true});
  const auto leaf = make({.names = "DNS:one.example", .issuer = &authority});
  write(folder / "cert.pem", leaf.certificate);
  write(folder / "chain.pem", authority.certificate);
  write(folder / "fullchain.pem", leaf.certificate + authority.certificate);
  write(folder / "privkey.pem", leaf.key);

  const auto loaded = load_identities({folder.path.string()}, now());

  REQUIRE(loaded.ok());
  REQUIRE(loaded->all.size() == 1);
  CHECK(loaded->all[0].chain.size() == 2);
  CHECK(loaded->all[0].file == folder / "fullchain.pem");
  CHECK(loaded->all[0].names == std::vector<std::string>{"one.example"});
  CHECK(loaded->warnings.empty());
}

TEST_CASE("names the file, and the block in it, of what is wrong") {
  Folder folder;
  const auto one = make("DNS:one.example");
  const auto other = make("DNS:two.example");
  write(folder / "one.crt", one.certificate);
  write(folder / "two.key", other.key);
  write(folder / "cut.pem", one.certificate + one.key.substr(0, one.key.size() - 20));
  write(folder / "odd.pem", one.key + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  write(folder / "empty.pem", "");
  BIO* locked = BIO_new(BIO_s_mem());
  PEM_write_bio_PKCS8PrivateKey(locked, one.pkey.get(), EVP_aes_128_cbc(), "secret", 6, nullptr, nullptr);
  write(folder / "locked.pem", one.certificate + text_of(locked));

  CHECK(error_of({folder / "one.crt", folder / "two.key"})
            .find("one.crt: PEM block 1 (CERTIFICATE): no private key for this certificate (one.example)") !=
        std::string::npos);
  CHECK(error_of({folder / "none.pem"}).find("none.pem: No such file") != std::string::npos);
  CHECK(error_of({folder / "cut.pem"}).find("cut.pem: PEM block 2: ") != std::string::npos);
  CHECK(error_of({folder / "odd.pem"}).find("odd.pem: PEM block 2 (CERTIFICATE): ") != std::string::npos);
  CHECK(error_of({folder / "empty.pem"}).find("empty.pem: has neither") != std::string::npos);
  CHECK(error_of({folder / "locked.pem"}).find("block 2 (ENCRYPTED PRIVATE KEY): needs a passphrase") !=
        std::string::npos);
}

TEST_CASE("a server's certificate whose key is gone is an error in a folder too") {
  Folder folder;
  const auto before = make("DNS:a.example");
  const auto renewed = make("DNS:a.example");
  write(folder / "a.crt", renewed.certificate);
  write(folder / "a.key", before.key);
  write(folder / "b.pem", before.certificate);

  CHECK(error_of({folder.path.string()}).find("a.crt: PEM block 1") != std::string::npos);
}

TEST_CASE("warns of times and of files that hold nothing") {
  Folder folder;
  const auto expired = make({.names = "DNS:old.example", .from = -7200, .until = -3600});
  const auto early = make({.names = "DNS:new.example", .from = 3600, .until = 7200});
  write(folder / "old.pem", expired.certificate + expired.key);
  write(folder / "new.pem", early.certificate + early.key);
  write(folder / "note.pem", "nothing\n");

  const auto loaded = load_identities({folder.path.string()}, now());

  REQUIRE(loaded.ok());
  CHECK(loaded->all.size() == 2);
  CHECK(has(loaded->warnings, "old.pem: expired on "));
  CHECK(has(loaded->warnings, "new.pem: is not valid before "));
  CHECK(has(loaded->warnings, "note.pem: has neither a certificate nor a key"));
  CHECK_FALSE(loaded->all[0].valid_at(now()));
}

TEST_CASE("the common name counts only without alternative names; odd names do not") {
  Folder folder;
  const auto plain = make({.common_name = "Plain.example"});
  const auto both = make({.names = "DNS:alt.example", .common_name = "other.example"});
  const auto odd = make({.names = "DNS:a b.example,IP:192.0.2.1"});
  write(folder / "1.pem", plain.certificate + plain.key);
  write(folder / "2.pem", both.certificate + both.key);
  write(folder / "3.pem", odd.certificate + odd.key);

  const auto loaded = load_identities({folder.path.string()}, now());

  REQUIRE(loaded.ok());
  CHECK(loaded->all[0].names == std::vector<std::string>{"plain.example"});
  CHECK(loaded->all[1].names == std::vector<std::string>{"alt.example"});
  CHECK(loaded->all[2].names.empty());
}

TEST_CASE("an OCSP answer beside the file is taken when it is good, and told when not") {
  Folder folder;
  const auto authority = make({.authority = true});
  const auto one = make({.names = "DNS:one.example", .issuer = &authority});
  const auto two = make({.names = "DNS:two.example", .issuer = &authority});
  write(folder / "1.pem", one.certificate + authority.certificate + one.key);
  write(folder / "1.ocsp", ocsp_answer(one, authority, authority, {}));
  write(folder / "2.pem", two.certificate + authority.certificate + two.key);
  write(folder / "2.pem.ocsp", "nonsense");

  const auto loaded = load_identities({folder.path.string()}, now());

  REQUIRE(loaded.ok());
  CHECK(loaded->all[0].staple.has_value());
  CHECK_FALSE(loaded->all[1].staple.has_value());
  CHECK(has(loaded->warnings, "2.pem.ocsp: is no OCSP answer in DER; not stapled"));
}
