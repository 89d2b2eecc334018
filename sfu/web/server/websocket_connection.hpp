// One WebSocket: an upgraded HTTP connection. Owned by its own asynchronous operations.
#pragma once

#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>

#include "sfu/web/server/state.hpp"

namespace roomgate::sfu::web {

void start_websocket(std::shared_ptr<Server::State> state, boost::beast::tcp_stream stream,
                     const boost::beast::http::request<boost::beast::http::string_body>& request,
                     Upgrade upgrade);

}  // namespace roomgate::sfu::web
