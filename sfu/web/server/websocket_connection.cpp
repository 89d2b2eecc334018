#include "sfu/web/server/websocket_connection.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <list>

#include "base/log.hpp"

namespace roomgate::sfu::web {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using boost::system::error_code;

class WebSocketConnection : public Socket,
                            public Connection,
                            public std::enable_shared_from_this<WebSocketConnection> {
 public:
  WebSocketConnection(std::shared_ptr<Server::State> state, beast::tcp_stream stream, Upgrade upgrade)
      : state_(std::move(state)),
        socket_(std::move(stream)),
        timer_(state_->context),
        handler_(std::move(upgrade.handler)) {
    state_->connections.insert(this);
    beast::get_lowest_layer(socket_).expires_never();
    socket_.set_option(websocket::stream_base::timeout{state_->limits.request_timeout,
                                                       websocket::stream_base::none(), false});
    socket_.set_option(websocket::stream_base::decorator(
        [subprotocol = upgrade.subprotocol, headers = upgrade.headers](websocket::response_type& response) {
          for (const auto& [name, value] : headers) response.set(name, value);
          if (!subprotocol.empty()) response.set(beast::http::field::sec_websocket_protocol, subprotocol);
        }));
    socket_.read_message_max(state_->limits.message_bytes);
    socket_.auto_fragment(false);
    socket_.text(true);
    socket_.control_callback(
        [this](websocket::frame_type, beast::string_view) { last_received_ = Clock::now(); });
  }

  ~WebSocketConnection() override { state_->connections.erase(this); }

  void start(const beast::http::request<beast::http::string_body>& request) {
    socket_.async_accept(request,
                         [self = shared_from_this()](const error_code& error) { self->on_accepted(error); });
  }

  void send(std::string text) override {
    if (closing_ || closed_) return;
    queued_bytes_ += text.size();
    queue_.push_back(std::move(text));
    if (queued_bytes_ > state_->limits.socket_queue_bytes) {
      LOG(warn, "websocket_cut_off", {"reason", "client does not read"}, {"queued_bytes", queued_bytes_});
      return cut();
    }
    if (queue_.size() == 1) write_next();
  }

  void close(std::uint16_t code, std::string_view reason) override {
    if (closing_ || closed_) return;
    if (!opened_) return cut();  // while the handshake is under way, nothing else may be written
    closing_ = true;
    close_reason_ = websocket::close_reason(static_cast<websocket::close_code>(code),
                                            beast::string_view(reason.data(), reason.size()));
    close_deadline_ = Clock::now() + state_->limits.request_timeout;
    // What was sent before goes out before.
    if (queue_.empty()) send_close();
  }

  void end() override { close(websocket::close_code::going_away, ""); }

 private:
  void on_accepted(const error_code& error) {
    if (error || closed_) return finish();
    last_received_ = Clock::now();
    opened_ = true;
    handler_->on_open(*this);
    read_next();
    wait_for_ping();
  }

  void read_next() {
    if (closed_) return;
    socket_.async_read(
        buffer_, [self = shared_from_this()](const error_code& error, std::size_t) { self->on_read(error); });
  }

  void on_read(const error_code& error) {
    if (error) return finish();
    last_received_ = Clock::now();
    if (!socket_.got_text()) {
      close(websocket::close_code::unknown_data, "text frames only");
    } else if (!closing_) {
      const auto data = buffer_.cdata();
      handler_->on_text({static_cast<const char*>(data.data()), data.size()});
    }
    buffer_.consume(buffer_.size());
    buffer_.shrink_to_fit();  // clients say little after they joined, and stay for hours
    read_next();
  }

  void write_next() {
    socket_.async_write(
        asio::buffer(queue_.front()),
        [self = shared_from_this()](const error_code& error, std::size_t) { self->on_written(error); });
  }

  void on_written(const error_code& error) {
    if (closed_) return;
    if (error) return finish();
    queued_bytes_ -= queue_.front().size();
    queue_.pop_front();
    if (!queue_.empty()) return write_next();
    if (closing_) send_close();
  }

  void send_close() {
    if (close_sent_ || closed_) return;
    close_sent_ = true;
    socket_.async_close(close_reason_, [self = shared_from_this()](const error_code&) { self->finish(); });
  }

  // Until the next ping, or until it is dead: a second round of pings must not lengthen that.
  void wait_for_ping() {
    const Duration to_live = last_received_ + state_->limits.dead_after - Clock::now();
    timer_.expires_after(std::min(state_->limits.ping_interval, std::max(to_live, Duration::zero())));
    timer_.async_wait([self = shared_from_this()](const error_code& error) {
      if (!error) self->on_timer();
    });
  }

  void on_timer() {
    if (closed_) return;
    const TimePoint now = Clock::now();
    if (now - last_received_ >= state_->limits.dead_after) {
      silent_ = now - last_received_;
      return cut();
    }
    if (closing_ && now >= close_deadline_) return cut();
    if (!closing_ && !ping_pending_) {
      ping_pending_ = true;
      socket_.async_ping({}, [self = shared_from_this()](const error_code&) { self->ping_pending_ = false; });
    }
    wait_for_ping();
  }

  // Ends without a closing handshake; pending operations come back with an error.
  void cut() {
    beast::get_lowest_layer(socket_).close();
    finish();
  }

  void finish() {
    if (closed_) return;
    closed_ = true;
    timer_.cancel();
    beast::get_lowest_layer(socket_).close();
    if (opened_) {
      // The handler may have asked for this from within on_text: tell it after that has returned.
      asio::post(state_->context, [self = shared_from_this()] { self->handler_->on_closed(self->silent_); });
    }
  }

  std::shared_ptr<Server::State> state_;
  websocket::stream<beast::tcp_stream> socket_;
  asio::steady_timer timer_;
  std::unique_ptr<SocketHandler> handler_;
  beast::flat_buffer buffer_;
  std::list<std::string> queue_;  // not a deque, which takes half a kilobyte while it is empty
  std::size_t queued_bytes_ = 0;
  TimePoint last_received_{};
  TimePoint close_deadline_{};
  Duration silent_{};
  websocket::close_reason close_reason_;
  bool opened_ = false;
  bool closing_ = false;
  bool close_sent_ = false;
  bool closed_ = false;
  bool ping_pending_ = false;
};

}  // namespace

void start_websocket(std::shared_ptr<Server::State> state, beast::tcp_stream stream,
                     const beast::http::request<beast::http::string_body>& request, Upgrade upgrade) {
  std::make_shared<WebSocketConnection>(std::move(state), std::move(stream), std::move(upgrade))
      ->start(request);
}

}  // namespace roomgate::sfu::web
