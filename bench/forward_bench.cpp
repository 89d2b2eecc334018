// CPU of the bridge per forwarded packet: one sender of 2.5 Mbit/s video (1200-byte packets, 9 to a frame, 30
// frames a second) and N receivers over loopback, AES-128-GCM, NACK rings and RTCP on, no bandwidth
// estimation. Counted is the CPU of all threads of this process but the clients' own, from /proc, divided by
// the packets the receivers decrypted. usage: forward_bench OUT.json
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "tests/sfu/bridge/support/house.hpp"

namespace {

using namespace roomgate;
using namespace roomgate::test;

struct Cpu {
  double user = 0;
  double system = 0;
};

// Of every thread but the calling one: workers and handshakes.
Cpu cpu_of_other_threads() {
  Cpu cpu;
  const double tick = 1.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    if (task.path().filename() == std::to_string(gettid())) continue;
    std::ifstream stream(task.path() / "stat");
    std::string text;
    std::getline(stream, text);
    std::istringstream fields(text.substr(text.rfind(')') + 2));
    std::string skipped;
    for (int i = 0; i < 11; ++i) fields >> skipped;
    double user = 0;
    double system = 0;
    fields >> user >> system;
    cpu.user += user * tick;
    cpu.system += system * tick;
  }
  return cpu;
}

struct Figure {
  double microseconds = 0;
  double user_share = 0;
  double delivered = 0;  // of what should have arrived
};

Figure measure(std::size_t receivers, Duration duration) {
  auto config = House::default_config();
  config.socket_buffer = 8 << 20;
  House house(config);
  Member& sender = house.join("room", "00000000", 1);
  std::vector<Member*> others;
  for (std::size_t i = 1; i <= receivers; ++i) {
    std::string id = std::to_string(10000000 + i);
    others.push_back(&house.join("room", id));
    house.want_video(*others.back(), 720);
  }
  std::uint16_t sequence = 1;
  std::uint16_t picture = 1;
  const auto send_frame = [&](bool keyframe) {
    for (int packet = 0; packet < 9; ++packet) {
      RtpText text{.payload_type = 100,
                   .marker = packet == 8,
                   .sequence = sequence++,
                   .timestamp = picture * 3000u,
                   .ssrc = sender.ssrcs.video[0].ssrc};
      text.payload = make_vp8(keyframe && packet == 0, picture, static_cast<std::uint8_t>(picture), "");
      text.payload.resize(1170, 7);
      sender.client.send_rtp(make_rtp(text));
    }
    ++picture;
  };
  const auto arrived = [&] {
    std::size_t count = 0;
    for (Member* other : others) {
      count += other->client.rtp.size();
      other->client.rtp.clear();
    }
    return count;
  };
  TimePoint next = Clock::now();
  const auto run = [&](Duration length) {
    std::size_t count = 0;
    const TimePoint end = Clock::now() + length;
    while (Clock::now() < end) {
      if (Clock::now() >= next) {
        send_frame(picture % 60 == 1);
        next += microseconds(33'333);
      }
      (void)house.until([] { return true; });  // turns every client once
      count += arrived();
    }
    return count;
  };
  // What is under way arrives, and nothing more is sent.
  const auto settle = [&] {
    std::size_t count = 0;
    const TimePoint end = Clock::now() + milliseconds(50);
    while (Clock::now() < end) {
      (void)house.until([] { return true; });
      count += arrived();
    }
    next = Clock::now();
    return count;
  };
  run(seconds(2));  // key frame, constraints, caches
  settle();

  const std::uint16_t first = sequence;
  const Cpu before = cpu_of_other_threads();
  std::size_t count = run(duration);
  count += settle();
  const Cpu after = cpu_of_other_threads();
  const std::size_t sent = static_cast<std::uint16_t>(sequence - first);
  const double used = after.user - before.user + after.system - before.system;
  return {.microseconds = used * 1e6 / static_cast<double>(count),
          .user_share = (after.user - before.user) / used,
          .delivered = static_cast<double>(count) / static_cast<double>(sent * receivers)};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  doctest::Context context;
  context.setAsDefaultForAssertsOutOfTestCases();
  context.setAssertHandler([](const doctest::AssertData& data) {
    std::cerr << data.m_file << ":" << data.m_line << ": " << data.m_expr << "\n";
    std::exit(1);
  });
  constexpr int kRuns = 5;
  std::cout << "1200-byte packets, 1 sender of 270/s, AES-128-GCM, one worker, loopback, " << kRuns
            << " runs of 4 s\n"
            << "receivers   CPU us/forwarded packet: min / median / max    in user mode   delivered\n";
  std::string json = "{\n \"name\": \"forward\", \"unit\": \"CPU us per forwarded packet\", \"runs\": [\n";
  for (const std::size_t receivers : {2u, 20u, 60u}) {
    std::vector<double> values;
    std::vector<double> user;
    std::vector<double> delivered;
    for (int run = 0; run < kRuns; ++run) {
      const Figure figure = measure(receivers, seconds(4));
      values.push_back(figure.microseconds);
      user.push_back(figure.user_share);
      delivered.push_back(figure.delivered);
    }
    std::printf("%9zu   %28.2f / %6.2f / %5.2f   %11.0f %%   %8.2f %%\n", receivers,
                *std::min_element(values.begin(), values.end()), median(values),
                *std::max_element(values.begin(), values.end()), median(user) * 100, median(delivered) * 100);
    json += "  {\"receivers\": " + std::to_string(receivers) + ", \"values\": [";
    for (std::size_t i = 0; i < values.size(); ++i) json += (i ? ", " : "") + std::to_string(values[i]);
    json += "], \"delivered\": " + std::to_string(median(delivered)) + "}" + (receivers == 60 ? "\n" : ",\n");
  }
  if (argc > 1) std::ofstream(argv[1]) << json << " ]\n}\n";
  return 0;
}
