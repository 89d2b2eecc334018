#include "sfu/bridge/udp_socket.hpp"

#include <doctest/doctest.h>
#include <poll.h>

#include <string>
#include <vector>

using namespace roomgate;
using namespace roomgate::sfu::bridge;

namespace {

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
  std::vector<std::uint8_t> memory(UdpSocket::kBatch * UdpSocket::kMaxDatagram);
  std::vector<ByteSpan> buffers;
  for (std::size_t i = 0; i < UdpSocket::kBatch; ++i) {
    buffers.emplace_back(memory.data() + i * UdpSocket::kMaxDatagram, UdpSocket::kMaxDatagram);
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

void queue(UdpSocket& socket, const Path& path, const std::string& text, UdpSocket::RunHandle& handle) {
  ByteSpan room = socket.reserve();
  std::copy(text.begin(), text.end(), room.begin());
  socket.commit(path, text.size(), handle);
}

}  // namespace

TEST_CASE("datagrams of two destinations queued in turn arrive in order, each as its own datagram") {
  UdpSocket sender = opened("[::]:0");
  UdpSocket a = opened("127.0.0.1:0");
  UdpSocket b = opened("[::1]:0");
  const Path to_a{a.bound(), Address()};
  const Path to_b{b.bound(), Address()};
  UdpSocket::RunHandle run_a, run_b;

  std::vector<std::string> texts;
  for (int i = 0; i < 40; ++i) {
    texts.push_back(
        std::string(static_cast<std::size_t>(i % 10 == 9 ? 300 : 1100), static_cast<char>('a' + i % 26)));
    queue(sender, to_a, texts.back(), run_a);
    queue(sender, to_b, texts.back(), run_b);
  }
  sender.flush();

  const auto at_a = receive_all(a, texts.size());
  const auto at_b = receive_all(b, texts.size());
  REQUIRE(at_a.size() == texts.size());
  REQUIRE(at_b.size() == texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    CHECK(at_a[i].text == texts[i]);
    CHECK(at_b[i].text == texts[i]);
  }
  CHECK(sender.counters().sent == 80);
  CHECK(sender.counters().send_failed == 0);
}

TEST_CASE("a socket bound to all addresses knows which one was spoken to, and answers from it") {
  UdpSocket server = opened("[::]:0");
  UdpSocket client = opened("127.0.0.1:0");
  UdpSocket::RunHandle run;
  const Address spoken_to = *Address::from_ip("127.0.0.2", server.bound().port());
  queue(client, {spoken_to, Address()}, "hello", run);
  client.flush();

  const auto request = receive_all(server, 1);
  REQUIRE(request.size() == 1);
  CHECK(request[0].path.remote == client.bound());
  CHECK(request[0].path.local == spoken_to);
  UdpSocket::RunHandle back;
  queue(server, request[0].path, "answer", back);
  server.flush();

  const auto answer = receive_all(client, 1);
  REQUIRE(answer.size() == 1);
  CHECK(answer[0].text == "answer");
  CHECK(answer[0].path.remote == spoken_to);
}

TEST_CASE("more datagrams than the arena holds leave in several batches") {
  UdpSocket sender = opened("127.0.0.1:0");
  UdpSocket receiver = opened("127.0.0.1:0");
  UdpSocket::RunHandle run;
  const Path to{receiver.bound(), Address()};

  std::size_t received = 0;
  for (int round = 0; round < 6; ++round) {
    for (int i = 0; i < 150; ++i) queue(sender, to, "x" + std::to_string(i), run);
    sender.flush();
    received += receive_all(receiver, 150).size();
  }

  CHECK(received == 900);
}

TEST_CASE("what the kernel refuses is counted and does not stop the rest") {
  UdpSocket sender = opened("127.0.0.1:0");
  UdpSocket receiver = opened("127.0.0.1:0");
  UdpSocket::RunHandle bad, good;
  queue(sender, {*Address::parse("255.255.255.255:9"), Address()}, "no broadcast permission", bad);
  queue(sender, {receiver.bound(), Address()}, "fine", good);

  sender.flush();

  CHECK(sender.counters().send_failed == 1);
  CHECK(receive_all(receiver, 1).size() == 1);
}

TEST_CASE("a datagram too large for a buffer is dropped and counted") {
  UdpSocket sender = opened("127.0.0.1:0");
  UdpSocket receiver = opened("127.0.0.1:0");
  UdpSocket::RunHandle run;
  queue(sender, {receiver.bound(), Address()}, std::string(UdpSocket::kMaxDatagram, 'x'), run);
  sender.flush();

  std::array<std::uint8_t, 100> memory;
  std::array<ByteSpan, 1> buffers{ByteSpan(memory)};
  std::array<UdpSocket::Datagram, 1> out;
  pollfd waiting{receiver.fd(), POLLIN, 0};
  REQUIRE(::poll(&waiting, 1, 5000) == 1);

  REQUIRE(receiver.receive(buffers, out) == 1);
  CHECK(out[0].bytes.empty());
  CHECK(receiver.counters().truncated == 1);
}
