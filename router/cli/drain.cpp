#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <ctime>

#include "base/encoding.hpp"
#include "router/cli/actions.hpp"
#include "router/cli/drain_watch.hpp"
#include "router/cli/text.hpp"

namespace roomgate::router::cli {
namespace {

namespace json = boost::json;
using std::chrono::steady_clock;

constexpr auto kPatience = std::chrono::seconds(30);  // with a gate that is being replaced
constexpr std::time_t kBetween = 1;

// Ctrl-C becomes something that is waited for: it can come between two looks only, and none is lost.
class Interrupt {
 public:
  Interrupt() {
    ::sigemptyset(&signals_);
    ::sigaddset(&signals_, SIGINT);
    ::sigaddset(&signals_, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }
  // A second has gone by: false.
  bool came_within_a_second() const {
    const timespec second{.tv_sec = kBetween, .tv_nsec = 0};
    return ::sigtimedwait(&signals_, nullptr, &second) > 0;
  }

 private:
  sigset_t signals_{};
};

// What is left, where it changed: lines in a pipe, one line that is rewritten on a terminal.
class Progress {
 public:
  explicit Progress(bool as_json) : as_json_(as_json), rewrites_(!as_json && ::isatty(STDOUT_FILENO) == 1) {}
  ~Progress() { end_line(); }

  void show(const DrainWatch& watch) {
    if (as_json_) {
      if (watch.changed()) print_json(watch.json());
      return;
    }
    const std::string line = printable(watch.line(std::chrono::system_clock::now()));
    if (rewrites_) {
      std::printf("\r\x1b[K%s", line.c_str());
      open_ = true;
    } else if (watch.changed()) {
      std::printf("%s\n", line.c_str());
    }
    std::fflush(stdout);
  }
  void end_line() {
    if (open_) std::fputc('\n', stdout);
    std::fflush(stdout);
    open_ = false;
  }

 private:
  bool as_json_;
  bool rewrites_;
  bool open_ = false;
};

int wait_until_empty(const Endpoint& gate, const std::string& shard, const Interrupt& interrupt) {
  DrainWatch watch(shard);
  Progress progress(gate.as_json);
  const auto say = [&progress](const std::string& text) {
    progress.end_line();
    std::fprintf(stderr, "%s\n", printable(text).c_str());
  };
  auto last_answer = steady_clock::now();
  for (;;) {
    const auto answer = gate.ask("GET", "/api/v1/shards/" + percent_encode(shard));
    if (answer && answer->status == 404) {
      say(shard + " is gone from the shards: it was empty");
      return kDone;
    }
    if (answer && answer->status == 200 && answer->body.is_object()) {
      last_answer = steady_clock::now();
      const auto outcome = watch.see(answer->body.get_object());
      progress.show(watch);
      if (outcome == DrainWatch::Outcome::empty) return kDone;
      if (outcome == DrainWatch::Outcome::called_off) {
        say(shard + " is no longer drained: somebody made it ready");
        return kRefused;
      }
    } else if (steady_clock::now() - last_answer > kPatience) {
      say(answer ? answer->refusal() : answer.error());
      return kRefused;
    }
    if (interrupt.came_within_a_second()) {
      say("not waiting any longer; " + shard + " goes on draining (roomgate ready " + shard + " ends that)");
      return kRefused;
    }
  }
}

}  // namespace

int drain(const Endpoint& gate, const Drain& wanted) {
  json::object body{{"state", "drain"}};
  if (!wanted.deadline.empty()) body["deadline"] = wanted.deadline;
  const std::string path = "/api/v1/shards/" + percent_encode(wanted.shard);
  const auto answer = gate.expect("POST", (path + "/state").append(local_query(wanted.local)), body);
  if (!answer) return kRefused;
  if (wanted.wait) return wait_until_empty(gate, wanted.shard, Interrupt());
  if (gate.as_json) {
    print_json(*answer);
    return kDone;
  }
  const auto row = gate.expect("GET", path);
  if (!row) return kRefused;
  DrainWatch watch(wanted.shard);
  watch.see(*row);
  std::printf("%s\n", printable(watch.line(std::chrono::system_clock::now())).c_str());
  return kDone;
}

}  // namespace roomgate::router::cli
