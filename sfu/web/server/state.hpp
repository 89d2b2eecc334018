// What the connections of one Server share. Private to sfu/web/server.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <set>

#include "sfu/web/server/server.hpp"

namespace roomgate::sfu::web {

// Something that can be told to end: every connection, whatever it has become.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual void end() = 0;
};

class LineWatcher {
 public:
  virtual ~LineWatcher() = default;
  virtual void write_line(const std::string& line) = 0;
};

struct Server::State {
  State(boost::asio::io_context& c, Site& s, Limits l) : context(c), site(s), limits(l), acceptor(c) {}

  boost::asio::io_context& context;
  Site& site;
  Limits limits;
  boost::asio::ip::tcp::acceptor acceptor;
  std::set<Connection*> connections;
  std::set<LineWatcher*> watchers;
};

}  // namespace roomgate::sfu::web
