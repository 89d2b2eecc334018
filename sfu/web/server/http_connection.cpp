#include "sfu/web/server/http_connection.hpp"

#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <deque>

#include "sfu/web/server/websocket_connection.hpp"

namespace roomgate::sfu::web {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

std::string text_of(beast::string_view view) { return {view.data(), view.size()}; }

Request to_request(const http::request<http::string_body>& message, const Address& remote) {
  Request request;
  request.method = text_of(message.method_string());
  const std::string target = text_of(message.target());
  const std::size_t question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string::npos) request.query = target.substr(question + 1);
  for (const auto& field : message)
    request.headers.emplace_back(text_of(field.name_string()), text_of(field.value()));
  request.body = message.body();
  request.remote = remote;
  return request;
}

// A watcher (GET /about/rooms?watch=1): one JSON object a line, chunked, for as long as the client stays.
class Watcher : public LineWatcher, public Connection, public std::enable_shared_from_this<Watcher> {
 public:
  Watcher(std::shared_ptr<Server::State> state, beast::tcp_stream stream)
      : state_(std::move(state)), stream_(std::move(stream)) {
    state_->connections.insert(this);
    state_->watchers.insert(this);
    stream_.expires_never();
  }
  ~Watcher() override {
    state_->connections.erase(this);
    state_->watchers.erase(this);
  }

  void start(const Response& response) {
    std::string head =
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n";
    for (const auto& [name, value] : response.headers) head += name + ": " + value + "\r\n";
    queue(head + "\r\n");
    if (!response.body.empty()) write_line(response.body);
    wait_for_end();
  }

  void write_line(const std::string& line) override {
    std::array<char, 24> size;
    std::snprintf(size.data(), size.size(), "%zx\r\n", line.size() + 1);
    queue(size.data() + line + "\n\r\n");
  }

  void end() override { stream_.close(); }

 private:
  void queue(std::string bytes) {
    queued_bytes_ += bytes.size();
    queue_.push_back(std::move(bytes));
    if (queued_bytes_ > state_->limits.socket_queue_bytes) return end();
    if (queue_.size() == 1) write_next();
  }

  void write_next() {
    asio::async_write(stream_, asio::buffer(queue_.front()),
                      [self = shared_from_this()](const error_code& error, std::size_t) {
                        if (error) return;
                        self->queued_bytes_ -= self->queue_.front().size();
                        self->queue_.pop_front();
                        if (!self->queue_.empty()) self->write_next();
                      });
  }

  // A watcher has nothing to say: anything read, or the end, ends it.
  void wait_for_end() {
    stream_.async_read_some(asio::buffer(scratch_),
                            [self = shared_from_this()](const error_code&, std::size_t) { self->end(); });
  }

  std::shared_ptr<Server::State> state_;
  beast::tcp_stream stream_;
  std::deque<std::string> queue_;
  std::size_t queued_bytes_ = 0;
  std::array<char, 16> scratch_{};
};

class HttpConnection : public Connection, public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(std::shared_ptr<Server::State> state, asio::ip::tcp::socket socket)
      : state_(std::move(state)), stream_(std::move(socket)) {
    state_->connections.insert(this);
    error_code ignored;
    stream_.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
    const auto endpoint = stream_.socket().remote_endpoint(ignored);
    if (const auto remote = Address::from_sockaddr(endpoint.data(), static_cast<socklen_t>(endpoint.size())))
      remote_ = *remote;
  }
  ~HttpConnection() override { state_->connections.erase(this); }

  void start() { read_next(state_->limits.request_timeout); }
  void end() override { stream_.close(); }

 private:
  void read_next(Duration deadline) {
    parser_.emplace();
    parser_->header_limit(state_->limits.header_bytes);
    parser_->body_limit(state_->limits.body_bytes);
    stream_.expires_after(deadline);
    http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](const error_code& error, std::size_t) { self->on_read(error); });
  }

  void on_read(const error_code& error) {
    if (error) return on_read_error(error);
    const auto& message = parser_->get();
    const Request request = to_request(message, remote_);
    if (beast::websocket::is_upgrade(message)) {
      Upgrade upgrade = state_->site.upgrade(request);
      if (!upgrade.handler) return answer(std::move(upgrade.refusal), false);
      return start_websocket(state_, std::move(stream_), message, std::move(upgrade));
    }
    Response response = state_->site.respond(request);
    if (response.watch) return std::make_shared<Watcher>(state_, std::move(stream_))->start(response);
    answer(std::move(response), message.keep_alive());
  }

  // Says what was wrong where that can still be read; silence and closed connections get no answer.
  void on_read_error(const error_code& error) {
    if (error.category() != http::make_error_code(http::error::bad_method).category() ||
        error == http::error::end_of_stream)
      return;
    const unsigned status = error == http::error::header_limit ? 431
                            : error == http::error::body_limit ? 413
                                                               : 400;
    answer(state_->site.refuse(status, error.message()), false);
  }

  void answer(Response response, bool keep_alive) {
    const auto& message = parser_->get();
    reply_.emplace();
    reply_->version(message.version() >= 11 ? 11 : 10);
    reply_->result(response.status);
    for (const auto& [name, value] : response.headers) reply_->set(name, value);
    if (response.status != 304) reply_->set(http::field::content_type, response.content_type);
    reply_->keep_alive(keep_alive);
    if (message.method() == http::verb::head) {
      reply_->content_length(response.body.size());
    } else {
      reply_->body() = std::move(response.body);
      reply_->prepare_payload();
    }
    stream_.expires_after(state_->limits.keep_alive);
    http::async_write(stream_, *reply_,
                      [self = shared_from_this(), keep_alive](const error_code& error, std::size_t) {
                        if (error) return;
                        if (keep_alive) return self->read_next(self->state_->limits.keep_alive);
                        error_code ignored;
                        self->stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
                        self->stream_.expires_after(std::chrono::seconds(2));
                        self->read_to_end();
                      });
  }

  // What the client still sends is read and thrown away for a moment: closing at once would reset the
  // connection, and the answer could be lost with it.
  void read_to_end() {
    stream_.async_read_some(asio::buffer(scratch_),
                            [self = shared_from_this()](const error_code& error, std::size_t) {
                              if (!error) self->read_to_end();
                            });
  }

  std::shared_ptr<Server::State> state_;
  beast::tcp_stream stream_;
  Address remote_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> reply_;
  std::array<char, 4096> scratch_{};
};

}  // namespace

void start_http_connection(std::shared_ptr<Server::State> state, asio::ip::tcp::socket socket) {
  std::make_shared<HttpConnection>(std::move(state), std::move(socket))->start();
}

}  // namespace roomgate::sfu::web
