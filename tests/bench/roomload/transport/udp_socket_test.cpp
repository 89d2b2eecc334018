// Sockets of this machine's own loopback: what the filter lets through, and that a batch arrives as it was
// sent.
#include "bench/roomload/transport/udp_socket.hpp"

#include <doctest/doctest.h>
#include <sys/epoll.h>
#include <unistd.h>

using namespace roomgate;
using namespace roomgate::bench::roomload::transport;

namespace {

struct Nobody final : net::Core::Watcher {
  void on_events(std::uint32_t) override {}
};

struct Two {
  Two() {
    REQUIRE(receiver.open(core, true, nobody));
    REQUIRE(sender.open(core, true, nobody));
    to = *Address::from_ip("127.0.0.1", receiver.port());
  }
  // On loopback a datagram is there when its sending is done.
  std::vector<std::vector<std::uint8_t>> received() {
    std::vector<std::vector<std::uint8_t>> out;
    const std::size_t count = receiver.receive(desk, Clock::now(), counts);
    for (std::size_t i = 0; i < count; ++i) {
      out.emplace_back(desk.arrived[i].bytes.begin(), desk.arrived[i].bytes.end());
    }
    return out;
  }

  net::Core core{0};
  Desk desk{core};
  Nobody nobody;
  UdpSocket receiver;
  UdpSocket sender;
  SocketCounts counts;
  Address to;
};

}  // namespace

TEST_CASE("a batch arrives datagram by datagram, stamped by the kernel") {
  Two two;
  const TimePoint before = Clock::now();
  std::vector<std::uint16_t> sizes;
  for (std::uint16_t i = 0; i < 9; ++i) {
    two.desk.slot_out(i)[0] = static_cast<std::uint8_t>(0x80 + i);
    sizes.push_back(static_cast<std::uint16_t>(1200 - i));
  }

  two.sender.send_batch(two.desk, sizes, two.to, two.counts);
  const auto got = two.received();

  REQUIRE(got.size() == 9);
  for (std::size_t i = 0; i < 9; ++i) {
    CHECK(got[i].size() == sizes[i]);
    CHECK(got[i][0] == 0x80 + i);
    // The offset between the two clocks is known to well below a millisecond.
    CHECK(two.desk.arrived[i].at >= before - milliseconds(1));
    CHECK(two.desk.arrived[i].at <= Clock::now() + milliseconds(1));
  }
  CHECK(two.counts.datagrams_out == 9);
  CHECK(two.counts.datagrams_in == 9);
}

TEST_CASE("the filter drops media and lets STUN, DTLS and RTCP through") {
  Two two;
  REQUIRE(two.receiver.drop_media());
  const std::vector<std::vector<std::uint8_t>> all = {
      {0x00, 0x01},               // STUN
      {0x16, 0xfe},               // DTLS
      {0x80, 96},                 // RTP
      {0x80, 0xe0},               // RTP with its marker, payload type 96
      {0x80, 200},                // sender report
      {0x81, 206},                // payload-specific feedback
      {0x80, 223},  {0x80, 224},  // RTP
      {0x80, 191},                // RTP
      {0x80},                     // a torn one: nothing to read behind it, so it is dropped
  };

  for (const auto& datagram : all) two.sender.send(datagram, two.to, two.counts);
  const auto got = two.received();

  CHECK(got == std::vector<std::vector<std::uint8_t>>{all[0], all[1], all[4], all[5], all[6]});
}

TEST_CASE("a datagram that is longer than any of media's is counted and refused") {
  Two two;
  const std::vector<std::uint8_t> large(4000, 0x80);

  two.sender.send(large, two.to, two.counts);
  const auto got = two.received();

  CHECK(got.empty());
  CHECK(two.counts.cut == 1);
}
