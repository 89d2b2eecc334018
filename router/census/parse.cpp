#include "router/census/parse.hpp"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>
#include <ctime>

#include "router/room/normalise.hpp"

namespace roomgate::router::census {

namespace {

namespace json = boost::json;

constexpr std::int64_t kLastSecond = 100'000'000'000;  // a larger number can only be of milliseconds
constexpr std::int64_t kLastMillisecond = kLastSecond * 1000;

std::optional<std::int64_t> milliseconds_of(std::int64_t number) {
  if (number <= 0 || number > kLastMillisecond) return std::nullopt;
  return number > kLastSecond ? number : number * 1000;
}

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  const char* const begin = text.data() + at;
  const auto [end, error] = std::from_chars(begin, begin + count, value);
  if (error != std::errc() || end != begin + count || value < 0) return std::nullopt;
  return value;
}

// "2026-11-22T19:03:39Z", RFC 3339 as roomshard writes it; or a number in quotes, as Prosody keeps it.
std::optional<std::int64_t> time_of(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00Z";
  if (text.size() != kForm.size()) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return milliseconds_of(number);
  }
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    if (kForm[i] != '0' && text[i] != kForm[i]) return std::nullopt;
  }
  const auto year = digits(text, 0, 4);
  const auto month = digits(text, 5, 2);
  const auto day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2);
  const auto minute = digits(text, 14, 2);
  const auto second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  std::tm utc{};
  utc.tm_year = *year - 1900;
  utc.tm_mon = *month - 1;
  utc.tm_mday = *day;
  utc.tm_hour = *hour;
  utc.tm_min = *minute;
  utc.tm_sec = *second;
  return milliseconds_of(timegm(&utc));
}

// Jitsi's Prosody keeps a tenant's room x as "[t]x@conference.meet.example", whatever domain its people see.
void take_jid(std::string_view jid, Room& room) {
  std::string_view local = jid.substr(0, jid.find('@'));
  if (local.starts_with('[')) {
    if (const auto end = local.find(']'); end != local.npos) {
      room.tenant = local.substr(1, end - 1);
      local.remove_prefix(end + 1);
    }
  }
  room.name = local;
}

// Follows Boost's parser through a text of any shape, and keeps what is in the one list that counts.
struct Handler {
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  enum class Field { none, list, name, jid, tenant, participants, created, leaked };
  // Objects and lists around what comes now, where that counts.
  static constexpr int kTop = 1;
  static constexpr int kList = 2;
  static constexpr int kRoom = 3;

