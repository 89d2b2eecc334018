#include <algorithm>

#include "base/encoding.hpp"
#include "conf/haproxy/parts.hpp"
#include "conf/haproxy/values.hpp"

namespace roomgate::conf::haproxy {
namespace {

struct Check {
  std::string method = "OPTIONS";
  std::string path = "/";
  std::string host;
  std::vector<std::string> headers;
};

// A header that [health] can hold: one line, a plain name.
void add_header(Import& in, const Line& line, Check& check, const std::string& name,
                const std::string& value) {
  constexpr std::string_view kToken =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!#$&'*+^`|~";
  const bool fits = !name.empty() && name.find_first_not_of(kToken) == name.npos && !value.empty() &&
                    value.find_first_of("\r\n") == value.npos && value.find("%[") == value.npos;
  if (!fits) {
    in.account.left(line, Left::lost, "A check's headers are fixed texts");
  } else if (ascii_iequals(name, "host")) {
    check.host = value;
  } else if (!ascii_iequals(name, "connection")) {
    check.headers.push_back(name + ": " + value);
  }
}

// "HTTP/1.1\r\nHost: web": how headers were given before there was http-check send.
void take_version(Import& in, const Line& line, Check& check, std::string_view text) {
  while (!text.empty()) {
    const auto end = text.find("\r\n");
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 2);
    const auto colon = part.find(':');
    if (colon == part.npos) continue;
    std::string_view value = part.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    add_header(in, line, check, std::string(part.substr(0, colon)), std::string(value));
  }
}

void take_option(Import& in, const Line& line, Check& check) {
  const auto& words = line.words;  // option httpchk [METHOD] [URI [VERSION]]
  in.account.carried(line);
  if (words.size() == 3) {
    check.path = words[2];
  } else if (words.size() > 3) {
    check.method = words[2];
    check.path = words[3];
  }
  if (words.size() > 4) take_version(in, line, check, words[4]);
  for (std::size_t i = 5; i < words.size(); ++i) take_version(in, line, check, words[i]);
}

void take_send(Import& in, const Line& line, Check& check) {
  const auto& words = line.words;
  in.account.carried(line);
  for (std::size_t i = 2; i + 1 < words.size(); i += 2) {
    const std::string& word = words[i];
    if (word == "meth") {
      check.method = words[i + 1];
    } else if (word == "uri") {
      check.path = words[i + 1];
    } else if (word == "hdr" && i + 2 < words.size()) {
      add_header(in, line, check, words[i + 1], words[i + 2]);
      ++i;
    } else if (word == "ver") {
      take_version(in, line, check, words[i + 1]);
    } else {
      in.account.left(line, Left::lost, "A check is a GET: no body, no request made of a log format");
    }
  }
}

std::vector<std::string> expected(Import& in, const std::vector<const Line*>& lines) {
  std::vector<std::string> all;
  for (const Line* line : lines) {
    const auto& words = line->words;
    std::vector<std::string> found;
    if (words.size() == 4 && words[2] == "status") found = statuses_of(words[3]);
    if (words.size() == 4 && words[2] == "rstatus") found = statuses_of_expression(words[3]);
    if (found.empty()) {
      in.account.left(*line, Left::lost,
                      "health.expect is a list of statuses; what else an answer holds is not looked at");
      continue;
    }
    in.account.carried(*line);
    for (std::string& each : found) {
      if (std::find(all.begin(), all.end(), each) == all.end()) all.push_back(std::move(each));
    }
  }
  if (all.empty()) all = {"2xx", "3xx"};  // what HAProxy takes for good
  return all;
}

}  // namespace

void import_check(Import& in, bool checked) {
  const Section& main = *in.way.rooms[0];
  for (const Section* other : in.way.rooms) {
    if (other == &main) continue;
    for (const Line* line : other->lines) {
      const bool same = std::any_of(main.lines.begin(), main.lines.end(),
                                    [line](const Line* each) { return each->words == line->words; });
      const bool is_check = begins_with(*line, {"option", "httpchk"}) || line->words[0] == "http-check";
      if (is_check && same) in.account.carried(*line);
      if (is_check && !same) in.account.left(*line, Left::lost, "[health] is one for all shards");
    }
  }
  const Line* option = setting(main, {"option", "httpchk"});
  auto& health = in.draft.table("health");
  if (!checked) {
    if (option == nullptr) return;
    health.say(
        "No server had `check`: remove check = false from the shards, and this is how they are asked.");
  }
  if (option == nullptr) {
    health.set("path", toml(""), "a connect is enough, as in HAProxy; better: \"/about/health\"");
    return;
  }
  Check check;
  take_option(in, *option, check);
  for (const Line* line : settings(main, {"http-check", "send"})) take_send(in, *line, check);
  const bool plain = check.path.starts_with("/") && check.path.find_first_of(" \t\r\n") == check.path.npos;
  if (!plain) {
    in.account.left(*option, Left::lost, "A check's path begins with / and is a fixed text");
  }
  health.set("path", toml(plain ? std::string_view(check.path) : "/"),
             check.method == "GET" ? "" : "asked by GET, where HAProxy sent " + check.method);
  if (!check.host.empty()) health.set("host", toml(check.host));
  health.set("expect", toml(expected(in, settings(main, {"http-check", "expect"}))));
  if (!check.headers.empty()) health.set("headers", toml(check.headers));
  for (const Line* line : settings(main, {"http-check"})) {
    if (!in.account.knows(*line)) {
      in.account.left(*line, Left::lost,
                      "A check is one GET to the shard's own address; these steps have no setting here");
    }
  }
}

}  // namespace roomgate::conf::haproxy
