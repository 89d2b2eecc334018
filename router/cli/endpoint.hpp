// The admin endpoint that a command talks to, and safe ways into what it answers: the gate may be older or
// newer than this program, so a field that is missing is empty, never an error. Main's thread.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace roomgate::router::cli {

// Exit codes.
inline constexpr int kDone = 0;
inline constexpr int kRefused = 1;
inline constexpr int kUsage = 2;

struct Endpoint {
  std::string url;  // empty: where a gate of this machine usually is
  std::string token_file;
  bool as_json = false;

  struct Answer {
    int status = 0;
    boost::json::value body;
    std::string refusal() const;  // why it is not 200, for people
  };
  // The error, for people: there was no answer.
  Result<Answer, std::string> ask(std::string_view method, const std::string& path,
                                  const boost::json::value& body = nullptr) const;
  // The same for who needs a yes: nothing, with the reason on stderr, when there is none.
  std::optional<boost::json::object> expect(std::string_view method, const std::string& path,
                                            const boost::json::value& body = nullptr) const;
};

// What a path ends with where a word is for this front door only.
inline std::string_view local_query(bool local) { return local ? "?local=1" : ""; }

void print_json(const boost::json::value& value);

std::string text_of(const boost::json::object& object, std::string_view name);
std::uint64_t count_of(const boost::json::object& object, std::string_view name);
double number_of(const boost::json::object& object, std::string_view name);
bool flag_of(const boost::json::object& object, std::string_view name);
// The objects of a list.
std::vector<boost::json::object> list_of(const boost::json::object& object, std::string_view name);
// A list of texts as one: a, b
std::string joined(const boost::json::object& object, std::string_view name);
// Of a time in it, how long ago that was: 3m12s; empty: it has none.
std::string age_of(const boost::json::object& object, std::string_view name);

}  // namespace roomgate::router::cli
