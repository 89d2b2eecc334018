// Two gates on two threads and one loopback: how long a new room takes to the other gate, what a first
// request waits, what an update costs, and how long a gate learns that comes to a full table.
//
//   peers_bench [--rooms N]... [--seconds S] [--rate R]
#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "base/log.hpp"
#include "peers-sync/mesh/peers_replica.hpp"

using namespace roomgate;
using namespace roomgate::peers_sync;
using mesh::PeersOptions;
using mesh::PeersReplica;

namespace {

const Address kAnyPort = *Address::parse("127.0.0.1:0");

std::string key_of(std::size_t i) { return "conference-room-" + std::to_string(i); }

std::size_t number_of(std::string_view key) {
  std::size_t number = 0;
  const std::string_view digits = key.substr(key.rfind('-') + 1);
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

// When each room came into this gate's table.
struct Table final : Host {
  explicit Table(std::size_t rooms) : came(rooms) {}

  Chosen choose(const Placement&, TimePoint) override {
    return {.kind = Chosen::Kind::shard, .shard = "shard-" + std::to_string(turn++ % 16)};
  }
  std::string said_in_full(std::string_view, std::string_view wish) override { return std::string(wish); }
  bool sees_down(std::string_view) override { return false; }
  std::vector<std::string> shards_down() override { return {}; }
  bool in_panic(TimePoint) override { return false; }
  std::optional<std::size_t> participants(std::string_view, std::string_view) override {
    return std::nullopt;
  }
  void put(std::string_view key, const Home&) override {
    auto& at = came[number_of(key)];
    if (at.exchange(Clock::now().time_since_epoch().count()) == 0) ++size;
  }
  void drop(std::string_view) override {}
  bool give_back(std::string_view, TimePoint) override { return true; }
  LocalUse local_use(std::string_view, TimePoint now) override { return {.held = true, .last_used = now}; }
  void moved(std::string_view, std::string_view, const Home&) override {}
  void heard(const Word&) override {}
  void ready_changed(bool now) override { ready = now; }

  std::vector<std::atomic<std::int64_t>> came;
  std::atomic<std::size_t> size{0};
  std::atomic<bool> ready{false};
  std::size_t turn = 0;
};

// A gate and its thread.
class Side {
 public:
  Side(PeersOptions wanted, std::size_t rooms) : table(rooms), options_(std::move(wanted)) {
    thread_ = std::thread([this] { core_.run(); });
    on_core([this] {
      replica_ = std::make_unique<PeersReplica>(core_, options_, table);
      if (const auto started = replica_->start(); !started) {
        std::fprintf(stderr, "%s\n", started.error().c_str());
        std::exit(1);
      }
      address_ = *replica_->address();
    });
  }
  ~Side() {
    on_core([this] { replica_.reset(); });
    core_.stop();
    thread_.join();
  }

  template <class Work>
  void on_core(Work work) {
    std::promise<void> done;
    core_.post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }
  void meet(const Side& other) {
    on_core([&] {
      PeersOptions wanted = options_;
      wanted.members = {{other.options_.name, {other.address_}}};
      if (!replica_->set_options(wanted)) std::abort();
    });
  }
  const Address& address() const { return address_; }
  net::Core& core() { return core_; }
  PeersReplica& replica() { return *replica_; }
  double cpu_seconds() {
    clockid_t clock{};
    timespec time{};
    pthread_getcpuclockid(thread_.native_handle(), &clock);
    clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  }
  std::size_t view() {
    std::size_t size = 0;
    on_core([&] { size = replica_->status().may_decide ? replica_->status().view.size() : 0; });
    return size;
  }

  Table table;

 private:
  PeersOptions options_;
  Address address_;
  net::Core core_{0};
  std::thread thread_;
  std::unique_ptr<PeersReplica> replica_;
};

template <class Condition>
void wait_for(Condition holds) {
  while (!holds()) std::this_thread::sleep_for(milliseconds(1));
}

void print_times(const char* what, std::vector<double> ms) {
  if (ms.empty()) return;
  std::sort(ms.begin(), ms.end());
  const auto at = [&ms](double share) {
    return ms[static_cast<std::size_t>(share * static_cast<double>(ms.size() - 1))];
  };
  std::printf("%-42s n=%zu  p50 %.3f ms  p99 %.3f ms  max %.3f ms\n", what, ms.size(), at(0.5), at(0.99),
              ms.back());
}

PeersOptions gate(const char* name) { return {.name = name, .address = kAnyPort, .max_entries = 2'000'000}; }

// New rooms at a steady rate, asked for at one gate; half of them are for the other to decide.
void replication(int rate, int for_seconds) {
  const auto rooms = static_cast<std::size_t>(rate * for_seconds);
  Side a(gate("a"), rooms);
  Side b(gate("b"), rooms);
  const TimePoint met = Clock::now();
  a.meet(b);
  b.meet(a);
  wait_for([&] { return a.view() == 2 && b.view() == 2; });
  std::printf("two gates agree on who may decide after %.0f ms\n",
              std::chrono::duration<double, std::milli>(Clock::now() - met).count());

  const double idle_from = a.cpu_seconds() + b.cpu_seconds();
  std::this_thread::sleep_for(seconds(1));
  const double idle = a.cpu_seconds() + b.cpu_seconds() - idle_from;

  std::vector<double> waits(rooms);
  std::atomic<std::size_t> answered{0};
  const double busy_from = a.cpu_seconds() + b.cpu_seconds();
  const TimePoint begin = Clock::now();
  for (std::size_t i = 0; i < rooms; ++i) {
    std::this_thread::sleep_until(begin + std::chrono::duration_cast<Duration>(
                                              std::chrono::duration<double>(static_cast<double>(i) / rate)));
    a.core().post([&, i] {
      const TimePoint asked = Clock::now();
      a.replica().claim({.key = key_of(i)}, [&, i, asked](const Outcome&) {
        waits[i] = std::chrono::duration<double, std::milli>(Clock::now() - asked).count();
        ++answered;
      });
    });
  }
  wait_for([&] { return answered == rooms && a.table.size == rooms && b.table.size == rooms; });
  const double took = std::chrono::duration<double>(Clock::now() - begin).count();
  const double busy = a.cpu_seconds() + b.cpu_seconds() - busy_from;

  std::vector<double> lags;
  std::vector<double> own;
  std::vector<double> asked;
  for (std::size_t i = 0; i < rooms; ++i) {
    const std::int64_t at_a = a.table.came[i];
    const std::int64_t at_b = b.table.came[i];
    lags.push_back(static_cast<double>(std::abs(at_a - at_b)) / 1e6);
    (at_a < at_b ? own : asked).push_back(waits[i]);
  }
  std::printf("%d new rooms a second, for %d s\n", rate, for_seconds);
  print_times("  lag, from one gate's table to the other's", lags);
  print_times("  claim, where the gate owns the key", own);
  print_times("  claim, where the other one does", asked);
  std::printf("  CPU: %.1f us a room, both gates together; %.2f %% of a core while nothing happens\n",
              (busy - idle * took) / static_cast<double>(rooms) * 1e6, idle * 100);
}

// A gate comes to one that has so many rooms.
void resync(std::size_t rooms) {
  Side a(gate("a"), rooms);
  wait_for([&] { return a.table.ready.load(); });
  for (std::size_t at = 0; at < rooms; at += 1000) {
    a.on_core([&] {
      for (std::size_t i = at; i < std::min(rooms, at + 1000); ++i)
        a.replica().claim({.key = key_of(i)}, [](const Outcome&) {});
    });
  }
  wait_for([&] { return a.table.size == rooms; });

  const double cpu_from = a.cpu_seconds();
  auto wanted = gate("b");
  wanted.members = {{"a", {a.address()}}};
  const TimePoint begin = Clock::now();
  Side b(wanted, rooms);
  a.meet(b);
  wait_for([&] { return b.table.size == rooms; });
  const double complete = std::chrono::duration<double>(Clock::now() - begin).count();
  wait_for([&] { return b.table.ready.load(); });
  const double ready = std::chrono::duration<double>(Clock::now() - begin).count();
  std::uint64_t bytes = 0;
  b.on_core([&] { bytes = b.replica().mesh_counters().bytes_in; });
  std::printf(
      "learning %zu rooms: complete after %.2f s, ready after %.2f s, %.1f MB (%.0f bytes a room), CPU %.2f "
      "s teacher, %.2f s learner\n",
      rooms, complete, ready, static_cast<double>(bytes) / 1e6,
      static_cast<double>(bytes) / static_cast<double>(rooms), a.cpu_seconds() - cpu_from, b.cpu_seconds());
}

}  // namespace

int main(int count, char** words) {
  log::init("peers_bench", log::Level::error);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  std::vector<std::size_t> rooms;
  int for_seconds = 10;
  int rate = 300;
  for (int i = 1; i + 1 < count; i += 2) {
    const long value = std::atol(words[i + 1]);
    if (std::strcmp(words[i], "--rooms") == 0) rooms.push_back(static_cast<std::size_t>(value));
    if (std::strcmp(words[i], "--seconds") == 0) for_seconds = static_cast<int>(value);
    if (std::strcmp(words[i], "--rate") == 0) rate = static_cast<int>(value);
  }
  if (rooms.empty()) rooms = {100'000, 1'000'000};
  replication(rate, for_seconds);
  for (const std::size_t each : rooms) resync(each);
  return 0;
}
