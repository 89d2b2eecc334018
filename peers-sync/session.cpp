#include "peers-sync/session.hpp"

#include <algorithm>

#include "peers-sync/codec/frame.hpp"
#include "peers-sync/codec/gate_hello.hpp"
#include "peers-sync/codec/message.hpp"
#include "peers-sync/haproxy/conversation.hpp"

namespace roomgate::peers_sync {

using haproxy::Conversation;

struct Session::Parts {
  enum class State : std::uint8_t { awaits_status, awaits_hello, nameless, gate, haproxy, closed };

  Parts(Options said, Listener& to, haproxy::Tables& all, TimePoint now)
      : options(std::move(said)), listener(to), tables(all), begun(now), heard(now), spoke(now) {
    if (options.side == Side::accepting) return;
    state = State::awaits_status;
    peer.name = options.peer_name;
    codec::append_hello({.minor = options.minor,
                         .to = options.peer_name,
                         .from = options.own_name,
                         .process = "1",
                         .words = codec::gate_words(options.life)},
                        out);
  }

  // One step of the input: how many bytes it took, 0: there is more to come.
  std::size_t step(ByteView input, TimePoint now);
  std::size_t hello(ByteView input, TimePoint now);
  std::size_t status(ByteView input, TimePoint now);
  std::size_t message(ByteView input, TimePoint now);

  void accept(const codec::Hello& hello, TimePoint now);
  void refuse(codec::Status status, std::string reason);
  void introduced(const codec::Frame& frame, TimePoint now);
  void become_gate(std::uint64_t life);
  void become_haproxy(bool timed, TimePoint now);
  void of_gate(const codec::Frame& frame, TimePoint now);
  void of_haproxy(const codec::Frame& frame, TimePoint now);
  void malformed(codec::ErrorSaid said, std::string reason, TimePoint now);
  void close(std::string reason, TimePoint now);
  void work(TimePoint now);
  TimePoint first_message_due() const { return opened + options.limits.first_message; }
  TimePoint silent_at() const {
    return heard + (state == State::gate ? options.limits.gate_silence : options.limits.silence);
  }
  TimePoint heartbeat_at() const {
    const SessionLimits& limits = options.limits;
    return spoke + (state == State::gate ? limits.gate_silence / 4 : limits.heartbeat);
  }
  bool in_handshake() const { return state == State::awaits_status || state == State::awaits_hello; }

  Options options;
  Listener& listener;
  haproxy::Tables& tables;
  State state = State::awaits_hello;
  Peer peer;
  bool peer_has_spoken = false;  // a message, after the handshake
  std::optional<Conversation> conversation;

