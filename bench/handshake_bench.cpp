// What a TLS handshake costs the server, without sockets: both ends in this process through a BIO pair, only
// the server's calls timed. handshake_bench [threads [handshakes in a batch]] prints microseconds per full
// and resumed handshake.
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <thread>

#include "router/tls/contexts.hpp"

namespace {

using namespace roomgate;
using namespace roomgate::router;

constexpr int kBatches = 21;
int handshakes = 200;  // in a batch

tls::Identity make_identity() {
  tls::Identity identity{.file = "made here", .names = {"bench.example"}};
  identity.key.reset(EVP_EC_gen("P-256"), EVP_PKEY_free);
  std::shared_ptr<X509> leaf(X509_new(), X509_free);
  X509_set_version(leaf.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(leaf.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(leaf.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(leaf.get()), 3600);
  X509_set_pubkey(leaf.get(), identity.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(leaf.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("bench.example"), -1, -1, 0);
  X509_set_issuer_name(leaf.get(), X509_get_subject_name(leaf.get()));
  X509_sign(leaf.get(), identity.key.get(), EVP_sha256());
  identity.chain = {leaf};
  identity.not_after = std::time(nullptr) + 3600;
  return identity;
}

class Bench {
 public:
  Bench(std::shared_ptr<const tls::Certificates> certificates, int version)
      : contexts_(*tls::Contexts::make(std::move(certificates),
                                       std::make_shared<const tls::TicketKeys>(tls::TicketKeys::random()))) {
    SSL_CTX_set_min_proto_version(client_.get(), version);
    SSL_CTX_set_max_proto_version(client_.get(), version);
    SSL_CTX_set1_groups_list(client_.get(), "X25519:P-256");  // P-256: for the certificate in TLS 1.2
  }

  // Microseconds of the server's per handshake: the median of the batches, and the least.
  std::pair<double, double> run(bool resume) {
    std::vector<double> batches;
    shake(false);
    for (int i = 0; i < kBatches; ++i) {
      spent_ = {};
      for (int j = 0; j < handshakes; ++j) shake(resume);
      batches.push_back(std::chrono::duration<double, std::micro>(spent_).count() / handshakes);
    }
    std::sort(batches.begin(), batches.end());
    return {batches[kBatches / 2], batches.front()};
  }

 private:
  template <class Work>
  [[gnu::noinline]] void timed(Work work) {  // by name for callgrind: --toggle-collect=*timed*
    const auto began = std::chrono::steady_clock::now();
    work();
    spent_ += std::chrono::steady_clock::now() - began;
  }

  void shake(bool resume) {
    SSL* client = SSL_new(client_.get());
    SSL_set_connect_state(client);
    SSL_ctrl(client, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>("bench.example"));
    if (resume) SSL_set_session(client, session_.get());
    net::SslPointer server;
    timed([&] { server = contexts_->accept(); });
    BIO* near = nullptr;
    BIO* far = nullptr;
    BIO_new_bio_pair(&near, 32 * 1024, &far, 32 * 1024);
    SSL_set_bio(client, near, near);
    SSL_set_bio(server.get(), far, far);
    char byte = 0;
    SSL_do_handshake(client);
    timed([&] { SSL_do_handshake(server.get()); });
    SSL_do_handshake(client);
    timed([&] { SSL_do_handshake(server.get()); });
    SSL_do_handshake(client);
    SSL_read(client, &byte, 1);  // takes the tickets
    const bool as_wanted = SSL_is_init_finished(server.get()) == 1 && SSL_is_init_finished(client) == 1 &&
                           (SSL_session_reused(client) == 1) == resume;
    if (!as_wanted) {
      std::fputs("a handshake went otherwise than wanted\n", stderr);
      std::exit(1);
    }
    session_.reset(SSL_get1_session(client));
    SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(client);
    timed([&] { server.reset(); });
  }

  std::unique_ptr<tls::Contexts> contexts_;
  tls::ContextPointer client_{SSL_CTX_new(TLS_client_method())};
  tls::SessionPointer session_;
  std::chrono::steady_clock::duration spent_{};
};

void measure(const char* name, int version, int tickets, int threads) {
  std::vector<std::string> warnings;
  tls::Options options;
  options.tickets = tickets;
  const auto certificates = tls::Certificates::make(options, {make_identity()}, {}, 0, warnings);
  if (!certificates) {
    std::fprintf(stderr, "%s\n", certificates.error().c_str());
    std::exit(1);
  }
  std::vector<std::thread> others;
  const auto one = [&](bool print) {
    Bench bench(*certificates, version);
    const auto [full, full_least] = bench.run(false);
    const auto [resumed, resumed_least] = tickets == 0 ? std::pair(0.0, 0.0) : bench.run(true);
    if (print) {
      std::printf("%-10s tickets %d  full %6.1f us (least %6.1f)  resumed %6.1f us (least %6.1f)\n", name,
                  tickets, full, full_least, resumed, resumed_least);
    }
  };
  for (int i = 1; i < threads; ++i) others.emplace_back([&one] { one(false); });
  one(true);
  for (auto& other : others) other.join();
}

}  // namespace

int main(int count, char** arguments) {
  const int threads = count > 1 ? std::max(1, std::atoi(arguments[1])) : 1;
  if (count > 2) handshakes = std::max(1, std::atoi(arguments[2]));
  std::printf("%s, P-256, X25519, %d thread(s)\n", OpenSSL_version(OPENSSL_VERSION), threads);
  for (const int tickets : {0, 1, 2}) measure("TLS 1.3", TLS1_3_VERSION, tickets, threads);
  measure("TLS 1.2", TLS1_2_VERSION, 1, threads);
  return 0;
}
