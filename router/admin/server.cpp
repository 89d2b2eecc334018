#include "router/admin/server.hpp"

#include <unistd.h>

#include <algorithm>

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

Result<Server::Opened, std::string> Server::open_missing(const Options& wanted, const Inherit& inherit) {
  Opened opened;
  const auto open_one = [&](Place place, const std::string& address) -> Result<int, std::string> {
    if (inherit) {
      if (const int inherited = inherit(place, address); inherited >= 0) return inherited;
    }
    if (place == Place::socket) return net::open_unix_listener(address);
    const auto parsed = Address::parse(address);
    if (!parsed) return fail("not an address: " + address);
    return net::open_listener(*parsed, false);
  };
  for (const auto& [place, address] :
       {std::pair(Place::address, &wanted.address), std::pair(Place::probe, &wanted.probe_address),
        std::pair(Place::socket, &wanted.socket)}) {
    const bool is_open = std::any_of(listening_.begin(), listening_.end(),
                                     [at = place, named = address](const Listening& each) {
                                       return each.place == at && each.address == *named;
                                     });
    if (address->empty() || is_open) continue;
    const auto descriptor = open_one(place, *address);
    if (!descriptor) return fail(descriptor.error());
    const Access access = place == Place::socket  ? Access::full
                          : place == Place::probe ? Access::probe
                                                  : Access::read;
    opened.push_back(
        {place, *address,
         std::make_unique<net::Acceptor>(core_, *descriptor, [this, access](int connection, const Address&) {
           accept(connection, access);
         })});
    const auto bound = net::bound_address(*descriptor);
    LOG(info, "listening", {"address", bound ? bound->to_string() : "unix:" + *address},
        {"for", place == Place::probe ? "probe" : "admin"});
  }
  return opened;
}

Result<void, std::string> Server::open(const Inherit& inherit) {
  auto opened = open_missing(options_, inherit);
  if (!opened) return fail(opened.error());
  listening_ = std::move(opened).value();
  return {};
}

void Server::serve() {
  for (auto& each : listening_) each.acceptor->start();
}

Result<Server::Change, std::string> Server::prepare(Options next) {
  auto opened = open_missing(next, {});
  if (!opened) return fail(opened.error());
  Change change;
  change.options_ = std::move(next);
  change.opened_ = std::move(opened).value();
  return change;
}

void Server::commit(Change change) {
  options_ = std::move(change.options_);
  std::erase_if(stopped_, [](const auto& acceptor) { return acceptor->ended(); });
  std::erase_if(listening_, [this](Listening& each) {
    const std::string& wanted = each.place == Place::address  ? options_.address
                                : each.place == Place::socket ? options_.socket
                                                              : options_.probe_address;
    if (wanted == each.address) return false;
    LOG(info, "listening_no_more", {"address", each.address});
    each.acceptor->stop();
    if (each.place == Place::socket) ::unlink(each.address.c_str());
    stopped_.push_back(std::move(each.acceptor));
    return true;
  });
  for (auto& each : change.opened_) {
    each.acceptor->start();
    listening_.push_back(std::move(each));
  }
}

void Server::stop() {
  for (auto& each : listening_) {
    each.acceptor->stop();
    if (each.place == Place::socket) ::unlink(each.address.c_str());
    stopped_.push_back(std::move(each.acceptor));
  }
  listening_.clear();
}

void Server::leave() {
  for (auto& each : listening_) {
    each.acceptor->leave();
    stopped_.push_back(std::move(each.acceptor));
  }
  listening_.clear();
}

void Server::each(const std::function<void(Place place, const std::string& address, int descriptor)>& visit) {
  for (auto& each : listening_) visit(each.place, each.address, each.acceptor->descriptor());
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
    const ApiRequest request{.method = head.method,
                             .path = head.target.path,
                             .query = head.target.query,
                             .authorization = authorization == nullptr ? "" : authorization->value,
                             .accept = accept == nullptr ? "" : accept->value,
                             .body = body};
    const std::string token = options_.token;  // a reload may come while others are asked
    const auto response = co_await answer(subject_, request, access, token);
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
