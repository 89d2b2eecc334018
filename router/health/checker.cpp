#include "router/health/checker.hpp"

#include <utility>

#include "base/log.hpp"
#include "base/random.hpp"
#include "router/body/body.hpp"
#include "router/http/framing.hpp"
#include "router/http/response_parser.hpp"
#include "router/tls/handshake.hpp"

namespace roomgate::router::health {

using net::Task;

struct Checker::Probe {
  Probe(net::Core& core, Target of, balance::HealthSettings settings)
      : target(std::move(of)), state(settings), stopped(core) {}
  Target target;
  balance::HealthState state;
  Answer last{.ok = true};
  bool told = false;  // whoever asks still believes what an earlier probe of this shard said
  net::Event stopped;
};

Checker::Checker(net::Core& core, Options options, Metrics& metrics, OnChange on_change)
    : core_(core), options_(std::move(options)), metrics_(metrics), on_change_(std::move(on_change)) {}

Checker::~Checker() {
  for (auto& [name, probe] : probes_) probe->stopped.set();
}

void Checker::set_targets(const std::vector<Target>& targets) {
  std::map<std::string, std::shared_ptr<Probe>> next;
  for (const Target& target : targets) {
    const auto known = probes_.find(target.name);
    if (known != probes_.end() && known->second->target == target) {
      next[target.name] = std::move(known->second);
      probes_.erase(known);
      continue;
    }
    auto probe = std::make_shared<Probe>(core_, target, options_.settings);
    if (options_.enabled && target.check) {
      core_.spawn(watch(probe));
    }
    next[target.name] = std::move(probe);
  }
  for (auto& [name, probe] : probes_) probe->stopped.set();
  probes_ = std::move(next);
}

void Checker::set_options(Options options) {
  std::vector<Target> targets;
  for (const auto& [name, probe] : probes_) targets.push_back(probe->target);
  set_targets({});
  options_ = std::move(options);
  set_targets(targets);
}

Task<void> Checker::watch(std::shared_ptr<Probe> probe) {
  while (!probe->stopped.is_set()) {
    auto answer = co_await ask(core_, options_, probe->target);
    if (probe->stopped.is_set()) co_return;
    conclude(*probe, std::move(answer));
    // A tenth more or less, so that many gates do not ask in step.
    const auto interval = probe->state.next_interval();
    const auto jitter = interval.count() / 5 * static_cast<Duration::rep>(random_u32() % 1000) / 1000;
    (void)co_await probe->stopped.wait(Clock::now() + interval - interval / 10 + Duration(jitter));
  }
}

void Checker::conclude(Probe& probe, Answer answer) {
  metrics_.health_checks.with({probe.target.name, answer.ok ? "ok" : "failed"}).add();
  const bool turned = probe.state.observe(answer.ok, Clock::now());
  if (turned && probe.state.up()) {
    LOG(info, "shard_up", {"shard", probe.target.name});
  } else if (turned) {
    LOG(warn, "shard_down", {"shard", probe.target.name}, {"reason", answer.reason});
  }
  const bool news = !std::exchange(probe.told, true) || turned || answer != probe.last;
  if (!answer.ok) {
    // What it said when it last could still holds.
    answer.announced = probe.last.announced;
    answer.load = probe.last.load;
  }
  probe.last = std::move(answer);
  if (news) on_change_(probe.target.name, {probe.state.up(), probe.state.changed_at(), probe.last});
}

Task<Answer> Checker::ask(net::Core& core, Options options, Target target) {
  const auto failed = [](std::string_view step, net::IoError error) {
    return Answer{.reason = std::string(step) + ": " + std::string(net::to_string(error))};
  };
  const auto to = target.addresses.empty() ? std::nullopt : Address::parse(target.addresses.front());
  if (!to) co_return Answer{.reason = "no address"};
  const auto deadline = Clock::now() + options.timeout;
  const auto connected = co_await net::Stream::connect(core, *to, deadline);
  if (!connected) co_return failed("connect", connected.error());
  net::Stream& stream = **connected;
  if (target.tls != nullptr) {
    auto ssl = target.tls->connect();
    const auto shaken = co_await stream.handshake(std::move(ssl), deadline);
    if (!shaken && shaken.error() == net::IoError::tls) {
      co_return Answer{.reason = "tls: " + tls::explain_failure(stream.tls()).reason};
    }
    if (!shaken) co_return failed("tls", shaken.error());
  }
  if (options.path.empty()) co_return Answer{.ok = true};
  const std::string request =
      "GET " + options.path + " HTTP/1.1\r\nHost: " + target.addresses.front() +
      "\r\nUser-Agent: roomgate\r\nAccept: application/json\r\nConnection: close\r\n\r\n";
  if (const auto sent = co_await stream.write_all(as_bytes(request), options.timeout); !sent) {
    co_return failed("send", sent.error());
  }
  std::vector<std::uint8_t> bytes(options.max_answer_bytes);
  std::size_t size = 0;
  http::ResponseParser parser;
  bool complete = false;
  while (!complete) {
    if (size == bytes.size()) co_return Answer{.reason = "the answer is too long"};
    const auto read = co_await stream.read_some(ByteSpan(bytes).subspan(size), deadline);
    if (!read) co_return failed("answer", read.error());
    if (*read == 0) co_return Answer{.reason = "no answer"};
    size += *read;
    const auto parsed = parser.parse({bytes.data(), size});
    if (!parsed)
      co_return Answer{.reason = "the answer is not HTTP: " + std::string(http::label(parsed.error()))};
    complete = *parsed;
  }
  const http::ResponseHead head = parser.head();
  const auto framing = http::framing_of(head, http::Method::get, false);
  if (!framing) co_return Answer{.reason = "the answer's length is unclear"};
  const int status = head.status;
  body::Reader reader(*framing);
  std::string body;
  ByteSpan input = ByteSpan(bytes).subspan(head.size, size - head.size);
  std::vector<std::uint8_t> more(4096);
  while (true) {
    const auto step = reader.next(input);
    if (!step) co_return Answer{.reason = "the answer's body is broken"};
    body += as_text(step->payload);
    if (reader.done()) break;
    if (body.size() > options.max_answer_bytes) co_return Answer{.reason = "the answer is too long"};
    const auto read = co_await stream.read_some(more, deadline);
    if (!read) co_return failed("answer", read.error());
    if (*read == 0) {
      reader.connection_ended();
      if (!reader.done()) co_return Answer{.reason = "the answer was cut off"};
      break;
    }
    input = ByteSpan(more).first(*read);
  }
  co_return read_answer(status, body);
}

}  // namespace roomgate::router::health
