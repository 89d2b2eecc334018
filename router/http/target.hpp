// Request targets and paths: the forms of RFC 9112 3.2, and the one normal form of a path on which the gate
// both routes and forwards (CVE-2019-9901: who routes on one spelling and forwards another lets requests
// through). Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "router/http/types.hpp"

namespace roomgate::router::http {

// Views into `text`. No fragment, control, raw space or byte past ASCII; no backslash in a path; http and
// https only; no user in an authority. The asterisk is for OPTIONS and M-SEARCH.
Result<Target, ParseError> parse_target(std::string_view text, std::string_view method);

// Reused from request to request, so that only unusual paths allocate.
struct PathScratch {
  std::string forward;
  std::string plain;
};

struct RoutedPath {
  std::string_view
      forward;  // sent to the shard: unreserved escapes decoded, dot segments removed, slashes merged
  std::string_view
      plain;  // `forward` with every escape decoded once, invalid ones kept: what the URL map looks at
};

// Views into `path` (the usual case) or `scratch`. Refused, since shards' servers disagree on what such a
// path is: an escaped NUL, CR or LF, overlong UTF-8, and dot segments behind escaped slashes, at backslashes
// or with a parameter.
Result<RoutedPath, ParseError> routed_path(std::string_view path, PathScratch& scratch);

}  // namespace roomgate::router::http
