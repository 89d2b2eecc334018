// CPU of the bridge per forwarded packet, without signalling: a bridge in this process with native clients
// over loopback (ICE, DTLS, SRTP), senders of 2.5 Mbit/s video (1200-byte packets, 9 to a frame, 30 frames a
// second), NACK rings, RTCP and transport-wide feedback on. Counted are all threads but the clients' own, by
// their CPU clocks (no ticks), divided by the packets that the receivers decrypted.
//
//   forward_bench [OUT.json]                        the table
//   forward_bench SENDERS RECEIVERS gcm|cm burst|paced SECONDS [estimated]   one row, once (for perf, strace, callgrind)
//
// burst: the packets of a frame at once. paced: spread over 10 ms.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>
#include <utility>

#include "sfu/rtp/rtcp.hpp"
#include "tests/sfu/bridge/support/house.hpp"

namespace {

using namespace roomgate;
using namespace roomgate::test;

constexpr int kFramePackets = 9;
constexpr std::size_t kPacketBytes = 1200;
constexpr Duration kFrame = microseconds(33'333);
constexpr Duration kPacing = microseconds(10'000 / kFramePackets);
constexpr Duration kReading = milliseconds(4);  // between two looks at the receivers' sockets
constexpr Duration kSettling = milliseconds(60);

struct Load {
  std::size_t senders = 1;
  std::size_t receivers = 100;  // beside the senders; with several senders there are none
  bool gcm = true;
  bool paced = false;
  bool estimation = false;  // feedback from every receiver, and an estimate for each; else REMB only
};

struct Usage {
  double cpu = 0;     // seconds, exact
  double user = 0;    // of these, by ticks
  double system = 0;  // of these, by ticks
  double waits = 0;   // voluntary context switches
};

// Of every thread but the calling one: workers and handshakes.
Usage usage_of_other_threads() {
  Usage usage;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    const int tid = std::stoi(task.path().filename());
    if (tid == gettid()) continue;
    // The kernel's own encoding of a thread's scheduler clock (clock_getcpuclockid(3) knows processes only).
    timespec clock{};
    if (::clock_gettime(static_cast<clockid_t>(~static_cast<unsigned>(tid) << 3 | 6), &clock) == 0)
      usage.cpu += static_cast<double>(clock.tv_sec) + static_cast<double>(clock.tv_nsec) * 1e-9;
    std::ifstream stat(task.path() / "stat");
    std::string text;
    std::getline(stat, text);
    std::istringstream fields(text.substr(text.rfind(')') + 2));
    std::string skipped;
    for (int i = 0; i < 11; ++i) fields >> skipped;
    double user = 0;
    double system = 0;
    fields >> user >> system;
    usage.user += user;
    usage.system += system;
    std::ifstream status(task.path() / "status");
    while (std::getline(status, text)) {
      if (text.starts_with("voluntary_ctxt_switches:")) usage.waits += std::stod(text.substr(24));
    }
  }
  return usage;
}

struct Figure {
  double microseconds = 0;
  double user_share = 0;
  double waits = 0;      // per forwarded packet
  double delivered = 0;  // of what should have arrived
};

// One room under load.
class Meeting {
 public:
  explicit Meeting(const Load& load)
      : load_(load),
        house_(config(), {.profiles = load.gcm ? "SRTP_AEAD_AES_128_GCM" : "SRTP_AES128_CM_SHA1_80"}) {
    for (std::size_t i = 0; i < load.senders + load.receivers; ++i) {
      Member& member = house_.join("room", std::to_string(10000000 + i), i < load.senders ? 1 : 0);
      member.client.check_every(milliseconds(2500));
      if (load.estimation) {
        member.client.give_feedback();
      } else {
        house_.set_transport(member, {.transport_cc = false});
      }
      members_.push_back(&member);
      if (i < load.senders) {
        const auto phase = kFrame * static_cast<int>(i) / static_cast<int>(load.senders);
        sources_.push_back({.member = &member, .next = Clock::now() + phase});
      }
    }
    for (Member* member : members_) house_.want_video(*member, 720);
    next_rtcp_ = Clock::now() + milliseconds(500);
  }

  // Sends and reads for so long; returns the packets that arrived.
  std::size_t run(Duration length) {
    std::size_t arrived = 0;
    const TimePoint end = Clock::now() + length;
    TimePoint next_read = Clock::now();
    while (Clock::now() < end) {
      TimePoint next = std::min({next_read, next_rtcp_, end});
      for (const Source& source : sources_) next = std::min(next, source.next);
      std::this_thread::sleep_until(next);
      const TimePoint now = Clock::now();
      for (Source& source : sources_) {
        while (source.next <= now) send(source);
      }
      if (now >= next_rtcp_) send_reports(now);
      if (now >= next_read) {
        arrived += read();
        next_read = now + kReading;
      }
    }
    return arrived;
  }

  // What is under way arrives, and nothing more is sent.
  std::size_t settle() {
    std::size_t arrived = 0;
    const TimePoint end = Clock::now() + kSettling;
    while (Clock::now() < end) {
      arrived += read();
      std::this_thread::sleep_for(milliseconds(1));
    }
    TimePoint next = Clock::now();
    for (Source& source : sources_) source.next = next += kFrame / static_cast<int>(sources_.size());
    return arrived;
  }

  std::size_t sent() const { return sent_; }
  std::size_t copies() const { return members_.size() - 1; }

 private:
  struct Source {
    Member* member = nullptr;
    TimePoint next{};
    int packet = 0;  // of the frame
    bool keyframe_wanted = true;
    std::uint16_t sequence = 1;
    std::uint16_t transport = 1;
    std::uint16_t picture = 1;
  };

  static sfu::bridge::BridgeConfig config() {
    auto config = House::default_config();
    config.socket_buffer = 8 << 20;
    return config;
  }

  void send(Source& source) {
    RtpText text{.payload_type = 100,
                 .marker = source.packet == kFramePackets - 1,
                 .sequence = source.sequence++,
                 .timestamp = source.picture * 3000u,
                 .ssrc = source.member->ssrcs.video[0].ssrc,
                 .transport = source.transport++};
    const bool keyframe = source.packet == 0 && std::exchange(source.keyframe_wanted, false);
    text.payload = make_vp8(keyframe, source.picture, static_cast<std::uint8_t>(source.picture), "");
    text.payload.resize(kPacketBytes - 24, 7);  // 12 of header, 12 of extensions
    source.member->client.send_rtp(make_rtp(text));
    ++sent_;
    source.next += load_.paced ? kPacing : Duration::zero();
    if (++source.packet < kFramePackets) return;
    source.packet = 0;
    ++source.picture;
    source.next += kFrame - (load_.paced ? kPacing * kFramePackets : Duration::zero());
  }

  // As browsers do: senders of media a sender report each second, everybody a receiver report.
  void send_reports(TimePoint now) {
    next_rtcp_ = now + seconds(1);
    for (Member* member : members_) {
      std::array<std::uint8_t, 256> bytes;
      ByteWriter out(bytes);
      const auto source = std::find_if(sources_.begin(), sources_.end(),
                                       [member](const Source& s) { return s.member == member; });
      if (source != sources_.end()) {
        const std::uint32_t ssrc = member->ssrcs.video[0].ssrc;
        const auto since = std::chrono::duration_cast<microseconds>(now.time_since_epoch()).count();
        const auto ntp = static_cast<std::uint64_t>(static_cast<double>(since) * 4294.967296);
        sfu::rtp::write_sender_report(out, {ssrc, ntp, source->picture * 3000u, source->sequence, 0}, {});
      } else {
        const sfu::rtp::ReportBlock block{.ssrc = sources_[0].member->ssrcs.video[0].ssrc};
        sfu::rtp::write_receiver_report(out, member->ssrcs.audio, {&block, 1});
      }
      member->client.send_rtcp(out.written());
    }
  }

  std::size_t read() {
    std::size_t arrived = 0;
    house_.turn();
    for (Source& source : sources_) {
      for (const auto& datagram : source.member->client.rtcp) {
        sfu::rtp::RtcpReader reader(datagram);
        while (const auto part = reader.next()) source.keyframe_wanted |= part->is(sfu::rtp::kPictureLoss);
      }
    }
    for (Member* member : members_) {
      arrived += member->client.rtp.size();
      REQUIRE(member->client.undecryptable == 0);
      member->client.rtp.clear();
      member->client.rtcp.clear();
    }
    return arrived;
  }

  const Load load_;
  House house_;
  std::vector<Member*> members_;
  std::vector<Source> sources_;
  TimePoint next_rtcp_;
  std::size_t sent_ = 0;
};

Figure measure(const Load& load, Duration duration) {
  Meeting meeting(load);
  meeting.run(seconds(2));  // key frame, constraints, caches
  meeting.settle();
  const std::size_t before_sent = meeting.sent();
  const Usage before = usage_of_other_threads();
  std::size_t arrived = meeting.run(duration);
  arrived += meeting.settle();
  const Usage after = usage_of_other_threads();
  const auto count = static_cast<double>(arrived);
  const double user = after.user - before.user;
  return {.microseconds = (after.cpu - before.cpu) * 1e6 / count,
          .user_share = user / std::max(1.0, user + after.system - before.system),
          .waits = (after.waits - before.waits) / count,
          .delivered = count / static_cast<double>((meeting.sent() - before_sent) * meeting.copies())};
}

std::string name_of(const Load& load) {
  return std::to_string(load.senders) + " to " + std::to_string(load.senders + load.receivers - 1) +
         (load.gcm ? ", GCM, " : ", CM-SHA1-80, ") + (load.paced ? "paced" : "back to back") +
         (load.estimation ? ", estimated" : "");
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void print_row(const Load& load, const std::vector<Figure>& figures) {
  const auto all = [&figures](double Figure::*member) {
    std::vector<double> values;
    for (const Figure& figure : figures) values.push_back(figure.*member);
    return values;
  };
  const auto cpu = all(&Figure::microseconds);
  std::printf("%-32s %6.2f / %6.2f / %6.2f %10.0f %% %14.4f %12.3f %%\n", name_of(load).c_str(),
              *std::min_element(cpu.begin(), cpu.end()), median(cpu),
              *std::max_element(cpu.begin(), cpu.end()), median(all(&Figure::user_share)) * 100,
              median(all(&Figure::waits)), median(all(&Figure::delivered)) * 100);
  std::fflush(stdout);
}

void print_head() {
  std::printf("%-32s %24s %12s %14s %14s\n", "", "CPU us: min/median/max", "user mode", "waits/packet",
              "delivered");
}

std::string json_of(const Load& load, const std::vector<Figure>& figures) {
  std::ostringstream out;
  out << "  {\"row\": \"" << name_of(load) << "\", \"runs\": [";
  for (std::size_t i = 0; i < figures.size(); ++i) {
    const Figure& figure = figures[i];
    out << (i > 0 ? ", " : "") << "{\"microseconds\": " << figure.microseconds
        << ", \"user_share\": " << figure.user_share << ", \"waits\": " << figure.waits
        << ", \"delivered\": " << figure.delivered << "}";
  }
  out << "]}";
  return out.str();
}

void table(const char* path) {
  constexpr int kRuns = 5;
  const std::vector<Load> loads = {
      {1, 2, true, false},         {1, 20, true, false},       {1, 100, true, false}, {1, 100, true, true},
      {1, 100, false, false},      {1, 100, false, true},      {10, 0, true, false},  {10, 0, false, false},
      {1, 100, true, false, true}, {1, 100, true, true, true},
  };
  std::printf("1200-byte packets, 270/s from each sender, one worker, loopback, %d runs of 4 s in turn\n",
              kRuns);
  std::vector<std::vector<Figure>> figures(loads.size());
  for (int run = 0; run < kRuns; ++run) {
    for (std::size_t i = 0; i < loads.size(); ++i) figures[i].push_back(measure(loads[i], seconds(4)));
  }
  print_head();
  std::string json = "{\n \"name\": \"forward\", \"unit\": \"CPU us per forwarded packet\", \"rows\": [\n";
  for (std::size_t i = 0; i < loads.size(); ++i) {
    print_row(loads[i], figures[i]);
    json += json_of(loads[i], figures[i]) + (i + 1 < loads.size() ? ",\n" : "\n");
  }
  if (path != nullptr) std::ofstream(path) << json << " ]\n}\n";
}

}  // namespace

int main(int argc, char** argv) {
  doctest::Context context;
  context.setAsDefaultForAssertsOutOfTestCases();
  context.setAssertHandler([](const doctest::AssertData& data) {
    std::cerr << data.m_file << ":" << data.m_line << ": " << data.m_expr << "\n";
    std::exit(1);
  });
  if (argc < 6) {
    table(argc > 1 ? argv[1] : nullptr);
    return 0;
  }
  const Load load{std::stoul(argv[1]), std::stoul(argv[2]), std::string(argv[3]) == "gcm",
                  std::string(argv[4]) == "paced", argc > 6 && std::string(argv[6]) == "estimated"};
  print_head();
  print_row(load, {measure(load, milliseconds(std::stol(argv[5]) * 1000))});
  return 0;
}
