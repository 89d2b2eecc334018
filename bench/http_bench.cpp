// What one request costs between the read and the write, without any I/O: parsing, decisions, and both heads.
// Prints nanoseconds per step, the least of several rounds. `http_bench NAME` runs one step only, 200,000
// times, for callgrind or perf.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "router/http/framing.hpp"
#include "router/http/request_parser.hpp"
#include "router/http/response_parser.hpp"
#include "router/http/rewrite.hpp"
#include "router/http/target.hpp"
#include "router/http/upgrade.hpp"
#include "router/room/room_key.hpp"
#include "router/room/url_map.hpp"

using namespace roomgate;
using namespace roomgate::router;

namespace {

// What a load tool sends, what a browser sends for a signalling request, and what a shard's server answers.
constexpr std::string_view kShort =
    "GET /xmpp-websocket?room=standup42 HTTP/1.1\r\n"
    "Host: meet.example.org\r\n"
    "User-Agent: bench/1\r\n"
    "Accept: */*\r\n\r\n";
constexpr std::string_view kBrowser =
    "POST /http-bind?room=standup42&prefix=eu HTTP/1.1\r\n"
    "Host: meet.example.org\r\n"
    "Connection: keep-alive\r\n"
    "Content-Length: 210\r\n"
    "sec-ch-ua-platform: \"Linux\"\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
    "Safari/537.36\r\n"
    "sec-ch-ua: \"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\"\r\n"
    "Content-Type: text/xml; charset=utf-8\r\n"
    "sec-ch-ua-mobile: ?0\r\n"
    "Accept: */*\r\n"
    "Origin: https://meet.example.org\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: cors\r\n"
    "Sec-Fetch-Dest: empty\r\n"
    "Referer: https://meet.example.org/standup42\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-US,en;q=0.9\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\r\n";
constexpr std::string_view kPage =
    "GET /SomeTeam/Weekly%20Standup HTTP/1.1\r\n"
    "Host: meet.example.org\r\n"
    "User-Agent: Mozilla/5.0\r\n"
    "Accept: text/html\r\n\r\n";
constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\n"
    "Server: nginx\r\n"
    "Date: Mon, 23 Nov 2026 01:02:03 GMT\r\n"
    "Content-Type: text/xml; charset=utf-8\r\n"
    "Content-Length: 128\r\n"
    "Connection: keep-alive\r\n"
    "Access-Control-Allow-Origin: *\r\n"
    "Strict-Transport-Security: max-age=63072000\r\n"
    "Cache-Control: no-store\r\n\r\n";

std::size_t sink = 0;

// All of a request's way through router/http and router/room, as a session takes it.
class Way {
 public:
  explicit Way(std::string_view bytes) : bytes_(bytes) { read(); }

  void read() {
    parser_.reset();
    const auto done = parser_.parse(as_bytes(bytes_));
    sink += done.ok() && *done ? parser_.head().size : 0;
  }
  void decide() {
    const http::RequestHead& head = parser_.head();
    framing_ = *http::framing_of(head);
    sink += static_cast<std::size_t>(http::accept_upgrade(head).kind);
    path_ = *http::routed_path(head.target.path, scratch_);
  }
  void classify() {
    info_ = urls_.classify(path_.plain, parser_.head().target.query);
    sink += static_cast<std::size_t>(info_.kind);
  }
  void key() {
    const http::RequestHead& head = parser_.head();
    const auto found =
        room::room_key({info_, head.target.query, head.headers, head.authority}, settings_, key_);
    sink += found.ok() && *found ? (*found)->text.size() : 0;
  }
  void write() {
    out_.clear();
    http::write_request_head(parser_.head(),
                             {.path = path_.forward,
                              .client_ip = "203.0.113.77",
                              .https = true,
                              .request_id = "0123456789abcdef0123456789abcdef",
                              .region = "eu-central",
                              .framing = framing_},
                             out_);
    sink += out_.size();
  }
  void all() {
    read();
    decide();
    classify();
    key();
    write();
  }
  const std::string& out() const { return out_; }

 private:
  std::string_view bytes_;
  http::RequestParser parser_;
  http::Framing framing_;
  http::PathScratch scratch_;
  http::RoutedPath path_;
  room::UrlMap urls_;
  room::PathInfo info_;
  room::KeySettings settings_;
  std::string key_;
  std::string out_;
};

class Back {
 public:
  void read() {
    parser_.reset();
    const auto done = parser_.parse(as_bytes(kAnswer));
    sink += done.ok() && *done ? parser_.head().size : 0;
  }
  void write() {
    out_.clear();
    const auto framing = http::framing_of(parser_.head(), http::Method::get, false);
    http::write_response_head(parser_.head(), {.framing = http::framing_towards(*framing, 1)}, out_);
    sink += out_.size();
  }

 private:
  http::ResponseParser parser_;
  std::string out_;
};

double nanoseconds(const std::function<void(int)>& work) {
  constexpr int kTimes = 20'000;
  double best = 1e9;
  for (int round = 0; round < 15; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    work(kTimes);
    const auto took = std::chrono::steady_clock::now() - begin;
    best = std::min(best, std::chrono::duration<double, std::nano>(took).count() / kTimes);
  }
  return best;
}

struct Step {
  std::string name;
  std::function<void(int)> work;
};

template <class Part>
Step step(std::string name, Part part) {
  return {std::move(name), [part](int times) {
            for (int i = 0; i < times; ++i) part();
          }};
}

}  // namespace

int main(int argc, char** argv) {
  Way small(kShort);
  Way browser(kBrowser);
  Way page(kPage);
  Back back;
  std::vector<Step> steps;
  for (auto& [name, way] : {std::pair{"short", &small}, {"browser", &browser}, {"page", &page}}) {
    Way* const w = way;
    w->all();
    const std::string prefix = std::string(name) + ".";
    steps.push_back(step(prefix + "read", [w] { w->read(); }));
    steps.push_back(step(prefix + "decide", [w] { w->decide(); }));
    steps.push_back(step(prefix + "classify", [w] { w->classify(); }));
    steps.push_back(step(prefix + "key", [w] { w->key(); }));
    steps.push_back(step(prefix + "write", [w] { w->write(); }));
    steps.push_back(step(prefix + "all", [w] { w->all(); }));
  }
  steps.push_back(step("answer.read", [&back] { back.read(); }));
  steps.push_back(step("answer.write", [&back] { back.write(); }));
  back.read();
  if (argc > 1) {
    for (const Step& each : steps) {
      if (each.name == argv[1]) each.work(200'000);
    }
    return 0;
  }
  for (const Step& each : steps) std::printf("%-18s %8.1f ns\n", each.name.c_str(), nanoseconds(each.work));
  return sink == 0 ? 1 : 0;
}
