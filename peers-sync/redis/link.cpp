#include "peers-sync/redis/link.hpp"

#include <openssl/x509v3.h>

#include <utility>

#include "base/dns/resolver.hpp"

namespace roomgate::peers_sync::redis {

using net::IoError;
using net::Task;

namespace {

constexpr Duration kStall = seconds(5);  // a Redis that takes nothing for so long

std::string io_error(std::string_view step, IoError error) {
  return std::string(step) + ": " + std::string(net::to_string(error));
}

Task<Result<std::vector<Address>, std::string>> resolve(net::Core& core, std::string host,
                                                        std::uint16_t port) {
  std::vector<Address> found;
  if (const auto address = Address::from_ip(host, port)) {
    found.push_back(*address);
    co_return found;
  }
  // /etc/hosts is not asked (dns::Resolver); this one name every container has.
  if (host == "localhost") host = "127.0.0.1";
  dns::Resolver resolver(core, {});
  const auto answer = co_await resolver.addresses(host);
  if (!answer) co_return fail("no address of " + host);
  for (const Address& address : answer->addresses) found.push_back(address.with_port(port));
  co_return found;
}

net::SslPointer client_of(SSL_CTX* context, const Place& place) {
  net::SslPointer ssl(SSL_new(context));
  // No memory: by exception, since a null pointer would mean plain text.
  if (ssl == nullptr) throw std::bad_alloc();
  SSL_set_connect_state(ssl.get());
  if (Address::from_ip(place.host, place.port)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), place.host.c_str());
  } else {
    // What the macro SSL_set_tlsext_host_name does, without its C cast.
    SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(place.host.c_str()));
    SSL_set1_host(ssl.get(), place.host.c_str());
  }
  return ssl;
}

}  // namespace

Result<SslContext, std::string> make_context(const std::string& ca) {
  SslContext context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr) return fail(std::string("no memory for TLS"));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  const bool loaded = ca.empty() ? SSL_CTX_set_default_verify_paths(context.get()) == 1
                                 : SSL_CTX_load_verify_locations(context.get(), ca.c_str(), nullptr) == 1;
  if (!loaded)
    return fail("peers.redis.ca: " + (ca.empty() ? "the system's authorities" : ca) + " cannot be read");
  return context;
}

Task<Result<std::shared_ptr<Link>, std::string>> Link::open(net::Core& core, Place place, SSL_CTX* context,
                                                            TimePoint deadline) {
  const auto addresses = co_await resolve(core, place.host, place.port);
  if (!addresses) co_return fail(addresses.error());
  std::unique_ptr<net::Stream> stream;
  std::string error;
  for (const Address& address : *addresses) {
    auto connected = co_await net::Stream::connect(core, address, deadline);
    if (connected) {
      stream = std::move(connected).value();
      break;
    }
    error = io_error("connect", connected.error());
  }
  if (stream == nullptr) co_return fail(error);
  if (place.tls) {
    auto ssl = client_of(context, place);
    const auto shaken = co_await stream->handshake(std::move(ssl), deadline);
    if (!shaken) {
      const long verdict = SSL_get_verify_result(stream->tls());
      if (verdict != X509_V_OK) {
        co_return fail("tls: " + std::string(X509_verify_cert_error_string(verdict)));
      }
      co_return fail(io_error("tls", shaken.error()));
    }
  }
  std::shared_ptr<Link> link(new Link(core, std::move(stream)));
  core.spawn(read(link));

  std::vector<std::vector<std::string>> first;
  if (!place.password.empty()) {
    first.push_back({"AUTH"});
    if (!place.user.empty()) first.back().push_back(place.user);
    first.back().push_back(place.password);
  }
  if (place.database != 0) first.push_back({"SELECT", std::to_string(place.database)});
  for (auto& words : first) {
    const std::string what = words.front();
    const auto answer = co_await link->ask(std::move(words), deadline);
    if (answer && !answer->is_error()) continue;
    const std::string why = answer ? answer->text : answer.error();
    link->close(why);
    co_return fail(what + ": " + why);
  }
  co_return link;
}

Task<Answer> Link::ask(std::vector<std::string> words, TimePoint deadline) {
  const auto self = shared_from_this();
  if (!is_open()) co_return fail(error_);
  const auto question = std::make_shared<Question>(core_);
  questions_.push_back(question);
  out_ += encode_command(words);
  if (!std::exchange(writing_, true)) core_.spawn(write(self));
  // It may have been answered, or the connection have ended, within this turn.
  if (!question->answer) (void)co_await question->waiter.wait(deadline);
  if (!question->answer) {
    close("no reply in time");
    co_return fail(error_);
  }
  co_return std::move(*question->answer);
}

void Link::close(std::string why) {
  if (!is_open()) return;
  error_ = std::move(why);
  stream_->interrupt();
  for (const auto& question : std::exchange(questions_, {})) {
    question->answer = Answer(fail(error_));
    question->waiter.wake({});
  }
}

Task<void> Link::read(std::shared_ptr<Link> self) {
  std::vector<std::uint8_t> bytes(64 * 1024);
  while (self->is_open()) {
    const auto read = co_await self->stream_->read_some(bytes, TimePoint::max());
    if (!read) {
      self->close(io_error("read", read.error()));
      co_return;
    }
    if (*read == 0) {
      self->close("it has closed the connection");
      co_return;
    }
    if (const auto fed = self->decoder_.feed(ByteView(bytes).first(*read)); !fed) {
      self->close(fed.error());
      co_return;
    }
    while (true) {
      auto reply = self->decoder_.next();
      if (!reply) {
        self->close(reply.error());
        co_return;
      }
      if (!*reply) break;
      if (self->questions_.empty()) {
        self->close("a reply that nobody asked for");
        co_return;
      }
      const auto question = std::move(self->questions_.front());
      self->questions_.pop_front();
      question->answer = Answer(std::move(**reply));
      question->waiter.wake({});
    }
  }
}

Task<void> Link::write(std::shared_ptr<Link> self) {
  while (self->is_open() && !self->out_.empty()) {
    // What comes meanwhile goes together, next.
    const std::string now = std::exchange(self->out_, {});
    const auto sent = co_await self->stream_->write_all(as_bytes(now), kStall);
    if (!sent) self->close(io_error("write", sent.error()));
  }
  self->writing_ = false;
}

Task<Result<Place, std::string>> find_master(net::Core& core, std::vector<Place> sentinels, SSL_CTX* context,
                                             std::string name, Duration timeout) {
  std::string error = "no sentinel";
  for (const Place& sentinel : sentinels) {
    const auto deadline = Clock::now() + timeout;
    const auto link = co_await Link::open(core, sentinel, context, deadline);
    if (!link) {
      error = sentinel.to_string() + ": " + link.error();
      continue;
    }
    std::vector<std::string> words = {"SENTINEL", "get-master-addr-by-name", name};
    const auto answer = co_await (*link)->ask(std::move(words), deadline);
    (*link)->close("done");
    if (!answer || !answer->is_list(2)) {
      error = sentinel.to_string();
      if (!answer) {
        error += ": " + answer.error();
      } else {
        // That a password is wanted, for instance.
        error += answer->is_error() ? ": " + answer->text : " does not know " + name;
      }
      continue;
    }
    const auto master = parse_sentinel((answer->items[0].text.find(':') == std::string::npos
                                            ? answer->items[0].text
                                            : "[" + answer->items[0].text + "]") +
                                       ":" + answer->items[1].text);
    if (master) co_return *master;
    error = sentinel.to_string() + ": an address that is none";
  }
  co_return fail(error);
}

}  // namespace roomgate::peers_sync::redis
