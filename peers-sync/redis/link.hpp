// A connection to Redis: commands go out as they come, replies come back in their order, so any number may
// be under way. What goes wrong once ends it for good. Coroutines of the core given; kept alive by those.
#pragma once

#include <openssl/ssl.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/net/stream.hpp"
#include "peers-sync/redis/place.hpp"
#include "peers-sync/redis/protocol.hpp"

namespace roomgate::peers_sync::redis {

using Answer = Result<Reply, std::string>;  // the error is the connection's; Redis' own are replies

struct SslContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContext = std::unique_ptr<SSL_CTX, SslContextFree>;
// `ca`: PEM file of the authorities; empty: the system's. The error is for the operator.
Result<SslContext, std::string> make_context(const std::string& ca);

class Link : public std::enable_shared_from_this<Link> {
 public:
  // Connected, let in (AUTH), in its database (SELECT). `context`: where the place wants TLS.
  static net::Task<Result<std::shared_ptr<Link>, std::string>> open(net::Core& core, Place place,
                                                                    SSL_CTX* context, TimePoint deadline);

  // A reply that has not come in time ends the connection: those behind it would be taken for it.
  net::Task<Answer> ask(std::vector<std::string> words, TimePoint deadline);

  bool is_open() const { return error_.empty(); }
  const std::string& error() const { return error_; }
  void close(std::string why);

 private:
  // One command under way.
  struct Question {
    explicit Question(net::Core& core) : waiter(core) {}
    net::Waiter waiter;
    std::optional<Answer> answer;
  };

  Link(net::Core& core, std::unique_ptr<net::Stream> stream) : core_(core), stream_(std::move(stream)) {}
  static net::Task<void> read(std::shared_ptr<Link> self);
  static net::Task<void> write(std::shared_ptr<Link> self);

  net::Core& core_;
  std::unique_ptr<net::Stream> stream_;
  Decoder decoder_;
  std::deque<std::shared_ptr<Question>> questions_;
  std::string out_;
  bool writing_ = false;
  std::string error_;
};

// Where the master is that the sentinels know by that name: the first that answers counts. `context`: where
// their places want TLS.
net::Task<Result<Place, std::string>> find_master(net::Core& core, std::vector<Place> sentinels,
                                                  SSL_CTX* context, std::string name, Duration timeout);

}  // namespace roomgate::peers_sync::redis
