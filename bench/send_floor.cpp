// What sending alone costs: one datagram of 1216 bytes to each of 100 addresses over loopback, as a paced
// packet of one sender leaves to its receivers, through the worker's own socket class and nothing else. CPU
// of this thread, in microseconds a datagram: least, median and greatest round, ways taken in turn.
//
//   send_floor [ROUNDS]
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>
#include <thread>

#include "sfu/bridge/udp_socket.hpp"

namespace {

using namespace roomgate;
using sfu::bridge::UdpSocket;

constexpr std::size_t kReceivers = 100;
constexpr std::size_t kBytes = 1216;
constexpr int kPackets = 60;  // in a round
constexpr Duration kApart = milliseconds(1);
constexpr int kBuffer = 4 << 20;

template <class T>
T must(Result<T, std::string> made) {
  if (made) return std::move(*made);
  std::fprintf(stderr, "%s\n", made.error().c_str());
  std::exit(1);
}

double cpu_microseconds() {
  timespec clock{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &clock);
  return static_cast<double>(clock.tv_sec) * 1e6 + static_cast<double>(clock.tv_nsec) * 1e-3;
}

// Of the calling thread; on a machine of one CPU all share it.
void pin_to(std::size_t cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  ::sched_setaffinity(0, sizeof one, &one);
}

UdpSocket open_at(const char* ip) { return must(UdpSocket::open(*Address::from_ip(ip, 0), kBuffer)); }

class Floor {
 public:
  Floor() {
    for (std::size_t i = 0; i < kReceivers; ++i) receivers_.push_back(open_at("127.0.0.1"));
    for (const UdpSocket& receiver : receivers_) {
      connected_.push_back(open_at("127.0.0.1"));
      const Address& to = receiver.bound();
      if (::connect(connected_.back().fd(), to.data(), to.size()) != 0) std::exit(1);
    }
    epoll_event event{};
    event.events = EPOLLIN;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, watched_.fd(), &event) != 0) std::exit(1);
  }
  ~Floor() { ::close(epoll_); }

  void run(int rounds) {
    struct Way {
      const char* name;
      std::function<void()> send;
      bool read_elsewhere = false;
      std::vector<double> microseconds;
    };
    const Address local = *Address::from_ip("127.0.0.1", 0);
    std::vector<Way> ways = {
        {"one address, as the worker has it", [this] { to_all(bound_, Address()); }, false, {}},
        {"the same, its receivers read on another CPU", [this] { to_all(bound_, Address()); }, true, {}},
        {"the same, watched by an epoll", [this] { to_all(watched_, Address()); }, false, {}},
        {"all addresses, each datagram saying from which", [this, local] { to_all(any_, local); }, false, {}},
        {"a connected socket for each receiver", [this] { to_each(); }, false, {}},
    };
    for (int round = 0; round < rounds; ++round) {
      for (Way& way : ways) way.microseconds.push_back(measure(way.send, way.read_elsewhere));
    }
    for (Way& way : ways) {
      std::sort(way.microseconds.begin(), way.microseconds.end());
      std::printf("%-48s %5.2f / %5.2f / %5.2f\n", way.name, way.microseconds.front(),
                  way.microseconds[way.microseconds.size() / 2], way.microseconds.back());
    }
  }

 private:
  void to_all(UdpSocket& socket, const Address& local) {
    outgoing_.clear();
    for (std::size_t i = 0; i < kReceivers; ++i)
      outgoing_.push_back({{receivers_[i].bound(), local}, payload(i), 0});
    socket.send(outgoing_);
  }

  void to_each() {
    for (std::size_t i = 0; i < kReceivers; ++i)
      if (::send(connected_[i].fd(), payload(i).data(), kBytes, MSG_DONTWAIT) < 0) std::exit(1);
  }

  // Like the worker's arena: each receiver's bytes are its own.
  ByteView payload(std::size_t receiver) const { return ByteView(arena_).subspan(receiver * kBytes, kBytes); }

  double measure(const std::function<void()>& send, bool read_elsewhere) {
    double spent = 0;
    std::size_t arrived = 0;
    std::atomic<bool> over{false};
    std::size_t read = 0;
    std::thread reader;
    if (read_elsewhere) {
      reader = std::thread([&] {
        pin_to(0);
        while (!over.load()) {
          std::this_thread::sleep_for(kApart);
          read += drain();
        }
      });
    }
    for (int packet = 0; packet < kPackets; ++packet) {
      std::this_thread::sleep_for(kApart);
      const double before = cpu_microseconds();
      send();
      spent += cpu_microseconds() - before;
      if (!read_elsewhere) arrived += drain();
    }
    over.store(true);
    if (reader.joinable()) reader.join();
    arrived += read + drain();
    if (arrived != kPackets * kReceivers) std::printf("only %zu arrived\n", arrived);
    return spent / (kPackets * kReceivers);
  }

  std::size_t drain() {
    std::size_t arrived = 0;
    std::array<std::uint8_t, 2048> bytes;
    for (UdpSocket& receiver : receivers_) {
      while (::recv(receiver.fd(), bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) ++arrived;
    }
    return arrived;
  }

  std::vector<UdpSocket> receivers_;
  std::vector<UdpSocket> connected_;
  UdpSocket bound_ = open_at("127.0.0.1");
  UdpSocket watched_ = open_at("127.0.0.1");
  UdpSocket any_ = open_at("::");
  const int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  const std::vector<std::uint8_t> arena_ = std::vector<std::uint8_t>(kReceivers * kBytes, 7);
  std::vector<UdpSocket::Outgoing> outgoing_;
};

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 9;
  if (rounds < 1) return 2;
  pin_to(std::max(std::thread::hardware_concurrency(), 1U) - 1);
  Floor().run(rounds);
  return 0;
}
