#include "router/admin/server.hpp"

#include <unistd.h>

#include "base/log.hpp"
#include "router/http/error_response.hpp"
#include "router/http/framing.hpp"
#include "router/http/request_parser.hpp"

namespace roomgate::router::admin {

using net::Task;

namespace {

struct Leave {
  ~Leave() { --open; }
  std::size_t& open;
};

}  // namespace

Server::Server(net::Core& core, Subject& subject, Options options, Limits limits)
    : core_(core), subject_(subject), options_(std::move(options)), limits_(limits) {}

Server::~Server() = default;

Result<void, std::string> Server::listen(const std::string& address, Access access) {
  const auto parsed = Address::parse(address);
  if (!parsed) return fail("not an address: " + address);
  const auto descriptor = net::open_listener(*parsed, false);
  if (!descriptor) return fail(descriptor.error());
  const auto bound = net::bound_address(*descriptor);
  LOG(info, "listening", {"address", bound.value_or(*parsed).to_string()},
      {"for", access == Access::probe ? "probe" : "admin"});
  acceptors_.push_back(std::make_unique<net::Acceptor>(
      core_, *descriptor, [this, access](int connection, const Address&) { accept(connection, access); }));
  return {};
}

Result<void, std::string> Server::start() {
  if (!options_.address.empty()) {
    if (auto done = listen(options_.address, Access::read); !done) return done;
  }
  if (!options_.probe_address.empty()) {
    if (auto done = listen(options_.probe_address, Access::probe); !done) return done;
  }
  if (!options_.socket.empty()) {
    const auto descriptor = net::open_unix_listener(options_.socket);
    if (!descriptor) return fail(descriptor.error());
    LOG(info, "listening", {"address", "unix:" + options_.socket}, {"for", "admin"});
    acceptors_.push_back(std::make_unique<net::Acceptor>(
        core_, *descriptor, [this](int connection, const Address&) { accept(connection, Access::full); }));
  }
  for (auto& acceptor : acceptors_) acceptor->start();
  return {};
}

void Server::stop() {
  for (auto& acceptor : acceptors_) acceptor->stop();
  if (!options_.socket.empty()) ::unlink(options_.socket.c_str());
}

void Server::accept(int descriptor, Access access) {
  if (open_ >= limits_.max_connections) {
    ::close(descriptor);
    return;
  }
  core_.spawn(serve(std::make_unique<net::Stream>(core_, descriptor), access));
}

Task<void> Server::serve(std::unique_ptr<net::Stream> stream, Access access) {
  ++open_;
  const Leave leave{open_};
  http::RequestParser parser;
  std::vector<std::uint8_t> bytes(16 * 1024 + limits_.max_body_bytes);
  std::size_t size = 0;
  bool keep_alive = true;
  while (keep_alive) {
    const auto deadline = Clock::now() + limits_.request;
    std::string out;
    bool complete = false;
    while (!complete) {
      const auto parsed = parser.parse({bytes.data(), size});
      if (!parsed || (!*parsed && size == bytes.size())) {
        const auto reason = parsed ? http::Reason::head_too_large : http::reason_of(parsed.error());
        http::write_error_response({.reason = reason}, out);
        (void)co_await stream->write_all(as_bytes(out), limits_.request);
        co_return;
      }
      complete = *parsed;
      if (complete) break;
      const auto read = co_await stream->read_some(ByteSpan(bytes).subspan(size), deadline);
      if (!read || *read == 0) co_return;
      size += *read;
    }
    const http::RequestHead& head = parser.head();
    const auto framing = http::framing_of(head);
    const bool length_known = framing && framing->kind != http::Framing::Kind::chunked;
    if (!length_known || framing->length > limits_.max_body_bytes) {
      http::write_error_response(
          {.reason = length_known ? http::Reason::body_too_large : http::Reason::bad_framing}, out);
      (void)co_await stream->write_all(as_bytes(out), limits_.request);
      co_return;
    }
    const std::size_t total = head.size + static_cast<std::size_t>(framing->length);
    if (size < total && head.expects_continue) {
      if (!co_await stream->write_all(as_bytes("HTTP/1.1 100 Continue\r\n\r\n"), limits_.request)) co_return;
    }
    while (size < total) {
      const auto read = co_await stream->read_some(ByteSpan(bytes).subspan(size, total - size), deadline);
      if (!read || *read == 0) co_return;
      size += *read;
    }
    const auto* authorization = http::find_header(head.headers, "Authorization");
    const auto* accept = http::find_header(head.headers, "Accept");
    const std::string_view body =
        as_text({bytes.data() + head.size, static_cast<std::size_t>(framing->length)});
    const auto response = answer(subject_,
                                 {.method = head.method,
                                  .path = head.target.path,
                                  .query = head.target.query,
                                  .authorization = authorization == nullptr ? "" : authorization->value,
                                  .accept = accept == nullptr ? "" : accept->value,
                                  .body = body},
                                 access, options_.token);
    keep_alive = http::keeps_alive(head);
    http::write_plain_response({.status = response.status,
                                .keep_alive = keep_alive,
                                .client_minor_version = head.minor_version,
                                .head_only = head.method == http::Method::head,
                                .content_type = response.content_type,
                                .body = response.body,
                                .content_security_policy = response.content_security_policy},
                               out);
    if (!co_await stream->write_all(as_bytes(out), limits_.request)) co_return;
    std::copy(bytes.begin() + static_cast<std::ptrdiff_t>(total),
              bytes.begin() + static_cast<std::ptrdiff_t>(size), bytes.begin());
    size -= total;
    parser.reset();
  }
  stream->shutdown_write();
}

}  // namespace roomgate::router::admin
