#include "sfu/transport/handshake_thread.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <deque>

namespace roomgate::sfu::transport {
namespace {

constexpr std::size_t kTurn = 64;  // requests of one worker taken before the next worker's
constexpr Duration kTrimPause = seconds(2);

int make_eventfd() {
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fd < 0) std::abort();  // start-up, no descriptors left
  return fd;
}

void ring_bell(int fd) {
  const std::uint64_t one = 1;
  // Fails only when the counter is at its end, and then the descriptor is readable anyway.
  [[maybe_unused]] const ssize_t written = write(fd, &one, sizeof one);
}

void reset_bell(int fd) {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t taken = read(fd, &count, sizeof count);
}

// RFC 6347 4.1 and 4.2.2: a handshake record of epoch 0 that holds (a fragment of) a ClientHello. Nothing
// else may open an association.
bool is_client_hello(ByteView datagram) {
  return datagram.size() > 13 && datagram[0] == 22 && load16(&datagram[3]) == 0 && datagram[13] == 1;
}

}  // namespace

// One worker's two rings and everything of it that this thread holds.
struct HandshakeThread::Lane {
  explicit Lane(std::size_t queue) : requests(queue), events(queue) {}
  ~Lane() { ::close(event_fd); }

  SpscRing<Request> requests;
  SpscRing<HandshakeEvent> events;
  const int event_fd = make_eventfd();

  std::deque<Request> waiting;  // worker's side: expect and drop that found the ring full

  std::deque<HandshakeEvent> unsent;  // our side: keys, failures and ends that found the ring full
  std::unordered_map<std::uint64_t, Association> associations;
  // Whose SSL objects are gone, until drop(): a late ClientHello must not begin a second handshake under such
  // an id. Sorted. In one piece and nothing but ids, since whatever else stayed would lie between freed SSL
  // objects and hold a page for each.
  std::vector<std::uint64_t> ended;
  TimePoint deadline = TimePoint::max();  // nothing of `associations` is due before
  bool rang = false;                      // events were pushed in this turn
};

HandshakeThread::HandshakeThread(const DtlsContext& context, std::size_t workers,
                                 const HandshakeLimits& limits)
    : context_(context), limits_(limits), wake_fd_(make_eventfd()) {
  for (std::size_t i = 0; i < workers; ++i) lanes_.push_back(std::make_unique<Lane>(limits_.queue));
}

HandshakeThread::~HandshakeThread() {
  stop_.store(true, std::memory_order_release);
  wake();
  if (thread_.joinable()) thread_.join();
  ::close(wake_fd_);
}

void HandshakeThread::start() {
  thread_ = std::thread([this] { run(); });
}

