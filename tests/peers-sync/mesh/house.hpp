// Gates on loopback for tests: certificates of one authority, and strangers who speak by hand.
#pragma once

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "base/net/acceptor.hpp"
#include "peers-sync/codec/frame.hpp"
#include "peers-sync/codec/gate_hello.hpp"
#include "peers-sync/mesh/mesh.hpp"
#include "tests/peers-sync/fakes.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/on_core.hpp"
#include "tests/support/until.hpp"

namespace roomgate::peers_sync::mesh::tests {

using net::Core;
using net::Task;
using peers_sync::tests::FakeTable;
using roomgate::tests::run;
using roomgate::tests::until;

inline const Address kAnyPort = *Address::parse("127.0.0.1:0");

class Authority {
 public:
  explicit Authority(const char* name = "the house")
      : made_(roomgate::tests::make({.authority = true, .common_name = name})) {
    roomgate::tests::write(folder_ / "ca.pem", made_.certificate);
  }
  // Of the gate `own_name`, with a certificate for `shown`.
  std::shared_ptr<const TlsContext> context(const std::string& own_name, const std::string& ca = {}) {
    const auto made = roomgate::tests::make({.names = "DNS:" + own_name, .issuer = &made_});
    const std::string file = folder_ / (own_name + ".pem");
    roomgate::tests::write(file, made.certificate + made.key);
    auto context =
        TlsContext::load({.certificate = file, .key = "", .ca = ca.empty() ? this->ca() : ca}, own_name);
    REQUIRE(context.ok());
    return *context;
  }
  std::string ca() const { return folder_ / "ca.pem"; }

 private:
  roomgate::tests::Folder folder_;
  roomgate::tests::Made made_;
};

// A connection that says what the test wants.
class Stranger {
 public:
  static Task<std::unique_ptr<Stranger>> come(Core& core, Address to) {
    auto connected = co_await net::Stream::connect(core, to, core.now() + seconds(5));
    REQUIRE(connected.ok());
    auto made = std::make_unique<Stranger>();
    made->stream_ = std::move(connected).value();
    co_return std::move(made);
  }
  explicit Stranger(std::unique_ptr<net::Stream> stream = nullptr) : stream_(std::move(stream)) {}

  Task<bool> say(std::string bytes) {
    const auto said = co_await stream_->write_all(as_bytes(bytes), seconds(5));
    co_return said.ok();
  }
  // Once: as much as came.
  Task<std::string> hear() {
    std::string bytes(64 * 1024, '\0');
    const auto got = co_await stream_->read_some(
        {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()}, stream_->core().now() + seconds(10));
    bytes.resize(got ? *got : 0);
    co_return bytes;
  }
  // Until the other side ends, in whatever way.
  Task<std::string> hear_all() {
    std::string all;
    for (;;) {
      std::string some = co_await hear();
      if (some.empty()) co_return all;
      all += some;
    }
  }
  net::Stream& stream() { return *stream_; }

 private:
  std::unique_ptr<net::Stream> stream_;
};

inline std::string gate_hello(const std::string& to, const std::string& from, std::uint64_t life) {
  std::string hello;
  codec::append_hello({.to = to, .from = from, .process = "1", .words = codec::gate_words(life)}, hello);
  return hello;
}
inline std::string haproxy_hello(const std::string& to, const std::string& from) {
  std::string hello;
  codec::append_hello({.to = to, .from = from, .process = "4711", .words = {}}, hello);
  return hello;
}
// A packet between gates.
inline std::string packet_of(std::uint8_t type, std::string_view body) {
  std::string out;
  codec::FrameWriter frame(codec::kGateClass, type, out);
  out += body;
  frame.end();
  return out;
}

}  // namespace roomgate::peers_sync::mesh::tests
