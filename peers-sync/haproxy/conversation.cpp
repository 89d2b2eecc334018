#include "peers-sync/haproxy/conversation.hpp"

#include <algorithm>

#include "peers-sync/codec/message.hpp"

namespace roomgate::peers_sync::haproxy {

using codec::Control;

Conversation::Conversation(Options options, Tables& tables, std::string& out)
    : options_(std::move(options)),
      tables_(tables),
      out_(out),
      pusher_(options_.peer, options_.timed, tables, out),
      learner_(options_.peer, tables) {}

Conversation::Read Conversation::read(const codec::Frame& frame, TimePoint now) {
  auto message = codec::read_message(frame);
  if (!message) return Read::malformed;
  if (const auto* said = std::get_if<Control>(&*message)) return control(*said, now);
  if (const auto* body = std::get_if<codec::UpdateBody>(&*message)) return update(*body, now);
  if (const auto* ack = std::get_if<codec::Ack>(&*message)) {
    pusher_.acknowledged(*ack);
    return Read::understood;
  }
  if (auto* definition = std::get_if<codec::TableDefinition>(&*message)) {
    return learner_.define(std::move(*definition)) ? Read::understood : Read::skipped;
  }
  if (const auto* change = std::get_if<codec::TableSwitch>(&*message)) {
    learner_.use(*change);
    return Read::understood;
  }
  if (std::holds_alternative<codec::UnusableDefinition>(*message)) learner_.use_none();
  if (std::holds_alternative<codec::ErrorSaid>(*message)) {
    complained_ = true;
    return Read::understood;
  }
  return Read::skipped;
}

Conversation::Read Conversation::control(Control message, TimePoint now) {
  switch (message) {
    case Control::resync_request: pusher_.requested(); break;
    case Control::resync_finished:
    case Control::resync_partial:
      // Asked for or not, it waits for this word before it pushes anything again.
      confirm_due_ = true;
      if (learning_ || options_.local) lesson_over(message == Control::resync_finished, now);
      break;
    case Control::resync_confirm: pusher_.confirmed(); break;
    case Control::heartbeat: break;
  }
  return Read::understood;
}

Conversation::Read Conversation::update(const codec::UpdateBody& body, TimePoint now) {
  switch (learner_.update(body, learning_ || options_.local, now)) {
    case Learner::Read::learned:
      ++updates_in_;
      if (learning_) lesson_until_ = now + options_.limits.lesson;
      return Read::understood;
    case Learner::Read::ignored: return Read::skipped;
    case Learner::Read::malformed: return Read::malformed;
  }
  return Read::malformed;
}

void Conversation::work(TimePoint now) {
  if (out_.size() < options_.limits.max_unsent) {
    learner_.append_acks(out_);
    if (confirm_due_) codec::append_control(Control::resync_confirm, out_);
    confirm_due_ = false;
  }
  if (learning_ && now >= lesson_until_) lesson_over(false, now);
  if (!learning_ && !options_.local && tables_.wants_lesson(options_.peer, now)) {
    codec::append_control(Control::resync_request, out_);
    learning_ = true;
    lesson_until_ = now + options_.limits.lesson;
  }
  if (!pusher_.teaching() && (learning_ || options_.local)) {
    more_ = false;
  } else {
    more_ = out_.size() >= options_.limits.max_unsent || pusher_.push(options_.limits.updates_at_once, now);
  }
}

TimePoint Conversation::next() const {
  const bool unsaid = more_ || confirm_due_;
  if (unsaid && out_.size() < options_.limits.max_unsent) return TimePoint::min();
  return std::min(pusher_.next(), learning_ ? lesson_until_ : TimePoint::max());
}

void Conversation::end(TimePoint now) {
  if (learning_) lesson_over(false, now);
}

void Conversation::lesson_over(bool complete, TimePoint now) {
  learning_ = false;
  tables_.lesson_over(options_.peer, complete, now);
}

}  // namespace roomgate::peers_sync::haproxy
