// The command line's side of the admin endpoint: one request, one answer, blocking. Used by main only.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace roomgate::router::admin {

struct ClientAnswer {
  int status = 0;
  std::string body;
};

// `url`: http://ADDRESS:PORT (localhost too), unix:/PATH, or /PATH. The error is for people.
Result<ClientAnswer, std::string> ask(const std::string& url, std::string_view method,
                                      const std::string& path, const std::string& body,
                                      const std::string& token);

// Where to ask when nobody said: the only socket in /run/roomgate, else http://127.0.0.1:9090.
std::string default_url();

}  // namespace roomgate::router::admin
