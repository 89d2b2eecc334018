#include "sfu/bridge/udp_socket.hpp"

#include <doctest/doctest.h>
#include <poll.h>

#include <string>
#include <vector>

using namespace roomgate;
using namespace roomgate::sfu::bridge;

namespace {

constexpr std::size_t kBuffer = 2048;

UdpSocket opened(const char* address) {
  auto socket = UdpSocket::open(*Address::parse(address), 1 << 20);
  REQUIRE(socket);
  return std::move(*socket);
}

struct Received {
  std::string text;
  Path path;
};

std::vector<Received> receive_all(UdpSocket& socket, std::size_t expected) {
  std::vector<Received> out;
  std::vector<std::uint8_t> memory(UdpSocket::kBatch * kBuffer);
  std::vector<ByteSpan> buffers;
  for (std::size_t i = 0; i < UdpSocket::kBatch; ++i) {
    buffers.emplace_back(memory.data() + i * kBuffer, kBuffer);
  }
  std::array<UdpSocket::Datagram, UdpSocket::kBatch> batch;
  pollfd waiting{socket.fd(), POLLIN, 0};
  while (out.size() < expected && ::poll(&waiting, 1, 5000) == 1) {
    const std::size_t count = socket.receive(buffers, batch);
    for (std::size_t i = 0; i < count; ++i)
      out.push_back({std::string(as_text(batch[i].bytes)), batch[i].path});
  }
  return out;
}

void send_text(UdpSocket& socket, const Path& path, const std::string& text) {
  socket.send(path, as_bytes(text));
}

}  // namespace

TEST_CASE("a run of equal sizes arrives as datagrams of their own, in order") {
  UdpSocket sender = opened("[::]:0");
  UdpSocket a = opened("127.0.0.1:0");
  UdpSocket b = opened("[::1]:0");
  const std::string run = std::string(1100, 'a') + std::string(1100, 'b') + std::string(300, 'c');
  const std::string single(700, 'd');

  const std::array<UdpSocket::Outgoing, 4> messages = {
      UdpSocket::Outgoing{{a.bound(), Address()}, as_bytes(run), 1100},
      UdpSocket::Outgoing{{b.bound(), Address()}, as_bytes(run), 1100},
      UdpSocket::Outgoing{{a.bound(), Address()}, as_bytes(single), 0},
      UdpSocket::Outgoing{{b.bound(), Address()}, as_bytes(single), 700},
  };
  sender.send(messages);

  for (UdpSocket* receiver : {&a, &b}) {
    const auto received = receive_all(*receiver, 4);
    REQUIRE(received.size() == 4);
    CHECK(received[0].text == std::string(1100, 'a'));
    CHECK(received[1].text == std::string(1100, 'b'));
    CHECK(received[2].text == std::string(300, 'c'));
    CHECK(received[3].text == single);
  }
  CHECK(sender.counters().sent == 8);
  CHECK(sender.counters().send_failed == 0);
}

TEST_CASE("a socket bound to all addresses knows which one was spoken to, and answers from it") {
  UdpSocket server = opened("[::]:0");
  UdpSocket client = opened("127.0.0.1:0");
  const Address spoken_to = *Address::from_ip("127.0.0.2", server.bound().port());
  send_text(client, {spoken_to, Address()}, "hello");

  const auto request = receive_all(server, 1);
  REQUIRE(request.size() == 1);
  CHECK(request[0].path.remote == client.bound());
  CHECK(request[0].path.local == spoken_to);
  send_text(server, request[0].path, "answer");

  const auto answer = receive_all(client, 1);
  REQUIRE(answer.size() == 1);
  CHECK(answer[0].text == "answer");
  CHECK(answer[0].path.remote == spoken_to);
}

TEST_CASE("a path is kept without its own address only where the kernel would choose that address") {
  UdpSocket server = opened("[::]:0");
  UdpSocket client = opened("127.0.0.1:0");
  const std::uint16_t port = server.bound().port();
  const Path usual{client.bound(), *Address::from_ip("127.0.0.1", port)};
  const Path other{client.bound(), *Address::from_ip("127.0.0.2", port)};

  const Path kept = server.leanest(usual);
  send_text(server, kept, "from the usual one");
  send_text(server, server.leanest(other), "from the other");
  const auto received = receive_all(client, 2);

  CHECK(kept == Path{client.bound(), Address()});
  CHECK(server.leanest(other) == other);
  CHECK(server.leanest({client.bound(), Address()}) == Path{client.bound(), Address()});
  REQUIRE(received.size() == 2);
  CHECK(received[0].path.remote == *Address::from_ip("127.0.0.1", port));
  CHECK(received[1].path.remote == *Address::from_ip("127.0.0.2", port));
}

TEST_CASE("more messages than one system call takes leave in several") {
  UdpSocket sender = opened("127.0.0.1:0");
  UdpSocket receiver = opened("127.0.0.1:0");
  const std::vector<UdpSocket::Outgoing> messages(150, {{receiver.bound(), Address()}, as_bytes("x"), 0});

  sender.send(messages);

  CHECK(receive_all(receiver, 150).size() == 150);
}

TEST_CASE("what the kernel refuses is counted and does not stop the rest") {
  UdpSocket sender = opened("127.0.0.1:0");
  UdpSocket receiver = opened("127.0.0.1:0");
  const std::array<UdpSocket::Outgoing, 2> messages = {
      UdpSocket::Outgoing{{*Address::parse("255.255.255.255:9"), Address()}, as_bytes("not permitted"), 0},
      UdpSocket::Outgoing{{receiver.bound(), Address()}, as_bytes("fine"), 0},
  };

  sender.send(messages);

  CHECK(sender.counters().send_failed == 1);
  CHECK(receive_all(receiver, 1).size() == 1);
}

TEST_CASE("a datagram too large for a buffer is dropped and counted") {
  UdpSocket sender = opened("127.0.0.1:0");
  UdpSocket receiver = opened("127.0.0.1:0");
  send_text(sender, {receiver.bound(), Address()}, std::string(kBuffer, 'x'));

  std::array<std::uint8_t, 100> memory;
  std::array<ByteSpan, 1> buffers{ByteSpan(memory)};
  std::array<UdpSocket::Datagram, 1> out;
  pollfd waiting{receiver.fd(), POLLIN, 0};
  REQUIRE(::poll(&waiting, 1, 5000) == 1);

  REQUIRE(receiver.receive(buffers, out) == 1);
  CHECK(out[0].bytes.empty());
  CHECK(receiver.counters().truncated == 1);
}
