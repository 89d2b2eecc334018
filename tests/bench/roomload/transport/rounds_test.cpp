// Loopback sockets: a datagram is there when its sending is done.
#include "bench/roomload/transport/rounds.hpp"

#include <doctest/doctest.h>

#include "bench/roomload/transport/udp_socket.hpp"

using namespace roomgate;
using namespace roomgate::bench::roomload::transport;

namespace {

struct House {
  net::Core core{0};
  Desk desk{core};
  SocketCounts counts;
};

// Reads what there is, counts how often it was told, and ends the run when it has `enough` datagrams.
struct Reader final : net::Core::Watcher {
  explicit Reader(House& its_house) : house(its_house) { REQUIRE(socket.open(house.core, true, *this)); }
  void on_events(std::uint32_t) override {
    ++told;
    got += socket.receive(house.desk, Clock::now(), house.counts);
    if (close != nullptr) close->socket.close();
    if (got >= enough) house.core.stop();
  }
  Address address() const { return *Address::from_ip("127.0.0.1", socket.port()); }

  House& house;
  UdpSocket socket;
  std::size_t got = 0;
  std::size_t told = 0;
  std::size_t enough = 1000;
  Reader* close = nullptr;
};

constexpr std::array<std::uint8_t, 2> kDatagram = {0x80, 0x60};

}  // namespace

TEST_CASE("what came between two rounds is told once, what was there before too") {
  House house;
  Reader reader(house);
  Reader sender(house);
  reader.enough = 3;

  sender.socket.send(kDatagram, reader.address(), house.counts);
  REQUIRE(reader.socket.read_by_rounds(house.desk.rounds, reader));
  sender.socket.send(kDatagram, reader.address(), house.counts);
  sender.socket.send(kDatagram, reader.address(), house.counts);
  house.core.run();

  CHECK(reader.got == 3);
  CHECK(reader.told == 1);
}

TEST_CASE("a socket that another closes in the same round is not told any more") {
  House house;
  Reader first(house);
  Reader second(house);
  Reader sender(house);
  first.close = &second;
  second.close = &first;
  first.enough = second.enough = 1;
  REQUIRE(first.socket.read_by_rounds(house.desk.rounds, first));
  REQUIRE(second.socket.read_by_rounds(house.desk.rounds, second));

  sender.socket.send(kDatagram, first.address(), house.counts);
  sender.socket.send(kDatagram, second.address(), house.counts);
  house.core.run();

  CHECK(first.told + second.told == 1);
  CHECK(first.got + second.got == 1);
}
