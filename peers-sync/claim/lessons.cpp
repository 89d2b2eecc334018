#include "peers-sync/claim/lessons.hpp"

#include <algorithm>

namespace roomgate::peers_sync::claim {

// --- The learner.

void Lessons::choose_teacher(TimePoint now) {
  std::optional<LifeIndex> best;
  Duration nearest{};
  bool failed = false;
  for (const GateId& id : membership_.live(now)) {
    const LifeIndex gate = book_.life(id);
    if (!links_.wants_lesson_of(gate) || !links_.speaks(gate)) continue;
    if (failed_.contains(gate)) {
      failed = true;
      continue;
    }
    const Duration trip = membership_.round_trip(id.name).value_or(seconds(1));
    if (best && trip >= nearest) continue;
    best = gate;
    nearest = trip;
  }
  if (!best) {
    if (failed) failed_.clear();
    return;
  }
  lesson_ = Lesson{.teacher = *best, .number = ++last_number_};
  ask(now);
}

void Lessons::ask(TimePoint now) {
  Lesson& lesson = *lesson_;
  lesson.asked = now;
  lesson.allowed = lesson.got + limits_.ahead;
  links_.send(lesson.teacher, kLessonAsk,
              encode(LessonAsk{.lesson = lesson.number, .after = lesson.place, .parts = lesson.allowed}),
              now);
}

void Lessons::take(LifeIndex from, const LessonPart& part, TimePoint now) {
  if (!lesson_ || lesson_->teacher != from || lesson_->number != part.lesson ||
      lesson_->place != part.after) {
    return;
  }
  for (const Item& item : part.items.items) {
    // In the log of whom, if anybody: of the teacher itself where nothing else is said.
    Book::Said said{from, item.number};
    if (item.of != 0) {
      const GateId& gate = part.items.gates[item.of - 1];
      if (gate == membership_.self()) continue;  // we know better
      said = item.of_number == 0 ? Book::Said{} : Book::Said{book_.life(gate), item.of_number};
    }
    if (item.kind == Item::Kind::hold && (said.by == kNobody || book_.at(said.by).have >= said.number)) {
      continue;
    }
    record_.take(item, part.items.gates, said, now);
  }
  Lesson& lesson = *lesson_;
  lesson.place = part.upto;
  lesson.tries = 0;
  lesson.asked = now;
  ++lesson.got;
  if (part.last) {
    end(part, now);
  } else if (lesson.allowed - lesson.got <= limits_.ahead / 2) {
    ask(now);
  }
}

void Lessons::end(const LessonPart& part, TimePoint now) {
  const LifeIndex teacher = lesson_->teacher;
  lesson_.reset();
  failed_.clear();
  taught_ = true;
  for (const auto& have : part.have) {
    if (have.gate == membership_.self()) continue;
    const LifeIndex gate = book_.life(have.gate);
    Book::Life& life = book_.at(gate);
    life.have = std::max(life.have, have.number);
    if (!life.gone && gate != teacher && !membership_.is_live(have.gate, now)) life.gone = now;
    links_.set_known(gate);
  }
  links_.set_known(teacher);
}

// --- The teacher.

void Lessons::take(LifeIndex from, const LessonAsk& ask, TimePoint now) {
  Pupil& pupil = pupils_[from];
  if (pupil.lesson != ask.lesson) {
    pupil = {.lesson = ask.lesson, .place = ask.after};
  }
  pupil.allowed = std::max(pupil.allowed, ask.parts);
  pupil.asked = now;
  next_ = now;
}

void Lessons::teach(LifeIndex gate, Pupil& pupil, TimePoint now) {
  LessonPart part{.lesson = pupil.lesson, .after = pupil.place, .upto = pupil.place};
  ItemWriter items;
  bool full = false;
  const auto add = [&](Item item, LifeIndex source, std::uint64_t number) {
    // Of nobody's log: of a gate that can be named, but with no number in its log.
    item.number = source == kSelf ? number : 1;
    if (source != kSelf) item.of = items.gate(book_.at(source == kNobody ? kSelf : source).id);
    item.of_number = source == kNobody ? 0 : number;
    items.add(item);
  };
  book_.words().changed_since(part.upto.words, [&](const Words::Known& known) {
    const Item item = item_of_word(known);
    full = items.count() > 0 && (items.full() || !items.fits(size_of(item)));
    if (full) return false;
    add(item, known.source, known.number);
    part.upto.words = known.change;
    return true;
  });
  if (!full) {
    book_.changed_since(part.upto.rooms, [&](const Room& room, std::uint64_t position) {
      full = items.count() > 0 && (items.full() || !items.fits(book_.bytes_of(room)));
      if (full) return false;
      if (room.state != Room::State::unknown) add(item_of_home(book_, room, now), room.source, room.number);
      if (room.conflict) {
        for (const Home& other : book_.conflicts().at(room.id)) {
          add(item_of_other_home(room, other, now), kNobody, 0);
        }
      }
      for (const Holder& holder : room.holders) {
        add(item_of_hold(book_, room, holder, now), holder.gate, holder.number);
      }
      part.upto.rooms = position;
      return true;
    });
  }
  part.last = !full;
  if (part.last) {
    book_.for_each_life([&](LifeIndex index, const Book::Life& life) {
      const std::uint64_t have = index == kSelf ? book_.own_end() : life.have;
      const bool known = index == kSelf || have > 0 || links_.knows(index);
      if (known && part.have.size() < kMaxGatesSaid) part.have.push_back({life.id, have});
    });
    pupil.over = true;
  }
  pupil.place = part.upto;
  ++pupil.sent;
  std::string body;
  put_lesson_head(part, body);
  items.put(body);
  links_.send(gate, kLesson, std::move(body), now);
}

// --- Time.

void Lessons::tick(TimePoint now) {
  next_ = TimePoint::max();
  if (lesson_) {
    const std::string& name = book_.at(lesson_->teacher).id.name;
    const TimePoint due = lesson_->asked + links_.again(name);
    if (!membership_.is_live(book_.at(lesson_->teacher).id, now) || lesson_->tries >= limits_.tries) {
      failed_.insert(lesson_->teacher);
      lesson_.reset();
    } else if (now >= due) {
      // Another number, so that the teacher begins where we are.
      lesson_->number = ++last_number_;
      lesson_->got = 0;
      ++lesson_->tries;
      ask(now);
    } else {
      next_ = std::min(next_, due);
    }
  }
  if (!lesson_) choose_teacher(now);
  std::erase_if(pupils_, [&](const auto& one) { return now - one.second.asked > limits_.patience; });
  std::uint32_t left = limits_.parts_at_once;
  for (auto& [gate, pupil] : pupils_) {
    for (; left > 0 && !pupil.over && pupil.sent < pupil.allowed; --left) teach(gate, pupil, now);
    if (!pupil.over && pupil.sent < pupil.allowed) next_ = now;
  }
}

void Lessons::begin_anew() {
  lesson_.reset();
  failed_.clear();
  pupils_.clear();
}

void Lessons::forget(LifeIndex gate) {
  pupils_.erase(gate);
  failed_.erase(gate);
  if (lesson_ && lesson_->teacher == gate) lesson_.reset();
}

}  // namespace roomgate::peers_sync::claim
