#include "router/session/h1_session.hpp"

#include "router/http/error_response.hpp"
#include "router/http/rewrite.hpp"
#include "router/session/linger.hpp"

namespace roomgate::router::session {

using http::Reason;
using net::IoError;
using net::IoStatus;
using net::Task;

H1Session::H1Session(Worker& worker, Connection& connection)
    : worker_(worker),
      connection_(connection),
      settings_(worker.settings),
      pipelined_(std::move(connection.early)) {
  worker.add(*this);
}

void H1Session::leave_when_idle() {
  if (idle_ && requests_ > 0) connection_.stream->cancel_read();
}

void H1Session::leave_now() {
  if (connection_.stream != nullptr) connection_.stream->interrupt();
  if (exchange_ != nullptr) exchange_->interrupt();
}

void H1Session::rooms_moved(const MovedRooms& moved) {
  if (exchange_ != nullptr) exchange_->rooms_moved(moved);
}

Task<void> H1Session::run() {
  while (true) {
    if (!co_await first_bytes()) break;
    settings_ = worker_.settings;
    After after = After::close;
    {
      Exchange exchange(worker_, connection_, *this, requests_ == 0);
      exchange_ = &exchange;
      const Head head = co_await read_head(exchange);
      if (head == Head::ready) {
        after = co_await exchange.respond(inbox_->request.head());
      } else if (head == Head::refused) {
        after = After::linger;
      }
      exchange_ = nullptr;
    }
    ++requests_;
    if (after == After::handed_over) {
      worker_.give_back(std::move(inbox_));
      co_return;
    }
    // It has sent more already, and closing on unread bytes would be a reset that overtakes our answer.
    if (after == After::close && (!inbox_->in.empty() || !connection_.stream->quiet(true)))
      after = After::linger;
    end_request();
    if (after == After::linger) {
      if (inbox_ != nullptr) worker_.give_back(std::move(inbox_));
      co_await linger(*connection_.stream, settings_->limits);
      co_return;
    }
    if (after != After::next) break;
  }
  connection_.stream->say_end();
}

// Until then nobody is owed an answer, and nothing is held.
Task<bool> H1Session::first_bytes() {
  if (inbox_ != nullptr) co_return true;
  if (!pipelined_.empty()) {
    open_inbox();
    co_return true;
  }
  if (requests_ > 0 && worker_.draining) co_return false;
  const auto& timeouts = worker_.settings->timeouts;
  const auto deadline = worker_.core.now() + (requests_ == 0 ? timeouts.request : timeouts.keep_alive);
  while (true) {
    idle_ = true;
    const auto ready = co_await connection_.stream->wait_readable(deadline);
    idle_ = false;
    if (!ready) co_return false;
    open_inbox();
    if (const auto read = connection_.stream->try_read(inbox_->in.room())) {
      if (!read->ok() || **read == 0) co_return false;
      inbox_->in.end += **read;
      co_return true;
    }
    worker_.give_back(std::move(inbox_));
  }
}

void H1Session::open_inbox() {
  inbox_ = worker_.take_inbox();
  const bool small = worker_.settings->head.max_head_bytes <= net::BufferPool::kSmall;
  inbox_->in.buffer =
      worker_.core.buffers().take(small ? net::BufferPool::Size::small : net::BufferPool::Size::large);
  std::copy(pipelined_.begin(), pipelined_.end(), inbox_->in.buffer.span().begin());
  inbox_->in.end = pipelined_.size();
  pipelined_ = {};
}

Task<H1Session::Head> H1Session::read_head(Exchange& exchange) {
  Input& in = inbox_->in;
  in.compact();
  const auto deadline = worker_.core.now() + settings_->timeouts.request;
  while (true) {
    const auto parsed = inbox_->request.parse(in.bytes());
    Reason wrong = Reason::none;
    if (!parsed) {
      wrong = http::reason_of(parsed.error());
    } else if (*parsed) {
      // The head's bytes are used up, and stay where they are until the request is done: views point into
      // them.
      in.begin += inbox_->request.head().size;
      co_return Head::ready;
    } else if (in.room().empty()) {
      wrong = Reason::head_too_large;
    }
    if (wrong != Reason::none) {
      co_await exchange.refuse_head(wrong);
      co_return Head::refused;
    }
    const auto read = co_await connection_.stream->read_some(in.room(), deadline);
    if (!read) {
      if (read.error() != IoError::timed_out || inbox_->request.idle(in.bytes())) co_return Head::closed;
      co_await exchange.refuse_head(Reason::head_timeout);
      co_return Head::refused;
    }
    if (*read == 0) co_return Head::closed;
    in.end += *read;
  }
}

void H1Session::end_request() {
  inbox_->request.reset();
  // A pipelined request is in the buffer already.
  if (inbox_->in.empty()) worker_.give_back(std::move(inbox_));
}

// --- the client's side of an exchange

std::string_view H1Session::protocol() const {
  return inbox_->request.head().minor_version == 0 ? "HTTP/1.0" : "HTTP/1.1";
}

http::Framing H1Session::answer_on_channel(http::Framing from_shard) const {
  return http::framing_towards(from_shard, inbox_->request.head().minor_version);
}

ByteView H1Session::answer_head(const http::ResponseHead& head, const http::ResponseRewrite& rewrite) {
  head_.clear();
  http::write_response_head(head, rewrite, head_);
  return as_bytes(head_);
}

Task<IoStatus> H1Session::interim(const http::ResponseHead& head, Duration stall) {
  if (inbox_->request.head().minor_version == 0) co_return IoStatus();
  head_.clear();
  http::write_response_head(head, {.framing = {}, .keep_alive = true}, head_);
  co_return co_await connection_.stream->write_all(as_bytes(head_), stall);
}

Task<IoStatus> H1Session::own_answer(std::string_view text, Duration stall) {
  co_return co_await connection_.stream->write_all(as_bytes(text), stall);
}

Task<IoStatus> H1Session::switched(const http::ResponseHead& head, const http::ResponseRewrite& rewrite,
                                   Duration stall) {
  co_return co_await connection_.stream->write_all(answer_head(head, rewrite), stall);
}

}  // namespace roomgate::router::session