bool HandshakeThread::datagram(std::size_t worker, std::uint64_t association, ByteView bytes) {
  Request request{RequestKind::datagram, association, {bytes.begin(), bytes.end()}, {}, {}};
  if (bytes.size() > limits_.max_datagram_bytes || !lanes_[worker]->waiting.empty() ||
      !lanes_[worker]->requests.push(std::move(request))) {
    lost_requests_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  wake();
  return true;
}

void HandshakeThread::expect(std::size_t worker, std::uint64_t association, std::string hash,
                             std::string value) {
  submit(*lanes_[worker], {RequestKind::expect, association, {}, std::move(hash), std::move(value)});
}

void HandshakeThread::drop(std::size_t worker, std::uint64_t association) {
  submit(*lanes_[worker], {RequestKind::drop, association, {}, {}, {}});
}

void HandshakeThread::submit(Lane& lane, Request&& request) {
  // Two per endpoint at most, so this side list is bounded by the endpoints a worker has; collect() retries.
  if (!lane.waiting.empty() || !lane.requests.push(std::move(request)))
    lane.waiting.push_back(std::move(request));
  wake();
}

int HandshakeThread::event_fd(std::size_t worker) const { return lanes_[worker]->event_fd; }

void HandshakeThread::collect(std::size_t worker, std::vector<HandshakeEvent>& out) {
  Lane& lane = *lanes_[worker];
  reset_bell(lane.event_fd);
  HandshakeEvent event;
  for (std::size_t i = 0; i < limits_.queue && lane.events.pop(event); ++i) out.push_back(std::move(event));
  bool moved = false;
  while (!lane.waiting.empty() && lane.requests.push(std::move(lane.waiting.front()))) {
    lane.waiting.pop_front();
    moved = true;
  }
  if (moved) wake();
}

void HandshakeThread::wake() const { ring_bell(wake_fd_); }

void HandshakeThread::run() {
  while (!stop_.load(std::memory_order_acquire)) {
    bool more = false;
    TimePoint deadline = TimePoint::max();
    for (const auto& lane : lanes_) {
      lane->rang = false;
      Request request;
      std::size_t taken = 0;
      while (taken < kTurn && lane->requests.pop(request)) {
        handle(*lane, request, Clock::now());
        ++taken;
      }
      // A worker whose own list waits for room is woken, so that it looks again.
      more = more || taken == kTurn;
      deadline = std::min(deadline, tick(*lane, Clock::now()));
      if (lane->rang || taken == kTurn) ring_bell(lane->event_fd);
    }
    if (more) continue;
    give_memory_back(Clock::now());
    deadline = std::min(deadline, trim_at_);
    int wait = -1;
    if (deadline != TimePoint::max()) {
      const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
      wait = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
    }
    pollfd bell{wake_fd_, POLLIN, 0};
    poll(&bell, 1, wait);
    reset_bell(wake_fd_);
  }
}

// What handshakes needed lies in pieces between what stays: the allocator keeps it as the process's own
// unless it is asked. A join storm would else leave some 60 KB resident for everybody who came.
void HandshakeThread::give_memory_back(TimePoint now) {
  if (now < trim_at_) return;
  trim_at_ = TimePoint::max();
  ::malloc_trim(0);
}

// Those that follow soon are given back together.
void HandshakeThread::freed(TimePoint now) { trim_at_ = std::min(trim_at_, now + kTrimPause); }

void HandshakeThread::handle(Lane& lane, Request& request, TimePoint now) {
  const auto ended = std::lower_bound(lane.ended.begin(), lane.ended.end(), request.association);
  if (ended != lane.ended.end() && *ended == request.association) {
    if (request.kind == RequestKind::drop) lane.ended.erase(ended);
    return;
  }
  auto found = lane.associations.find(request.association);
  DtlsOutput output;
  switch (request.kind) {
    case RequestKind::drop:
      if (found == lane.associations.end()) return;
      if (found->second.dtls) {
        found->second.dtls->close(now, output);
        freed(now);
      }
      lane.associations.erase(found);
      break;
    case RequestKind::expect:
    case RequestKind::datagram: {
      const bool opens = request.kind == RequestKind::expect || is_client_hello(request.bytes);
      if (found == lane.associations.end()) {
        if (!opens || lane.associations.size() + lane.ended.size() >= limits_.max_associations) {
          lost_requests_.fetch_add(1, std::memory_order_relaxed);
          return;
        }
        found = lane.associations.emplace(request.association, Association{}).first;
      }
      Association& association = found->second;
      if (request.kind == RequestKind::expect) {
        if (association.dtls) {
          association.dtls->expect(request.hash, request.value, now, output);
        } else {
          association.hash = std::move(request.hash);
          association.value = std::move(request.value);
        }
        break;
      }
      if (!association.dtls) {
        if (!is_client_hello(request.bytes)) return;
        association.dtls = std::make_unique<DtlsServer>(context_, now, limits_.dtls);
        if (!association.hash.empty())
          association.dtls->expect(association.hash, association.value, now, output);
      }
      association.dtls->consume(request.bytes, now, output);
      break;
    }
  }
  if (request.kind != RequestKind::drop && found->second.dtls) {
    lane.deadline = std::min(lane.deadline, due(*found->second.dtls));
  }
  deliver(lane, request.association, output);
}

void HandshakeThread::deliver(Lane& lane, std::uint64_t association, DtlsOutput& output) {
  const auto must_arrive = [&lane](HandshakeEvent&& event) {
    if (!lane.unsent.empty() || !lane.events.push(std::move(event))) lane.unsent.push_back(std::move(event));
    lane.rang = true;
  };
  for (auto& bytes : output.datagrams) {
    HandshakeEvent event;
    event.kind = HandshakeEventKind::datagram;
    event.association = association;
    event.bytes = std::move(bytes);
    if (!lane.unsent.empty() || !lane.events.push(std::move(event))) {
      lost_datagrams_.fetch_add(1, std::memory_order_relaxed);  // as on a network: repeated by timer
    }
    lane.rang = true;
  }
  if (output.keys) {
    handshakes_done_.fetch_add(1, std::memory_order_relaxed);
    HandshakeEvent event;
    event.kind = HandshakeEventKind::keys;
    event.association = association;
    event.keys = *output.keys;
    must_arrive(std::move(event));
  }
  if (output.failure) {
    handshakes_failed_.fetch_add(1, std::memory_order_relaxed);
    HandshakeEvent event;
    event.kind = HandshakeEventKind::failed;
    event.association = association;
    event.error = *output.failure;
    must_arrive(std::move(event));
  }
  if (output.closed) {
    HandshakeEvent event;
    event.kind = HandshakeEventKind::closed;
    event.association = association;
    must_arrive(std::move(event));
  }
}

TimePoint HandshakeThread::tick(Lane& lane, TimePoint now) {
  while (!lane.unsent.empty() && lane.events.push(std::move(lane.unsent.front()))) {
    lane.unsent.pop_front();
    lane.rang = true;
  }
  // While a ring is full: look again soon, the worker does not tell us when it has read.
  const auto next = [&] {
    return lane.unsent.empty() ? lane.deadline : std::min(lane.deadline, now + milliseconds(5));
  };
  if (now < lane.deadline) return next();
  lane.deadline = TimePoint::max();
  for (auto at = lane.associations.begin(); at != lane.associations.end();) {
    const auto current = at++;
    if (!current->second.dtls) continue;
    const std::uint64_t id = current->first;
    DtlsServer& dtls = *current->second.dtls;
    if (!dtls.finished_at() && dtls.next_deadline() <= now) {
      DtlsOutput output;
      dtls.tick(now, output);
      deliver(lane, id, output);
    }
    if (due(dtls) <= now) {
      lane.ended.insert(std::lower_bound(lane.ended.begin(), lane.ended.end(), id), id);
      lane.associations.erase(current);
      freed(now);
    } else {
      lane.deadline = std::min(lane.deadline, due(dtls));
    }
  }
  return next();
}

TimePoint HandshakeThread::due(const DtlsServer& dtls) const {
  const auto finished = dtls.finished_at();
  return finished ? *finished + limits_.keep : dtls.next_deadline();
}

}  // namespace roomgate::sfu::transport