  std::string in;  // the beginning of a message, at most one
  std::string out;
  std::string why;
  std::optional<unsigned> refused;
  Counters counters;
  TimePoint begun;
  TimePoint opened{};
  TimePoint heard;  // a whole message
  TimePoint spoke;
};

// --- Handshake.

std::size_t Session::Parts::hello(ByteView input, TimePoint now) {
  auto read = codec::read_hello(input);
  if (!read) {
    refuse(read.error(), "its hello is not one of this protocol");
    return 0;
  }
  if (!read->has_value()) return 0;
  accept((*read)->hello, now);
  return (*read)->size;
}

void Session::Parts::accept(const codec::Hello& hello, TimePoint now) {
  peer.name = hello.from;
  peer.local = hello.from == options.own_name;
  if (hello.to != options.own_name) return refuse(codec::Status::wrong_name, "it looks for another one");
  const auto life = codec::read_gate_words(hello.words);
  // No status: after one it might never come again, and the mistake may be mended by then.
  if (!life) return close(life.error(), now);
  if (life->has_value()) {
    peer.gate = true;
    peer.life = **life;
    if (peer.local) return refuse(codec::Status::unknown_peer, "a gate with the name of this one");
  }
  const codec::Status verdict = listener.judge(peer);
  if (verdict != codec::Status::accepted) return refuse(verdict, "not let in");
  codec::append_status(verdict, out);
  opened = heard = now;
  if (peer.gate) {
    codec::append_introduction({options.own_name, options.life}, out);
    state = State::gate;
    listener.opened(peer);
    listener.recognised(peer);
    return;
  }
  // Whatever opened() sends stands behind the status.
  state = State::haproxy;
  listener.opened(peer);
  become_haproxy(hello.timed_updates(), now);
}

void Session::Parts::refuse(codec::Status status, std::string reason) {
  codec::append_status(status, out);
  refused = static_cast<unsigned>(status);
  close("refused with " + std::to_string(*refused) + ": " + std::move(reason), begun);
}

std::size_t Session::Parts::status(ByteView input, TimePoint now) {
  const auto read = codec::read_status(input);
  if (!read) {
    close("its answer is not one of this protocol", now);
    return 0;
  }
  if (!read->has_value()) return 0;
  if ((*read)->code != static_cast<unsigned>(codec::Status::accepted)) {
    refused = (*read)->code;
    close("it refused with " + std::to_string(*refused), now);
    return 0;
  }
  opened = heard = now;
  state = State::nameless;
  listener.opened(peer);
  return (*read)->size;
}

// --- Who is it?

// The first message of the accepting side is of the gates' class.
void Session::Parts::introduced(const codec::Frame& frame, TimePoint now) {
  if (frame.type != codec::kGateIntroduction) {
    return malformed(codec::ErrorSaid::protocol, "it is a gate that does not introduce itself", now);
  }
  const auto introduction = codec::read_introduction(as_text(frame.body));
  if (!introduction) return close(introduction.error(), now);
  if (introduction->name != peer.name) return close("it says that it is another one", now);
  // It let us wait so long that we took it for a HAProxy.
  if (conversation) conversation->end(now);
  conversation.reset();
  become_gate(introduction->life);
}

void Session::Parts::become_gate(std::uint64_t life) {
  peer.gate = true;
  peer.life = life;
  state = State::gate;
  listener.recognised(peer);
}

void Session::Parts::become_haproxy(bool timed, TimePoint now) {
  state = State::haproxy;
  conversation.emplace(Conversation::Options{.peer = peer.name,
                                             .local = peer.local,
                                             .timed = timed,
                                             .limits = {.max_unsent = options.limits.max_unsent,
                                                        .updates_at_once = options.limits.updates_at_once,
                                                        .lesson = options.limits.lesson}},
                       tables, out);
  conversation->work(now);
}

// --- Messages.

std::size_t Session::Parts::message(ByteView input, TimePoint now) {
  const auto read = codec::next_frame(input);
  if (!read) {
    const bool large = read.error() == codec::FrameError::too_large;
    malformed(large ? codec::ErrorSaid::size_limit : codec::ErrorSaid::protocol,
              large ? "a message beyond the size limit" : "a message with a length that is none", now);
    return 0;
  }
  if (!read->has_value()) return 0;
  const codec::Frame& frame = **read;
  heard = now;
  const bool first = !peer_has_spoken;
  peer_has_spoken = true;
  if (first && options.side == Side::connecting && frame.klass == codec::kGateClass) {
    introduced(frame, now);
    return frame.size;
  }
  if (state == State::nameless) become_haproxy(options.minor >= 1, now);
  if (state == State::gate) {
    of_gate(frame, now);
  } else {
    of_haproxy(frame, now);
  }
  return frame.size;
}

void Session::Parts::of_gate(const codec::Frame& frame, TimePoint now) {
  if (frame.klass == codec::kReserved) {
    return malformed(codec::ErrorSaid::protocol, "a message of the reserved class", now);
  }
  if (frame.klass != codec::kGateClass) {
    // Heartbeats, and what it said as long as it took us for a HAProxy.
    if (frame.klass != codec::kControl) ++counters.skipped;
    return;
  }
  ++counters.updates_in;
  if (!listener.packet(frame.type, frame.body)) {
    malformed(codec::ErrorSaid::protocol, "a packet that cannot be read", now);
  }
}

void Session::Parts::of_haproxy(const codec::Frame& frame, TimePoint now) {
  switch (conversation->read(frame, now)) {
    case Conversation::Read::understood: break;
    case Conversation::Read::skipped: ++counters.skipped; break;
    case Conversation::Read::malformed:
      malformed(codec::ErrorSaid::protocol, "a message that cannot be read", now);
      break;
  }
}

// --- Ends.

void Session::Parts::malformed(codec::ErrorSaid said, std::string reason, TimePoint now) {
  ++counters.malformed;
  codec::append_error(said, out);
  close(std::move(reason), now);
}

void Session::Parts::close(std::string reason, TimePoint now) {
  if (state == State::closed) return;
  state = State::closed;
  why = std::move(reason);
  if (!conversation) return;
  if (conversation->complained()) why += " (it had told of an error of ours)";
  conversation->end(now);
}

// --- Time.

void Session::Parts::work(TimePoint now) {
  const SessionLimits& limits = options.limits;
  if (in_handshake() && now >= begun + limits.handshake) return close("no handshake in time", now);
  if (in_handshake() || state == State::closed) return;
  if (now >= silent_at()) return close("silent for too long", now);
  if (state == State::nameless && now >= first_message_due()) become_haproxy(options.minor >= 1, now);
  if (state == State::nameless) return;
  if (conversation) conversation->work(now);
  if (out.empty() && now >= heartbeat_at()) {
    codec::append_control(codec::Control::heartbeat, out);
  }
}

// --- The session.

Session::Session(Options options, Listener& listener, haproxy::Tables& tables, TimePoint now)
    : parts_(std::make_unique<Parts>(std::move(options), listener, tables, now)) {}

// A lesson that has not ended ends here, for the table to ask somebody else.
Session::~Session() {
  if (parts_->conversation && !closed()) parts_->conversation->end(parts_->heard);
}

std::size_t Session::Parts::step(ByteView input, TimePoint now) {
  switch (state) {
    case State::awaits_hello: return hello(input, now);
    case State::awaits_status: return status(input, now);
    case State::nameless:
    case State::gate:
    case State::haproxy: return message(input, now);
    case State::closed: return 0;
  }
  return 0;
}

void Session::consume(ByteView bytes, TimePoint now) {
  Parts& parts = *parts_;
  if (closed()) return;
  // Only what is cut off is kept; the rest is read where it lies.
  const bool kept = !parts.in.empty();
  if (kept) parts.in.append(as_text(bytes));
  ByteView rest = kept ? as_bytes(parts.in) : bytes;
  while (!rest.empty() && !closed()) {
    const std::size_t took = parts.step(rest, now);
    if (took == 0) break;
    rest = rest.subspan(took);
  }
  if (closed()) return;
  parts.in = std::string(as_text(rest));
  tick(now);
}

void Session::tick(TimePoint now) {
  parts_->work(now);
  // What is in out() has not been written, so the peer hears from us soon.
  if (!parts_->out.empty()) parts_->spoke = now;
}

TimePoint Session::next() const {
  const Parts& parts = *parts_;
  const SessionLimits& limits = parts.options.limits;
  switch (parts.state) {
    case Parts::State::awaits_hello:
    case Parts::State::awaits_status: return parts.begun + limits.handshake;
    case Parts::State::nameless: return std::min(parts.first_message_due(), parts.silent_at());
    case Parts::State::gate:
    case Parts::State::haproxy: {
      const TimePoint due = std::min(parts.heartbeat_at(), parts.silent_at());
      return parts.conversation ? std::min(due, parts.conversation->next()) : due;
    }
    case Parts::State::closed: return TimePoint::max();
  }
  return TimePoint::max();
}

void Session::send(std::uint8_t type, std::string_view body, TimePoint now) {
  Parts& parts = *parts_;
  if (parts.state != Parts::State::gate) return;
  if (parts.out.size() + body.size() > parts.options.limits.max_unsent) {
    return parts.close("it does not read what it is sent", now);
  }
  if (type < codec::kFirstWithBody) {
    parts.out.push_back(static_cast<char>(codec::kGateClass));
    parts.out.push_back(static_cast<char>(type));
  } else {
    codec::FrameWriter frame(codec::kGateClass, type, parts.out);
    parts.out += body;
    frame.end();
  }
  parts.spoke = now;
  ++parts.counters.updates_out;
}

void Session::push(TimePoint now) { tick(now); }

std::string& Session::out() { return parts_->out; }
bool Session::closed() const { return parts_->state == Parts::State::closed; }
std::string_view Session::why() const { return parts_->why; }
std::optional<unsigned> Session::refused() const { return parts_->refused; }
const Session::Peer& Session::peer() const { return parts_->peer; }
bool Session::haproxy() const { return parts_->state == Parts::State::haproxy; }
bool Session::open() const { return !parts_->in_handshake() && !closed(); }

Session::Counters Session::counters() const {
  Counters counters = parts_->counters;
  if (parts_->conversation) {
    counters.updates_in += parts_->conversation->updates_in();
    counters.updates_out += parts_->conversation->updates_out();
  }
  return counters;
}

}  // namespace roomgate::peers_sync
