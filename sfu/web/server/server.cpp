#include "sfu/web/server/server.hpp"

#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/log.hpp"
#include "sfu/web/server/http_connection.hpp"

namespace roomgate::sfu::web {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

void accept_next(std::shared_ptr<Server::State> state);

void on_accepted(const std::shared_ptr<Server::State>& state, const boost::system::error_code& error,
                 tcp::socket socket) {
  if (error == asio::error::operation_aborted) return;
  if (error) {
    // Out of descriptors or memory: trying again at once would spin.
    LOG(error, "accept_failed", {"reason", error.message()});
    auto timer = std::make_shared<asio::steady_timer>(state->context, std::chrono::milliseconds(100));
    timer->async_wait([state, timer](const boost::system::error_code& stopped) {
      if (!stopped) accept_next(state);
    });
    return;
  }
  if (state->connections.size() >= state->limits.connections) {
    LOG(warn, "connection_refused", {"reason", "too many connections"}, {"limit", state->limits.connections});
  } else {
    start_http_connection(state, std::move(socket));
  }
  accept_next(state);
}

void accept_next(std::shared_ptr<Server::State> state) {
  if (!state->acceptor.is_open()) return;
  auto& acceptor = state->acceptor;
  acceptor.async_accept(
      [state = std::move(state)](const boost::system::error_code& error, tcp::socket socket) {
        on_accepted(state, error, std::move(socket));
      });
}

}  // namespace

Server::Server(asio::io_context& context, Site& site, Limits limits)
    : state_(std::make_shared<State>(context, site, limits)) {}

Server::~Server() {
  stop_accepting();
  close_all();
}

Result<Address, std::string> Server::listen(const Address& address) {
  tcp::endpoint endpoint;
  std::memcpy(endpoint.data(), address.data(), address.size());
  endpoint.resize(address.size());
  boost::system::error_code error;
  tcp::acceptor& acceptor = state_->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error && !address.is_v4()) acceptor.set_option(asio::ip::v6_only(false), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(4096, error);
  if (error) return fail("cannot listen on " + address.to_string() + ": " + error.message());
  accept_next(state_);
  const tcp::endpoint local = acceptor.local_endpoint(error);
  return address.with_port(local.port());
}

void Server::stop_accepting() {
  boost::system::error_code ignored;
  state_->acceptor.close(ignored);
}

void Server::close_all() {
  // end() may take the connection out of the set.
  const std::vector<Connection*> all(state_->connections.begin(), state_->connections.end());
  for (Connection* connection : all) connection->end();
}

void Server::publish(const std::string& line) {
  const std::vector<LineWatcher*> all(state_->watchers.begin(), state_->watchers.end());
  for (LineWatcher* watcher : all) watcher->write_line(line);
}

}  // namespace roomgate::sfu::web
