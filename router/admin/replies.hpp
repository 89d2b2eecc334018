// What the admin endpoint's resources share: answers as JSON, a query's parameters, a body's fields, words
// that help. Pure; any thread.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "router/admin/api.hpp"
#include "router/admin/subject.hpp"

namespace roomgate::router::admin {

inline constexpr std::string_view kNeedsToken = "changes need the socket or the token";

ApiResponse reply(const boost::json::value& value, int status = 200);
// {"error": text}
ApiResponse refuse(int status, std::string_view text);

// The value of one query parameter, decoded; empty: not there.
std::string parameter(std::string_view query, std::string_view name);
// nullopt: there, and not a number.
std::optional<std::size_t> number_parameter(std::string_view query, std::string_view name,
                                            std::size_t otherwise);

// ?local=1: an operator's word that is for this front door only.
Scope scope_of(std::string_view query);

// The body as an object; nullopt: it is none, or nested deeper than any of ours.
std::optional<boost::json::object> body_object(std::string_view body);
// A text of it; nullopt: not there, or no text.
std::optional<std::string_view> text_field(const boost::json::object& object, std::string_view name);

// 2026-01-31T09:08:07.123Z
std::string rfc3339(std::chrono::system_clock::time_point time);

// 404 with the names there are, and the one that was probably meant.
ApiResponse no_such_shard(Subject& subject, std::string_view name);

}  // namespace roomgate::router::admin
