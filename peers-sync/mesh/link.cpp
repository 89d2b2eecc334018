#include "peers-sync/mesh/link.hpp"

#include "base/net/sleep.hpp"

namespace roomgate::peers_sync::mesh {

using net::IoError;
using net::IoResult;
using net::IoStatus;
using net::Task;

namespace {
constexpr std::size_t kKept = 256 * 1024;  // of a session's output buffer, once a burst is over
}  // namespace

std::shared_ptr<Link> Link::dial(Parts parts, const Address& to) {
  auto link = std::make_shared<Link>(std::move(parts), to, nullptr);
  link->core_.spawn(run(link));
  return link;
}

std::shared_ptr<Link> Link::take(Parts parts, int descriptor, const Address& from) {
  auto stream = std::make_unique<net::Stream>(parts.core, descriptor);
  auto link = std::make_shared<Link>(std::move(parts), from, std::move(stream));
  link->core_.spawn(run(link));
  return link;
}

Link::Link(Parts parts, const Address& address, std::unique_ptr<net::Stream> stream)
    : core_(parts.core),
      owner_(&parts.owner),
      tables_(parts.tables),
      tls_(std::move(parts.tls)),
      options_(std::move(parts.session)),
      limits_(parts.limits),
      address_(address),
      begin_(parts.core.now()),
      stream_(std::move(stream)),
      dialled_(stream_ == nullptr) {
  options_.side = dialled_ ? Session::Side::connecting : Session::Side::accepting;
}

Link::~Link() = default;

// --- Its way.

Task<void> Link::run(std::shared_ptr<Link> self) {
  // The owner hears nothing before it knows the link.
  co_await net::yield(self->core_);
  bool up = !self->over_;
  if (up) up = co_await self->connect();
  if (up) up = co_await self->secure();
  if (up) {
    self->begin_session();
    co_await self->read();
    co_await self->linger();
  }
  self->over_ = true;
  self->cancel();
  if (self->stream_ != nullptr) {
    self->stream_->say_end();
    self->stream_->close();
  }
  if (self->owner_ != nullptr) std::exchange(self->owner_, nullptr)->ended(*self);
}

Task<bool> Link::connect() {
  if (stream_ != nullptr) co_return true;
  auto connected = co_await net::Stream::connect(core_, address_, core_.now() + limits_.connect);
  if (over_) co_return false;
  if (connected) {
    stream_ = std::move(connected).value();
    co_return true;
  }
  const bool nobody = connected.error() == IoError::refused;
  finish(nobody ? End::refused : End::unreachable,
         std::string("connect: ") + std::string(net::to_string(connected.error())));
  co_return false;
}

Task<bool> Link::secure() {
  if (tls_ == nullptr) co_return true;
  net::SslPointer ssl = dialled_ ? tls_->connect() : tls_->accept();
  const IoStatus secured = co_await stream_->handshake(std::move(ssl), core_.now() + limits_.tls);
  if (over_) co_return false;
  if (!secured) {
    finish(End::tls, secured.error() == IoError::tls
                         ? tls_failure(stream_->tls())
                         : "TLS: " + std::string(net::to_string(secured.error())));
    co_return false;
  }
  if (dialled_ && !shows(options_.peer_name)) {
    finish(End::tls, "TLS: its certificate does not have the name " + options_.peer_name);
    co_return false;
  }
  co_return true;
}

void Link::begin_session() {
  session_ =
      std::make_unique<Session>(options_, static_cast<Session::Listener&>(*this), tables_, core_.now());
  speak();
}

Task<void> Link::read() {
  while (!over_) {
    const IoStatus ready = co_await stream_->wait_readable(TimePoint::max());
    if (over_) co_return;
    if (!ready) {
      finish(End::closed, std::string(net::to_string(ready.error())));
      co_return;
    }
    bool more = true;
    {
      net::Buffer buffer = core_.buffers().take(net::BufferPool::Size::large);
      for (std::size_t i = 0; i < limits_.reads_at_once && more && !over_; ++i) {
        const auto got = stream_->try_read(buffer.span());
        more = got.has_value();
        if (!more) break;
        if (!got->ok()) {
          finish(End::closed, std::string(net::to_string(got->error())));
        } else if (**got == 0) {
          finish(End::closed, "the peer ended");
        } else {
          bytes_in_ += **got;
          with_session([&](Session& session) { session.consume(buffer.span().first(**got), core_.now()); });
          if (!over_ && (session_->closed() || silenced_)) session_ended();
        }
      }
    }
    if (more && !over_) co_await net::yield(core_);
  }
}

// The session's last word: closing with something unread would take it back.
Task<void> Link::linger() {
  if (session_ == nullptr || !session_->closed() || silenced_ || stream_->interrupted()) co_return;
  if (session_->out().empty()) co_return;
  write_some();
  if (writing_ || stream_->interrupted()) co_return;
  stream_->shutdown_write();
  const TimePoint deadline = core_.now() + limits_.linger;
  net::Buffer buffer = core_.buffers().take(net::BufferPool::Size::small);
  for (std::size_t read = 0; read < limits_.lingered;) {
    const IoResult got = co_await stream_->read_some(buffer.span(), deadline);
    if (!got || *got == 0) co_return;
    read += *got;
  }
}

// --- What the owner wants.

void Link::send(std::uint8_t type, std::string_view body) {
  if (over_ || retiring_ || session_ == nullptr) return;
  // Perhaps from within what it said to us.
  session_->send(type, body, core_.now());
  speak();
}

void Link::push() {
  if (over_ || session_ == nullptr) return;
  with_session([this](Session& session) { session.push(core_.now()); });
}

void Link::retire() {
  if (over_ || retiring_) return;
  if (session_ == nullptr) return close();
  retiring_ = true;
  cut_ = core_.now() + limits_.retire;
  speak();
}

void Link::close() {
  owner_ = nullptr;
  over_ = true;
  cancel();
  // Nothing of it may be left when the owner is gone, and what the session's tables are.
  if (!in_session_) session_.reset();
  if (stream_ == nullptr) return;
  stream_->say_end();
  stream_->close();
}

const std::string& Link::peer_name() const {
  return dialled_ || session_ == nullptr ? options_.peer_name : session_->peer().name;
}

std::size_t Link::unsent() const {
  return waiting_.size() + (session_ == nullptr ? 0 : session_->out().size());
}

bool Link::shows(const std::string& name) const {
  return tls_ == nullptr || (stream_ != nullptr && shows_name(stream_->tls(), name));
}

// --- What the session says.

codec::Status Link::judge(const Session::Peer& peer) {
  const auto verdict = owner_ == nullptr ? std::nullopt : owner_->judge(*this, peer);
  if (verdict) return *verdict;
  silenced_ = true;
  return codec::Status::unknown_peer;
}

void Link::opened(const Session::Peer& peer) {
  if (owner_ != nullptr) owner_->opened(*this, peer);
}

void Link::recognised(const Session::Peer& gate) {
  if (owner_ != nullptr) owner_->recognised(*this, gate);
}

bool Link::packet(std::uint8_t type, ByteView body) {
  return owner_ == nullptr || owner_->packet(*this, type, body);
}

// --- Writing, and ends.

void Link::speak() { core_.at_end_of_turn(*this); }

// Whatever it does, it may say something, to the peer or to the owner; who may close us.
template <class Call>
void Link::with_session(Call call) {
  const bool nested = std::exchange(in_session_, true);
  call(*session_);
  in_session_ = nested;
  if (nested) return;
  if (over_ && owner_ == nullptr) {
    session_.reset();
  } else {
    heard();
  }
}

void Link::heard() {
  speak();
  if (haproxy_told_ || owner_ == nullptr || !session_->haproxy()) return;
  haproxy_told_ = true;
  owner_->taken_for_haproxy(*this);
}

void Link::go_on() {
  if (over_ || session_ == nullptr) return;
  with_session([this](Session& session) { session.tick(core_.now()); });
}

void Link::on_turn() {
  if (over_ || session_ == nullptr) return;
  write_some();
  if (over_) return;
  if (session_->closed()) {
    session_ended();
    stream_->interrupt();
    return;
  }
  if (retiring_ && !said_end_ && !writing_ && session_->out().empty()) {
    said_end_ = true;
    stream_->shutdown_write();
  }
  set_timer();
}

void Link::write_some() {
  if (writing_ || silenced_ || said_end_ || stream_->interrupted()) return;
  std::string& out = session_->out();
  if (out.empty()) return;
  const IoResult sent = stream_->write_some(as_bytes(out));
  if (!sent) {
    finish(End::closed, std::string(net::to_string(sent.error())));
    stream_->interrupt();
    return;
  }
  bytes_out_ += *sent;
  if (*sent < out.size()) {
    waiting_.assign(out, *sent);
    writing_ = true;
  }
  out.clear();
  if (out.capacity() > kKept) std::string().swap(out);
  if (writing_) core_.spawn(write_rest(shared_from_this()));
}

// While the peer is slow. What is said meanwhile gathers in the session, which knows its bound.
Task<void> Link::write_rest(std::shared_ptr<Link> self) {
  while (!self->waiting_.empty() && !self->over_) {
    const IoStatus written = co_await self->stream_->write_all(as_bytes(self->waiting_), self->limits_.stall);
    if (self->over_) co_return;
    if (!written) {
      const bool stalled = written.error() == IoError::timed_out;
      self->finish(stalled ? End::stalled : End::closed,
                   stalled ? "it takes nothing" : std::string(net::to_string(written.error())));
      self->stream_->interrupt();
      co_return;
    }
    self->bytes_out_ += self->waiting_.size();
    self->waiting_.clear();
    self->waiting_.swap(self->session_->out());
  }
  std::string().swap(self->waiting_);
  self->writing_ = false;
  // It may have held back what there was no room for.
  self->go_on();
}

void Link::on_expire() {
  const TimePoint now = core_.now();
  if (now >= cut_) {
    finish(End::closed, "another session has taken its place");
    stream_->interrupt();
    return;
  }
  go_on();
}

void Link::set_timer() {
  const TimePoint next = std::min(session_->next(), cut_);
  if (next <= core_.now()) {
    // It has more to say, and waits for others to have their turn.
    if (!writing_ && !again_.is_linked()) core_.soon(again_);
  } else {
    core_.schedule(*this, next);
  }
}

// By its own doing. More than it may hold back is unsent only when the peer has taken nothing for long.
void Link::session_ended() {
  if (dialled_) refused_ = session_->refused();
  End end = End::closed;
  if (refused_) end = End::rejected;
  if (writing_) end = End::stalled;
  finish(end, silenced_ ? "turned away" : std::string(session_->why()));
}

void Link::finish(End end, std::string why) {
  if (over_) return;
  over_ = true;
  end_ = end;
  why_ = std::move(why);
  cancel();
}

std::string_view to_string(Link::End end) {
  switch (end) {
    case Link::End::none: return "none";
    case Link::End::refused: return "refused";
    case Link::End::unreachable: return "unreachable";
    case Link::End::tls: return "tls";
    case Link::End::rejected: return "rejected";
    case Link::End::closed: return "closed";
    case Link::End::stalled: return "stalled";
  }
  return "none";
}

}  // namespace roomgate::peers_sync::mesh