  explicit Handler(Limits l) : limits(l) {}

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code& error) {
    ++depth;
    if (!in_list || depth != kRoom) return true;
    if (rooms.size() == limits.max_rooms) {
      too_many = true;
      error = json::error::array_too_large;
      return false;
    }
    room = {};
    leaked = false;
    return true;
  }
  bool on_object_end(std::size_t, json::error_code&) {
    if (in_list && depth == kRoom && !room.name.empty()) {
      // People whose connections are gone are in no meeting.
      if (leaked) room.participants = 0;
      rooms.push_back(std::move(room));
    }
    --depth;
    return true;
  }
  bool on_array_begin(json::error_code&) {
    ++depth;
    if (depth == kList && field == Field::list) in_list = found = true;
    return true;
  }
  bool on_array_end(std::size_t, json::error_code&) {
    if (depth == kList) in_list = false;
    --depth;
    return true;
  }

  bool on_key_part(json::string_view piece, std::size_t, json::error_code&) { return add(piece); }
  bool on_key(json::string_view piece, std::size_t, json::error_code&) {
    add(piece);
    const bool whole = !cut;
    const std::string key = take_text();
    field = whole ? field_of(key) : Field::none;
    return true;
  }
  bool on_string_part(json::string_view piece, std::size_t, json::error_code&) { return add(piece); }
  bool on_string(json::string_view piece, std::size_t, json::error_code&) {
    add(piece);
    const bool whole = !cut;
    const std::string value = take_text();
    if (!whole || !is_of_room()) return true;
    switch (field) {
      case Field::name: room.name = value; break;
      case Field::jid: take_jid(value, room); break;
      case Field::tenant: room.tenant = value; break;
      case Field::created: room.created = time_of(value); break;
      case Field::participants:
      case Field::leaked:
      case Field::list:
      case Field::none: break;
    }
    return true;
  }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t number, json::string_view, json::error_code&) {
    if (!is_of_room()) return true;
    // Prosody's count is less one for the focus, which may have gone first.
    if (field == Field::participants)
      room.participants = static_cast<std::uint64_t>(std::max(number, std::int64_t{0}));
    if (field == Field::created) room.created = milliseconds_of(number);
    return true;
  }
  // Only what does not fit into the other.
  bool on_uint64(std::uint64_t number, json::string_view, json::error_code&) {
    if (is_of_room() && field == Field::participants) room.participants = number;
    return true;
  }
  // Lua writes large numbers with an exponent.
  bool on_double(double number, json::string_view digits_of, json::error_code& error) {
    if (!std::isfinite(number) || std::abs(number) > static_cast<double>(kLastMillisecond)) return true;
    return on_int64(static_cast<std::int64_t>(number), digits_of, error);
  }
  bool on_bool(bool value, json::error_code&) {
    if (is_of_room() && field == Field::leaked) leaked = value;
    return true;
  }
  bool on_null(json::error_code&) { return true; }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

  bool is_of_room() const { return in_list && depth == kRoom; }
  Field field_of(std::string_view key) const {
    if (depth == kTop) return key == "rooms" || key == "room_census" ? Field::list : Field::none;
    if (!is_of_room()) return Field::none;
    if (key == "room") return Field::name;
    if (key == "room_name") return Field::jid;
    if (key == "tenant") return Field::tenant;
    if (key == "participants") return Field::participants;
    if (key == "created" || key == "created_time") return Field::created;
    return key == "leaked" ? Field::leaked : Field::none;
  }
  bool add(json::string_view piece) {
    const std::size_t fits = std::min(piece.size(), limits.max_name_bytes - text.size());
    text.append(piece.data(), fits);
    cut = cut || fits < piece.size();
    return true;
  }
  std::string take_text() {
    cut = false;
    return std::exchange(text, {});
  }

  Limits limits;
  std::vector<Room> rooms;
  bool found = false;
  bool too_many = false;
  int depth = 0;
  bool in_list = false;
  Field field = Field::none;
  Room room;
  bool leaked = false;
  std::string text;  // of a key or a string that comes in pieces
  bool cut = false;
};

}  // namespace

struct Parser::Machine {
  explicit Machine(Limits l) : limits(l), parser(json::parse_options(), l) {}

  Limits limits;
  json::basic_parser<Handler> parser;
  std::size_t bytes = 0;
  std::optional<ParseError> error;
};

Parser::Parser(Limits limits) : machine_(std::make_unique<Machine>(limits)) {}
Parser::~Parser() = default;

bool Parser::feed(std::string_view piece) {
  Machine& m = *machine_;
  if (m.error) return false;
  m.bytes += piece.size();
  if (m.bytes > m.limits.max_bytes) {
    m.error = ParseError::too_long;
    return false;
  }
  // What stands behind a whole text is white space, or it is no JSON.
  json::error_code error;
  const std::size_t taken = m.parser.write_some(true, piece.data(), piece.size(), error);
  if (!error && taken == piece.size()) return true;
  m.error = m.parser.handler().too_many ? ParseError::too_many_rooms : ParseError::not_json;
  return false;
}

Result<std::vector<Room>, ParseError> Parser::finish() {
  Machine& m = *machine_;
  if (!m.error) {
    json::error_code error;
    m.parser.write_some(false, nullptr, 0, error);
    if (error || !m.parser.done()) {
      m.error = ParseError::not_json;
    } else if (!m.parser.handler().found) {
      m.error = ParseError::not_a_census;
    }
  }
  if (m.error) return fail(*m.error);
  return std::move(m.parser.handler().rooms);
}

std::string_view to_text(ParseError error) {
  switch (error) {
    case ParseError::too_long: return "the answer is too long";
    case ParseError::too_many_rooms: return "too many rooms";
    case ParseError::not_json: return "the answer is not JSON";
    case ParseError::not_a_census: return "the answer lists no rooms";
  }
  return "";
}

std::optional<std::string> key_of(const Room& room, const room::KeySettings& settings) {
  std::string key;
  if (settings.tenants && !room.tenant.empty()) {
    room::append_normalised(room.tenant, room::Where::path, key);
    key.push_back('/');
  }
  room::append_normalised(room.name, room::Where::path, key);
  if (key.empty() || key.size() > settings.max_key_bytes) return std::nullopt;
  return key;
}

}  // namespace roomgate::router::census
