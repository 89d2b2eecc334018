// One HTTP connection: requests in turn, until it becomes a WebSocket, a watcher, or ends. Owned by its own
// asynchronous operations.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>

#include "sfu/web/server/state.hpp"

namespace roomgate::sfu::web {

void start_http_connection(std::shared_ptr<Server::State> state, boost::asio::ip::tcp::socket socket);

}  // namespace roomgate::sfu::web
