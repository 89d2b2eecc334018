#include "bench/roomload/signal/network.hpp"

#include <netdb.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>

namespace roomgate::bench::roomload::signal {
namespace {

using net::IoError;

Problem connect_problem(const Url& url, const Address& to, IoError error) {
  const std::string where = url.authority() + " (" + to.to_string() + ")";
  switch (error) {
    case IoError::refused:
      return {ProblemKind::refused, "nobody listens on " + where + ": is the server up, is the port right?"};
    case IoError::timed_out:
      return {ProblemKind::unreachable, where + " does not answer: a firewall, or the wrong address?"};
    case IoError::unreachable: return {ProblemKind::unreachable, "there is no route to " + where};
    case IoError::system:
      return {ProblemKind::local, "this machine has no more sockets to give (ulimit -n, or local ports)"};
    case IoError::closed:
    case IoError::tls:
    case IoError::interrupted: break;
  }
  return {ProblemKind::lost, where + " closed the connection"};
}

Problem tls_problem(const Url& url, SSL* ssl, IoError error) {
  const std::string where = url.authority();
  if (const long verdict = SSL_get_verify_result(ssl); verdict != X509_V_OK) {
    return {ProblemKind::tls, "the certificate of " + where + " is not trusted (" +
                                  X509_verify_cert_error_string(verdict) +
                                  "): --insecure goes on all the same"};
  }
  if (error == IoError::timed_out)
    return {ProblemKind::unreachable, where + " does not answer the TLS handshake"};
  const unsigned long code = ERR_peek_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  return {ProblemKind::tls, "no TLS with " + where + " (" +
                                (reason != nullptr ? reason : "the connection was closed") +
                                "): does it speak http:// on that port?"};
}

}  // namespace

Result<std::unique_ptr<Network>, Problem> Network::make(const Options& options) {
  auto network = std::unique_ptr<Network>(new Network(options));
  network->context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = network->context_.get();
  if (context == nullptr) return fail(Problem{ProblemKind::local, "OpenSSL gives no TLS client"});
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  if (!options.insecure && SSL_CTX_set_default_verify_paths(context) != 1) {
    return fail(Problem{ProblemKind::local, "the system's certificates cannot be read"});
  }
  SSL_CTX_set_verify(context, options.insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  constexpr unsigned char kAlpn[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  SSL_CTX_set_alpn_protos(context, kAlpn, sizeof kAlpn);
  return network;
}

Result<std::vector<Address>, Problem> Network::addresses(const Url& url) {
  if (const auto literal = Address::from_ip(url.host, url.port)) return std::vector<Address>{*literal};
  const std::lock_guard lock(mutex_);
  std::vector<Address>& known = known_[url.host];
  if (known.empty()) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* list = nullptr;
    const int error = ::getaddrinfo(url.host.c_str(), nullptr, &hints, &list);
    if (error != 0) {
      return fail(
          Problem{ProblemKind::name, "\"" + url.host + "\" has no address: " + ::gai_strerror(error)});
    }
    for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
      if (const auto address = Address::from_sockaddr(entry->ai_addr, entry->ai_addrlen)) {
        known.push_back(*address);
      }
    }
    ::freeaddrinfo(list);
    if (known.empty()) return fail(Problem{ProblemKind::name, "\"" + url.host + "\" has no address"});
  }
  std::vector<Address> out;
  for (const Address& address : known) out.push_back(address.with_port(url.port));
  return out;
}

net::SslPointer Network::client_for(const Url& url) const {
  net::SslPointer ssl(SSL_new(context_.get()));
  if (ssl == nullptr) return ssl;
  SSL_set_connect_state(ssl.get());
  if (Address::from_ip(url.host, 0)) {
    // RFC 6066 3: no address in the server name; the certificate may name it.
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), url.host.c_str());
  } else {
    SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(url.host.c_str()));
    SSL_set1_host(ssl.get(), url.host.c_str());
  }
  return ssl;
}

net::Task<Result<std::unique_ptr<net::Stream>, Problem>> Network::dial(net::Core& core, Url url,
                                                                       TimePoint deadline) {
  auto to = addresses(url);
  if (!to) co_return fail(to.error());
  Problem last;
  for (const Address& address : *to) {
    auto connected = co_await net::Stream::connect(core, address, deadline);
    if (!connected) {
      last = connect_problem(url, address, connected.error());
      continue;
    }
    std::unique_ptr<net::Stream> stream = std::move(connected).value();
    if (!url.secure) co_return stream;
    auto ssl = client_for(url);
    if (ssl == nullptr) co_return fail(Problem{ProblemKind::local, "OpenSSL gives no TLS connection"});
    const auto shaken = co_await stream->handshake(std::move(ssl), deadline);
    if (!shaken) co_return fail(tls_problem(url, stream->tls(), shaken.error()));
    co_return stream;
  }
  co_return fail(last);
}

}  // namespace roomgate::bench::roomload::signal
